/**
 * The one table of the configuration: validator, environment names, flags, `docs/config.md` and
 * `docs/config.example.yaml` all come from its rows. A key of `Config` without a row does not
 * compile.
 */
import type { Config } from './config.ts'
import type { ListenAddress } from './listen-config.ts'
import { environmentName, flagName, type Setting, type SettingFor } from './settings.ts'

type Leaf = string | number | boolean | ListenAddress | readonly unknown[]
type PathsOf<T> = {
  [K in keyof T & string]-?: NonNullable<T[K]> extends Leaf
    ? K
    : `${K}.${PathsOf<NonNullable<T[K]>>}`
}[keyof T & string]
type ValueAt<T, P extends string> = P extends `${infer Head}.${infer Tail}`
  ? Head extends keyof T
    ? ValueAt<NonNullable<T[Head]>, Tail>
    : never
  : P extends keyof T
    ? NonNullable<T[P]>
    : never

/** Lists of declarations; read from the file only, by `sections.ts` and `tenants.ts`. */
export const SECTIONS = ['operatorKeys', 'regions', 'plans', 'alertRules', 'tenants'] as const

/** Every key path of the file outside the sections, such as `listen.http`. */
export type SettingKey = PathsOf<Omit<Config, (typeof SECTIONS)[number] | 'masterKeyFile'>>

/** Our bound on the configuration file and on every file a secret comes from. */
export const CONFIG_FILE_BYTES_MAX = 1024 * 1024
export const SECRET_FILE_BYTES_MAX = 4096

/** RFC 5321 §4.1.2 without quotes, routes and literals; an address cannot end its header. */
export const ADDRESS =
  /^(?=.{3,254}$)[\w!#$%&'*+/=?^`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/

const BASE64_KEY = '[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]='
/** One key; or the header among comments, and at least one line of version and key. */
const MASTER_KEY = new RegExp(
  `^(?:${BASE64_KEY}|(?=[^]*\\n[1-9])(?:#[^\\r\\n]*\\r?\\n)*lockgate-master-key 1` +
    `(?:\\r?\\n(?:#[^\\r\\n]*|[1-9]\\d{0,9} ${BASE64_KEY})?)+)$`,
)

const OWN_LISTENER =
  'No client of another protocol is let in there, and a firewall or proxy can tell them apart.'

export const SETTINGS: { readonly [K in SettingKey]: SettingFor<ValueAt<Config, K>> } = {
  mode: {
    type: 'choice',
    values: ['development', 'production'],
    default: 'development',
    does: 'Says how strict the server is about what it is given.',
    prevents: '`production` refuses well-known or short secrets and apps open to every origin.',
  },
  'listen.http': {
    type: 'address',
    default: '127.0.0.1:8080',
    does: 'Where HTTP and every WebSocket protocol are served; port 0 lets the system choose.',
    prevents:
      'The default is loopback, so nothing is reachable from outside until it is asked for.',
  },
  'listen.https': {
    type: 'address',
    default: '127.0.0.1:8443',
    does: 'Where the same is served over TLS, once `tls` names a certificate.',
    prevents: 'Without a certificate nothing listens here, so there is never a self-made one.',
  },
  'listen.mqtt': {
    type: 'address',
    default: '127.0.0.1:1883',
    canBeNone: true,
    does: 'Where MQTT is served over TCP; `none`: nowhere.',
    prevents:
      'The default is loopback: passwords travel as they are here. Beyond it use `listen.mqtts`.',
  },
  'listen.mqtts': {
    type: 'address',
    default: '127.0.0.1:8883',
    canBeNone: true,
    does: 'Where MQTT is served over TLS, once `tls` names a certificate; `none`: nowhere.',
    prevents: 'Without a certificate nothing listens here, so there is never a self-made one.',
  },
  'listen.pusher': {
    type: 'address',
    default: 'none',
    canBeNone: true,
    does: 'An address for Pusher alone, beside `/health`; over TLS once `tls` is set.',
    prevents: OWN_LISTENER,
  },
  'listen.wsocket': {
    type: 'address',
    default: 'none',
    canBeNone: true,
    does: 'An address for wSocket alone, beside `/health`; over TLS once `tls` is set.',
    prevents: OWN_LISTENER,
  },
  'listen.yjs': {
    type: 'address',
    default: 'none',
    canBeNone: true,
    does: 'An address for Yjs documents alone, beside `/health`; over TLS once `tls` is set.',
    prevents: OWN_LISTENER,
  },
  'listen.mqttWebSocket': {
    type: 'address',
    default: 'none',
    canBeNone: true,
    does: 'An address for MQTT over WebSocket alone, beside `/health`; TLS once `tls` is set.',
    prevents: OWN_LISTENER,
  },
  'listen.ops': {
    type: 'address',
    default: '127.0.0.1:9090',
    does: 'Where `/live`, `/ready` and `/metrics` are served.',
    prevents: 'A listener of its own keeps health and metrics away from the public address.',
  },
  publicUrl: {
    type: 'url',
    of: 'base',
    default: undefined,
    does: 'The URL clients reach the server by, `pathPrefix` included; issuers begin with it.',
    prevents:
      'Without it the issuer is `http://` and `listen.http`; a `Host` header never decides it. ' +
      'Production takes https only.',
  },
  allowedHosts: {
    type: 'list',
    of: 'domains',
    countMax: 100,
    default: [],
    does:
      'More names, `host[:port]`, under which the administration and the page answer, beside IP ' +
      'addresses, `localhost` and the hosts of `publicUrl` and `listen`.',
    prevents:
      'A site that lets its name lead here reaches nothing through the browser of a visitor.',
  },
  trustedProxies: {
    type: 'list',
    of: 'networks',
    countMax: 100,
    default: [],
    does: 'The proxies in front of the server: their `X-Forwarded-For` and `-Proto` are believed.',
    prevents: 'Nobody else can choose the address that limits count and the audit log keeps.',
  },
  'outbound.allowedNetworks': {
    type: 'list',
    of: 'networks',
    countMax: 100,
    default: [],
    does:
      'Private networks that URLs of customers may lead to, such as their key sets; plain http ' +
      'is taken there too.',
    prevents:
      'Empty, a URL never reaches your own network, the machine itself or the metadata of a cloud.',
  },
  store: {
    type: 'choice',
    values: ['sqlite', 'memory'],
    default: 'sqlite',
    does: 'Where records are kept: files in `dataDir`, or memory that is gone after a restart.',
    prevents:
      'The default keeps what was acknowledged; `memory` is for tests and throw-away servers.',
  },
  dataDir: {
    type: 'path',
    default: './data',
    does: 'The directory of the database and the master key; made with permissions 0700.',
    prevents: 'One private directory keeps records and keys from other users of the machine.',
  },
  masterKey: {
    type: 'text',
    shape: 'base64 of 32 random bytes, or the lines of a master key file',
    pattern: MASTER_KEY,
    default: undefined,
    isSecret: true,
    does:
      'The key that seals secrets at rest; without it and `masterKeyCommand`, `master.key` in ' +
      '`dataDir` is used.',
    prevents: 'A stolen database file is useless without it.',
  },
  masterKeyCommand: {
    type: 'list',
    of: 'words',
    countMax: 32,
    default: undefined,
    does:
      'A program and its arguments, run at the start without a shell; it prints the master key ' +
      'within 10 seconds.',
    prevents: 'The key can stay in a secret store. Put no secret in the arguments: they are shown.',
  },
  'tls.certFile': {
    type: 'path',
    default: undefined,
    does: 'The certificate chain in PEM; read again when the file changes.',
    prevents: 'Given together with `tls.keyFile` or not at all, so TLS is never half configured.',
  },
  'tls.keyFile': {
    type: 'path',
    default: undefined,
    does: 'The private key of the certificate in PEM.',
    prevents: 'Only a path is accepted, so the key itself never stands in a configuration file.',
  },
  'tls.clientCaFile': {
    type: 'path',
    default: undefined,
    does:
      'The authority, in PEM, whose certificates clients of `listen.mqtts` may show; read again ' +
      'when the file changes.',
    prevents:
      'A certificate of anybody else ends the handshake; without the file no client is asked for ' +
      'one. HTTPS does not ask.',
  },
  'tls.clientCertificates': {
    type: 'choice',
    values: ['optional', 'required'],
    default: 'optional',
    does: 'Whether clients of `listen.mqtts` have to show a certificate of `tls.clientCaFile`.',
    prevents: 'With `required` nobody without one gets as far as sending a password.',
  },
  pathPrefix: {
    type: 'text',
    shape: 'empty, or a path such as `/realtime` without a slash at the end',
    pattern: /^(?:(?:\/[A-Za-z0-9_-][A-Za-z0-9._~-]{0,63}){1,8})?$/,
    default: '',
    does: 'Is put before `/app/:key` and `/apps/...`, for a proxy that passes a sub-path on.',
    prevents: 'A narrow alphabet keeps encoded or relative segments out of routing.',
  },
  logLevel: {
    type: 'choice',
    values: ['debug', 'info', 'warn', 'error'],
    default: 'info',
    does: 'The lowest level that is logged.',
    prevents: 'Stack traces of failed starts are shown on `debug` only.',
  },
  demo: {
    type: 'boolean',
    default: { development: true, production: false },
    does: 'Serves the page at `/`; the first start makes a demo tenant with random credentials.',
    prevents: 'Off in production, so no app exists that nobody asked for.',
  },
  drainMs: {
    type: 'integer',
    unit: 'ms',
    min: 0,
    max: 60_000,
    default: 5_000,
    does: 'How long the closing of sockets is spread when the server stops.',
    prevents: 'Clients that reconnect without jitter would otherwise all arrive at once elsewhere.',
  },
  'limits.connectionCountMax': {
    type: 'integer',
    unit: 'count',
    min: 1,
    max: 10_000_000,
    default: 100_000,
    does: 'The most connections the process holds over all apps.',
    prevents: 'Memory and descriptors stay bounded under a flood of connections.',
  },
  'limits.webSocketFrameBytesMax': {
    type: 'integer',
    unit: 'bytes',
    min: 1_024,
    max: 16_777_216,
    default: 65_536,
    does: 'The largest WebSocket message accepted from a client.',
    prevents: 'One client cannot make the server hold a huge message.',
  },
  'limits.outboxBytesMax': {
    type: 'integer',
    unit: 'bytes',
    min: 262_144,
    max: 1_073_741_824,
    default: 16_777_216,
    does: 'The most bytes that wait for one slow reader before it is cut as `slow_consumer`.',
    prevents: 'A reader that stops reading cannot fill the memory of the server.',
  },
  'limits.subscriptionCountMax': {
    type: 'integer',
    unit: 'count',
    min: 1,
    max: 100_000,
    default: 1_000,
    does: 'The most channels one connection may be subscribed to.',
    prevents: 'Closing one connection never holds up the others.',
  },
  'limits.channelCountMax': {
    type: 'integer',
    unit: 'count',
    min: 1,
    max: 10_000_000,
    default: 1_000_000,
    does: 'The most channels that exist in one app at a time.',
    prevents: 'Inventing channel names cannot grow memory without end.',
  },
  'limits.activityTimeoutMs': {
    type: 'integer',
    unit: 'ms',
    min: 1_000,
    max: 600_000,
    default: 120_000,
    does: 'How long a connection may be silent before it is asked for a sign of life.',
    prevents: 'Connections whose peer is gone do not stay for ever.',
  },
  'limits.pongTimeoutMs': {
    type: 'integer',
    unit: 'ms',
    min: 1_000,
    max: 300_000,
    default: 30_000,
    does: 'How long the answer to that may take before the connection is closed.',
    prevents: 'A dead peer is noticed in a bounded time.',
  },
  'limits.authTimestampWindowMs': {
    type: 'integer',
    unit: 'ms',
    min: 1_000,
    max: 3_600_000,
    default: 600_000,
    does: 'How far the timestamp of a signed HTTP call may be from the clock of the server.',
    prevents: 'A signed call that was recorded cannot be used for ever.',
  },
  'load.shedding': {
    type: 'boolean',
    default: true,
    does: 'Whether new connections are refused while the server is overloaded; open ones stay.',
    prevents: 'One connection too many slows down or ends all of those that are there.',
  },
  'load.memoryPercent': {
    type: 'integer',
    unit: 'percent',
    min: 10,
    max: 100,
    default: 80,
    does: 'From which part of its memory on (machine or control group) the server is overloaded.',
    prevents: 'The system ends a process that takes all, with every connection it has.',
  },
  'load.cpuPercent': {
    type: 'integer',
    unit: 'percent',
    min: 10,
    max: 100,
    default: 80,
    does: 'From which part of one CPU on the thread that serves connections is overloaded.',
    prevents: 'Messages of those who are connected wait behind the greetings of new ones.',
  },
  'load.cpuSeconds': {
    type: 'integer',
    unit: 'seconds',
    min: 1,
    max: 60,
    default: 10,
    does: 'How long it is that busy without a pause before it counts.',
    prevents: 'Clients that all come back after a restart are let in, as fast as it goes.',
  },
  'load.connectionPercent': {
    type: 'integer',
    unit: 'percent',
    min: 10,
    max: 100,
    default: 80,
    does: 'From which part of `limits.connectionCountMax` on it is overloaded; 100: only then.',
    prevents: 'Another node is tried while there is still room for those who have none.',
  },
  'documents.prefixes': {
    type: 'list',
    of: 'paths',
    countMax: 8,
    default: ['/ws', '/collaboration'],
    does: 'Paths below which WebSockets are editors of documents, whatever they show.',
    prevents: 'An editor that signs in over its connection is not taken for another client.',
  },
  'documents.region': {
    type: 'text',
    shape: '1 to 40 of `a-z 0-9 -`, such as `eu-central-1`',
    pattern: /^[a-z0-9][a-z0-9-]{0,39}$/,
    default: 'local',
    does: 'The WebSocket region of this node: where documents are that are opened here first.',
    prevents: 'The editors of a document meet in one region; the records of an app are elsewhere.',
  },
  'documents.regions': {
    type: 'list',
    of: 'document regions',
    countMax: 64,
    default: [],
    does:
      'Every WebSocket region with its URL, such as `eu-central-1 wss://eu.example.com`. A host ' +
      'that is here says which region a request is for.',
    prevents: 'Editors are sent to these URLs only, when another region has their document.',
  },
  'mqtt.packetBytesMax': {
    type: 'integer',
    unit: 'bytes',
    min: 4_096,
    max: 16_777_216,
    default: 1_048_576,
    does: 'The largest MQTT packet either way; clients of MQTT 5 are told.',
    prevents: 'One client cannot make the server hold a huge packet.',
  },
  'mqtt.keepAliveSecondsMax': {
    type: 'integer',
    unit: 'seconds',
    min: 5,
    max: 65_535,
    default: 1_200,
    does: 'The keep alive of MQTT 5 clients that ask for none or for a longer one.',
    prevents: 'Connections whose peer is gone do not stay for ever.',
  },
  'mqtt.topicAliasCountMax': {
    type: 'integer',
    unit: 'count',
    min: 0,
    max: 1_000,
    default: 16,
    does: 'How many topic aliases one MQTT 5 client may use.',
    prevents: 'Topics that are remembered for a client stay few.',
  },
  'mqtt.connectTimeoutMs': {
    type: 'integer',
    unit: 'ms',
    min: 1_000,
    max: 60_000,
    default: 10_000,
    does: 'How long a new MQTT connection may take until its CONNECT is there.',
    prevents: 'Strangers who say nothing do not hold connections.',
  },
  'mqtt.sessionExpirySecondsMax': {
    type: 'integer',
    unit: 'seconds',
    min: 0,
    max: 31_536_000,
    default: 86_400,
    does:
      'How long the session of an MQTT client is kept without a connection, whatever it asks; ' +
      'MQTT 3.1.1 clients that do not start clean get this much.',
    prevents: 'Sessions of clients that never come back do not stay for ever.',
  },
  'mqtt.sessionCountMax': {
    type: 'integer',
    unit: 'count',
    min: 0,
    max: 10_000_000,
    default: 1_000_000,
    does: 'The most MQTT sessions that outlive their connections, over all apps.',
    prevents: 'Memory and store stay bounded however many client ids are invented.',
  },
  'mqtt.appSessionCountMax': {
    type: 'integer',
    unit: 'count',
    min: 0,
    max: 10_000_000,
    default: 100_000,
    does: 'The same for one app.',
    prevents: 'One app cannot use up the sessions of the others.',
  },
  'mqtt.ownerSessionCountMax': {
    type: 'integer',
    unit: 'count',
    min: 0,
    max: 10_000_000,
    default: 10_000,
    does: 'The same for one user, key or MQTT user of an app.',
    prevents: 'One user cannot use up the sessions of the others.',
  },
  'mqtt.queueCountMax': {
    type: 'integer',
    unit: 'count',
    min: 1,
    max: 1_000_000,
    default: 1_000,
    does: 'The most messages that wait for one MQTT session; those in flight are not counted.',
    prevents: 'A client that is away does not fill the store.',
  },
  'mqtt.queueBytesMax': {
    type: 'integer',
    unit: 'bytes',
    min: 65_536,
    max: 1_073_741_824,
    default: 16_777_216,
    does: 'The same in bytes.',
    prevents: 'Few large messages count like many small ones.',
  },
  'mqtt.queueDrops': {
    type: 'choice',
    values: ['oldest', 'newest'],
    default: 'oldest',
    does: 'Which message goes when the queue of a session is full; metrics count both.',
    prevents: 'A full queue never stops a publisher.',
  },
  'mqtt.appQueueBytesMax': {
    type: 'integer',
    unit: 'bytes',
    min: 65_536,
    max: 1_099_511_627_776,
    default: 8_589_934_592,
    does:
      'The most bytes that wait for all MQTT sessions of one app; a message counts once for each ' +
      'session. Over it each queue makes room in itself.',
    prevents: 'Many sessions that nobody comes back for do not fill the store.',
  },
  'mqtt.memoryQueueBytesMax': {
    type: 'integer',
    unit: 'bytes',
    min: 65_536,
    max: 1_099_511_627_776,
    default: 1_073_741_824,
    does: 'The same of all MQTT sessions that end with their connections, over all apps.',
    prevents: 'Clients that acknowledge nothing do not fill the memory.',
  },
  'mqtt.durability': {
    type: 'choice',
    values: ['normal', 'full'],
    default: 'normal',
    does:
      'What an acknowledged message of a session that outlives its connection survives: `normal` ' +
      'the end of the process, however it ends; `full` the loss of power too.',
    prevents:
      '`full` waits for the disk with every group of messages. Credentials and tokens always do, ' +
      'whatever stands here.',
  },
  'guard.limits': {
    type: 'list',
    of: 'limits',
    countMax: 50,
    default: [],
    does:
      'Limits of the whole installation, and the most every app may have: `connect.ip 3000/1m`, ' +
      '`publish.user 50/1s shadow`.',
    prevents:
      'Plans, apps, keys and tokens only narrow them; what is not named keeps the default of the ' +
      'table in docs/limits.md.',
  },
  'audit.witnessFile': {
    type: 'path',
    default: undefined,
    does:
      'A file, best on another machine, that every signed checkpoint of the audit is ' +
      'added to.',
    prevents: 'Who can rewrite the database cannot also rewrite what was witnessed.',
  },
  'audit.witnessUrl': {
    type: 'url',
    of: 'secure',
    default: undefined,
    does:
      'Where every checkpoint is posted to as JSON lines; https, or http to this machine ' +
      'itself.',
    prevents: 'The same, kept by another service. The URL is shown: put no secret in it.',
  },
  'audit.checkpointSeconds': {
    type: 'integer',
    unit: 'seconds',
    min: 5,
    max: 3_600,
    default: 60,
    does: 'How often the audit of a tenant is signed, if anything was added.',
    prevents: 'Only what came after the last checkpoint could be cut off unnoticed.',
  },
  'tokens.accessTokenMs': {
    type: 'integer',
    unit: 'ms',
    min: 60_000,
    max: 86_400_000,
    default: 900_000,
    does: 'How long an access token lives.',
    prevents: 'A stolen token is soon worth nothing.',
  },
  'tokens.refreshTokenMs': {
    type: 'integer',
    unit: 'ms',
    min: 60_000,
    max: 31_536_000_000,
    default: 604_800_000,
    does: 'How long a refresh token lives if it is not used; each use gives a new one.',
    prevents: 'A client that is gone leaves nothing behind that works.',
  },
  'tokens.refreshFamilyMs': {
    type: 'integer',
    unit: 'ms',
    min: 0,
    max: 315_360_000_000,
    default: 0,
    does: 'How long refreshing can go on before the secret is needed again; 0 sets no end.',
    prevents: 'With a bound, a stolen refresh token cannot be kept alive for ever.',
  },
  'tokens.refreshLeewayMs': {
    type: 'integer',
    unit: 'ms',
    min: 0,
    max: 60_000,
    default: 10_000,
    does: 'How long a refresh that is repeated gets the same answer again.',
    prevents: 'A lost reply does not lock a client out; later, repeating it ends the family.',
  },
  'tokens.signingKeyDays': {
    type: 'integer',
    unit: 'days',
    min: 1,
    max: 365,
    default: 30,
    does: 'How long a key of a tenant signs before the next one takes over.',
    prevents: 'A key that leaked unnoticed does not sign for ever.',
  },
  'tokens.signingKeyTailMs': {
    type: 'integer',
    unit: 'ms',
    min: 900_000,
    max: 2_592_000_000,
    default: 86_400_000,
    does: 'How long a key stays published after it signed last.',
    prevents: 'At least as long as a token lives, so that no token outlives its key.',
  },
  'secrets.overlapDefaultMs': {
    type: 'integer',
    unit: 'ms',
    min: 0,
    max: 2_592_000_000,
    default: 86_400_000,
    does: 'How long the old value is still accepted after a rotation that does not say.',
    prevents: 'Clients have time to change over, and the old value ends by itself.',
  },
  'secrets.overlapMaxMs': {
    type: 'integer',
    unit: 'ms',
    min: 0,
    max: 31_536_000_000,
    default: 2_592_000_000,
    does: 'The longest overlap a rotation may ask for.',
    prevents: 'An old value cannot be kept in use for ever by asking for it.',
  },
  'secrets.maxAgeDays': {
    type: 'integer',
    unit: 'days',
    min: 0,
    max: 3_650,
    default: 0,
    does: 'A secret older than this is reported as due for rotation; 0: none is.',
    prevents: 'Secrets nobody looks after are noticed.',
  },
  'secrets.removeAfterDays': {
    type: 'integer',
    unit: 'days',
    min: 1,
    max: 365,
    default: 7,
    does: 'What is kept of a disabled value is erased after this; until then it can be enabled.',
    prevents: 'What nobody needs any more cannot leak, and a mistake can be undone for a while.',
  },
  'alerts.to': {
    type: 'list',
    of: 'destinations',
    countMax: 3,
    default: ['log', 'webhook'],
    does:
      'Where alerts go: `log` is a line of the log, `email` needs `smtp.url`, `webhook` goes to ' +
      'the endpoints of the app that ask for them.',
    prevents: 'Without any setting an alert is a line of the log.',
  },
  'alerts.app': {
    type: 'text',
    shape: 'the id of an app',
    pattern: /^[A-Za-z0-9_-]{1,64}$/,
    default: undefined,
    does: 'The app whose webhook endpoints also get the alerts that are of no app.',
    prevents: 'Left out, nobody outside learns what concerns the whole installation.',
  },
  'alerts.mailTo': {
    type: 'list',
    of: 'addresses',
    countMax: 20,
    default: [],
    does: 'Who gets alerts as e-mail.',
    prevents: 'The addresses are fixed here, so that nothing that happens can choose one.',
  },
  'alerts.mailEverySeconds': {
    type: 'integer',
    unit: 'seconds',
    min: 1,
    max: 86_400,
    default: 300,
    does: 'The least time between two mails; what happens meanwhile is in the next one.',
    prevents: 'A storm of alerts is a few mails and not a storm of mails.',
  },
  'smtp.url': {
    type: 'text',
    shape: '`smtps://host:port`, or `smtp://host:port` for STARTTLS',
    pattern: /^smtps?:\/\/(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):\d{1,5}$/,
    default: undefined,
    does: 'The mail server that alerts are sent by.',
    prevents: 'A server without TLS is refused, unless it is on this machine.',
  },
  'smtp.user': {
    type: 'text',
    shape: '1 to 320 printable characters',
    pattern: /^[\x21-\x7e]{1,320}$/,
    default: undefined,
    does: 'The name the mail server is told.',
    prevents: 'Given together with `smtp.password` or not at all.',
  },
  'smtp.password': {
    type: 'text',
    shape: '1 to 1000 printable characters',
    pattern: /^[\x20-\x7e]{1,1000}$/,
    default: undefined,
    isSecret: true,
    does: 'The password for it.',
    prevents: 'A mail server that refuses it raises an alert by itself.',
  },
  'smtp.from': {
    type: 'text',
    shape: 'an e-mail address',
    pattern: ADDRESS,
    default: undefined,
    does: 'Who the mails are from.',
    prevents: 'One address without a name leaves no room for another header.',
  },
}

/** Rows in the order of the table. */
export const SETTING_ROWS: readonly (readonly [SettingKey, Setting])[] = Object.entries(
  SETTINGS,
) as [SettingKey, Setting][]

/** A secret is also read from the file this key names: `masterKey` and `masterKeyFile`. */
export function secretFileKey(key: string): string {
  return `${key}File`
}

export const isSecret = (setting: Setting): boolean => setting.type === 'text' && !!setting.isSecret

/** Where a setting can come from besides its key in the file. */
export interface SettingNames {
  readonly environment: string
  /**
   * Without the dashes; absent for a secret, whose value on a command line every user could read.
   */
  readonly flag: string | undefined
  /** For secrets: the variable and the flag that name a file. */
  readonly environmentFile: string | undefined
  readonly flagFile: string | undefined
}

export function namesOf(key: SettingKey): SettingNames {
  const secret = isSecret(SETTINGS[key])
  return {
    environment: environmentName(key),
    flag: secret ? undefined : flagName(key),
    environmentFile: secret ? environmentName(secretFileKey(key)) : undefined,
    flagFile: secret ? flagName(secretFileKey(key)) : undefined,
  }
}
