/**
 * Clients of other makers, unmodified: mosquitto's and Python's paho as Debian packages them, and
 * paho's for browsers.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after } from 'node:test'
import paho from 'paho-mqtt'
import { WebSocket } from 'ws'
import { makeAuthority, makeCertificate } from '../support/certificate.ts'
import { ALICE, BOB, ORGANIZATION, USERS } from '../support/mqtt-clients.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const home = mkdtempSync(join(tmpdir(), 'lockgate-mqtt-native-'))
after(() => rmSync(home, { recursive: true, force: true }))
const at = (name: string) => join(home, name)
const devices = makeAuthority('devices')
const device = devices.issue('meter-7')
const own = makeCertificate('server', 'IP:127.0.0.1')
for (const [name, text] of [
  ['cert.pem', own.cert],
  ['key.pem', own.key],
  ['clients.pem', devices.cert],
  ['device.pem', device.cert],
  ['device.key', device.key],
] as const) {
  writeFileSync(at(name), text)
}
const TLS = {
  certFile: at('cert.pem'),
  keyFile: at('key.pem'),
  clientCaFile: at('clients.pem'),
  clientCertificates: 'required',
}
// paho of Python sends an Origin header over WebSocket, as pages do.
const SETTINGS = { ...USERS, mqttUsersInBrowsers: 'allow' } as const
const it = serving({ apps: [app('native', SETTINGS)], config: { tls: TLS } })

/** The Python that Debian's packages are for: another one may come first in the path. */
const PYTHON = '/usr/bin/python3'
const PACKAGES = { mosquitto: 'mosquitto-clients', python: 'python3-paho-mqtt' }

interface Ended {
  readonly code: number | null
  readonly output: string
  readonly errors: string
}

interface Program {
  output: string
  errors: string
  readonly ended: Promise<Ended>
}

function run(name: string, args: readonly string[], debianPackage: string): Program {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const isThere = name.startsWith('/')
    ? existsSync(name)
    : folders.some((folder) => existsSync(join(folder, name)))
  assert.ok(isThere, `${name} is missing: sudo apt-get install -y ${debianPackage}`)
  const child = spawn(name, args, { timeout: 30_000 })
  const program = { output: '', errors: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (program.output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (program.errors += text))
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => resolve({ code, ...program }))
  })
  return Object.assign(program, { ended })
}

function subscribedCount(): Promise<number> {
  return it.server.metric('lockgate_mqtt_subscribes_total')
}

interface Call {
  readonly who?: typeof ALICE
  readonly url?: string
  readonly version: string
}

function mosquitto(program: 'pub' | 'sub', call: Call, args: readonly string[]): Program {
  const { who = ALICE, url = it.server.mqtt, version } = call
  const { hostname, port, protocol } = new URL(url)
  const where = ['-h', hostname, '-p', port, '-V', version]
  const login = ['-u', `${who.name}@${ORGANIZATION}`, '-P', who.password]
  const tls = ['--cafile', at('cert.pem'), '--cert', at('device.pem'), '--key', at('device.key')]
  const secure = protocol === 'mqtts:' ? tls : []
  const all = [...where, ...login, ...secure, ...args]
  return run(`mosquitto_${program}`, all, PACKAGES.mosquitto)
}

for (const version of ['mqttv311', 'mqttv5']) {
  for (const secure of [false, true]) {
    const name = `mosquitto ${version} over ${secure ? 'TLS with a certificate' : 'TCP'}`
    test(`${name}: each quality of service, retained, will, kept session`, async () => {
      const url = secure ? it.server.mqtts : it.server.mqtt
      const call = { version, url }
      const root = `${version}-${secure}`
      const kept = { ...call, who: BOB }
      const session = ['-c', '-i', `kept-${root}`, '-q', '2']
      const expiry = version === 'mqttv5' ? ['-x', '600'] : []
      const once = await mosquitto('sub', kept, [...session, ...expiry, '-t', `${root}/#`, '-E'])
        .ended
      assert.equal(once.code, 0, once.errors)
      for (const qos of ['0', '1', '2']) {
        const publish = ['-t', `${root}/q`, '-m', `q${qos}`, '-q', qos]
        const sent = await mosquitto('pub', call, publish).ended
        assert.equal(sent.code, 0, sent.errors)
      }
      const retained = ['-t', `${root}/state`, '-m', 'on', '-q', '1', '-r']
      assert.equal((await mosquitto('pub', call, retained).ended).code, 0)
      // QoS 0 waits for nobody.
      const resumed = [...session, ...expiry, '-t', `${root}/#`, '-C', '4', '-W', '20', '-v']
      const got = await mosquitto('sub', kept, resumed).ended
      // It subscribes again, so what is retained comes again.
      const expected = ['q q1', 'q q2', 'state on', 'state on'].map((text) => `${root}/${text}`)
      assert.deepEqual(got.output.trim().split('\n').toSorted(), expected)
      const fresh = ['-t', `${root}/state`, '-C', '1', '-W', '20', '-F', '%r %q %p', '-q', '1']
      assert.equal((await mosquitto('sub', call, fresh).ended).output.trim(), '1 1 on')
      const removed = ['-t', `${root}/state`, '-n', '-q', '1', '-r']
      assert.equal((await mosquitto('pub', call, removed).ended).code, 0)
    })
  }
}

test('mosquitto in 5.0 passes properties on and reads the reason of a refusal', async () => {
  const call = { version: 'mqttv5' }
  const before = await subscribedCount()
  const subscriber = mosquitto('sub', { ...call, who: BOB }, [
    ...['-t', 'props/#', '-q', '1', '-C', '1', '-W', '20'],
    ...['-F', '%t|%p|%C|%D|%R|%P', '-D', 'subscribe', 'subscription-identifier', '9'],
  ])
  await until('subscribed', async () => (await subscribedCount()) > before)
  const sent = await mosquitto('pub', call, [
    ...['-t', 'props/a', '-m', 'hello', '-q', '1'],
    ...['-D', 'publish', 'content-type', 'text/plain'],
    ...['-D', 'publish', 'response-topic', 'answers/1'],
    ...['-D', 'publish', 'correlation-data', 'c-1'],
    ...['-D', 'publish', 'user-property', 'k', 'v'],
  ]).ended
  assert.equal(sent.code, 0, sent.errors)
  const { output } = await subscriber.ended
  assert.match(output, /^props\/a\|hello\|text\/plain\|c-1\|answers\/1\|k:v$/m)
  const denied = await mosquitto('pub', call, ['-t', '$SYS/x', '-m', 'x', '-q', '1', '-d']).ended
  assert.match(denied.output + denied.errors, /Not authorized|RC:135/)
  const wrong = { ...ALICE, password: 'wrong-password-0123456789' }
  const refused = await mosquitto('pub', { ...call, who: wrong }, ['-t', 'x', '-m', 'x']).ended
  assert.notEqual(refused.code, 0)
  assert.match(refused.errors, /Bad User Name or Password|Bad user name or password/i)
})

test('mosquitto in 3.1.1 and 3.1 is told what it can be told', async () => {
  const wrong = { ...ALICE, password: 'wrong-password-0123456789' }
  const call = { version: 'mqttv311', who: wrong }
  const refused = await mosquitto('pub', call, ['-t', 'x', '-m', 'x']).ended
  assert.match(refused.errors, /bad user name or password/i)
  const old = await mosquitto('pub', { version: 'mqttv31' }, ['-t', 'x', '-m', 'x']).ended
  assert.match(old.errors, /unacceptable protocol version/i)
  const denied = ['-t', '$SYS/#', '-C', '1', '-W', '5', '-q', '1']
  const subscriber = await mosquitto('sub', { version: 'mqttv311' }, denied).ended
  assert.match(subscriber.errors + subscriber.output, /subscriptions? .*denied/i)
})

test('a stream of mosquitto_pub -l arrives whole and in order', async () => {
  const call = { version: 'mqttv311' }
  const before = await subscribedCount()
  const wait = ['-t', 'lines', '-q', '2', '-C', '500', '-W', '30', '-F', '>%p']
  const subscriber = mosquitto('sub', { ...call, who: BOB }, wait)
  await until('subscribed', async () => (await subscribedCount()) > before)
  const lines = Array.from({ length: 500 }, (_, n) => `line ${n}`)
  writeFileSync(at('lines'), `${lines.join('\n')}\n`)
  const { hostname, port } = new URL(it.server.mqtt)
  const command = [
    `exec mosquitto_pub -h ${hostname} -p ${port} -u ${ALICE.name}@${ORGANIZATION}`,
    `-P ${ALICE.password} -t lines -q 2 -l < ${at('lines')}`,
  ].join(' ')
  const sent = await run('sh', ['-c', command], PACKAGES.mosquitto).ended
  assert.equal(sent.code, 0, sent.errors)
  const { output } = await subscriber.ended
  const got = output.split('\n').filter((line) => line.startsWith('>'))
  assert.deepEqual(
    got.map((line) => line.slice(1)),
    lines,
  )
})

/** Subscribes, publishes one message of each quality, and says what it saw as JSON. */
const PAHO_SCRIPT = `
import json, ssl, sys
import paho.mqtt.client as mqtt
o = json.loads(sys.argv[1])
seen = {'messages': [], 'granted': None, 'published': 0, 'code': None}
level = mqtt.MQTTv5 if o['level'] == 5 else mqtt.MQTTv311
c = mqtt.Client(client_id=o['id'], protocol=level, transport=o['transport'])
c.username_pw_set(o['username'], o['password'])
if o['transport'] == 'websockets':
    c.ws_set_options(path=o['path'])
if o['tls']:
    c.tls_set(ca_certs=o['ca'], certfile=o['cert'], keyfile=o['key'])
c.will_set('wills/' + o['id'], 'broke', qos=1)
def done():
    if len(seen['messages']) == 3 and seen['published'] == 3:
        c.disconnect()
def on_connect(client, userdata, flags, code, *rest):
    seen['code'] = code if isinstance(code, int) else code.value
    if seen['code'] == 0:
        c.subscribe(o['topic'] + '/#', 2)
    else:
        c.disconnect()
def on_subscribe(client, userdata, mid, granted, *rest):
    seen['granted'] = [g if isinstance(g, int) else g.value for g in granted]
    for qos in (0, 1, 2):
        c.publish(o['topic'] + '/a', 'q%d' % qos, qos=qos)
def on_message(client, userdata, message):
    seen['messages'].append([message.topic, message.payload.decode(), message.qos])
    done()
def on_publish(client, userdata, mid):
    seen['published'] += 1
    done()
c.on_connect, c.on_subscribe = on_connect, on_subscribe
c.on_message, c.on_publish = on_message, on_publish
c.connect(o['host'], o['port'], 30)
c.loop_forever(retry_first_connection=False)
print(json.dumps(seen))
`

interface PahoSaw {
  readonly messages: readonly (readonly [string, string, number])[]
  readonly granted: readonly number[] | null
  readonly published: number
  readonly code: number
}

async function pahoSees(how: Readonly<Record<string, unknown>>): Promise<PahoSaw> {
  const options = {
    ...{ transport: 'tcp', tls: false, path: '/mqtt', topic: `paho-${String(how['id'])}` },
    ...{ username: `${ALICE.name}@${ORGANIZATION}`, password: ALICE.password },
    ...{ ca: at('cert.pem'), cert: at('device.pem'), key: at('device.key') },
    ...how,
  }
  const args = ['-c', PAHO_SCRIPT, JSON.stringify(options)]
  const { code, output, errors } = await run(PYTHON, args, PACKAGES.python).ended
  assert.equal(code, 0, `${errors} (is ${PACKAGES.python} installed?)`)
  return JSON.parse(output) as PahoSaw
}

for (const level of [4, 5]) {
  test(`paho of Python at level ${level}: over TCP, TLS with a certificate, and WebSocket`, async () => {
    const portOf = (url: string) => ({ host: '127.0.0.1', port: Number(new URL(url).port) })
    const ways = [
      { id: `tcp-${level}`, ...portOf(it.server.mqtt) },
      { id: `tls-${level}`, tls: true, ...portOf(it.server.mqtts) },
      { id: `ws-${level}`, transport: 'websockets', ...portOf(it.server.http) },
    ]
    for (const way of ways) {
      const { messages, ...rest } = await pahoSees({ level, ...way })
      assert.deepEqual(rest, { granted: [2], published: 3, code: 0 })
      // Qualities of service are flows of their own: each arrives, in no order between them.
      assert.deepEqual(
        messages.toSorted(([, one], [, other]) => one.localeCompare(other)),
        [0, 1, 2].map((q) => [`paho-${way.id}/a`, `q${q}`, q]),
      )
    }
    const wrong = { level, id: 'wrong', ...portOf(it.server.mqtt), password: 'wrong-0123456789' }
    assert.equal((await pahoSees(wrong)).code, level === 5 ? 0x86 : 4)
  })
}

test('paho of browsers publishes, is answered and comes back to its session', async () => {
  Object.assign(globalThis, { WebSocket })
  const { hostname, port } = new URL(it.server.http)
  for (const path of ['/mqtt', '/']) {
    const heard: [string, string, boolean][] = []
    const client = new paho.Client(hostname, Number(port), path, `paho-page${path.length}`)
    client.onMessageArrived = ({ destinationName, payloadString, retained }) => {
      heard.push([destinationName, payloadString, retained])
    }
    const open = (cleanSession: boolean) =>
      new Promise<void>((resolve, reject) => {
        client.connect({
          userName: `${ALICE.name}@${ORGANIZATION}`,
          password: ALICE.password,
          mqttVersion: 4,
          cleanSession,
          onSuccess: () => resolve(),
          onFailure: ({ errorMessage }) => reject(new Error(errorMessage)),
        })
      })
    const topic = `browser${path}x`
    await open(false)
    await new Promise<void>((resolve, reject) => {
      const onFailure = () => reject(new Error('not subscribed'))
      client.subscribe(`${topic}/#`, { qos: 2, onSuccess: () => resolve(), onFailure })
    })
    for (const qos of [0, 1, 2] as const) client.send(`${topic}/a`, `q${qos}`, qos, qos === 2)
    await until('its messages', () => heard.length === 3)
    assert.deepEqual(heard.map(([, text]) => text).toSorted(), ['q0', 'q1', 'q2'])
    client.disconnect()
    const { ended } = mosquitto('pub', { version: 'mqttv311', who: BOB }, [
      ...['-t', `${topic}/b`, '-m', 'while away', '-q', '1'],
    ])
    assert.equal((await ended).code, 0)
    await open(false)
    await until('what came meanwhile', () => heard.some(([, text]) => text === 'while away'))
    client.disconnect()
    await open(true)
    client.disconnect()
  }
})
