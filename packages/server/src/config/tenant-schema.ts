/**
 * The rows of `tenants[]`, of `tenants[].apps[]` beside their settings, and of the credentials in
 * them: same kinds as `schema.ts`, file only.
 */
import { ALLOWED_DOMAIN_COUNT_MAX } from '@lockgate/protocol/allowed-domain'
import { MQTT_USER_NAME, MQTT_USER_NAME_SHAPE, RULE_SET_NAME } from '../ports/records/mqtt-user.ts'
import type { Setting, TextSetting } from './settings.ts'

/** Our bounds; `SIGNING_KEY_COUNT_MAX` covers a rotation with several stages. */
export const SIGNING_KEY_COUNT_MAX = 16
export const API_KEY_COUNT_MAX = 100
export const JWT_SECRET_COUNT_MAX = 4
/** Each is hashed slowly when it is new: the first start with so many takes seconds. */
export const MQTT_USER_COUNT_MAX = 100

const identifier = { type: 'text', pattern: /^[A-Za-z0-9_-]{1,64}$/, default: undefined } as const
const identifierShape = '1 to 64 of `A-Z a-z 0-9 _ -`'
export const label = {
  type: 'text',
  shape: 'text of 1 to 100 characters',
  pattern: /^(?=.*\S)[^\p{Cc}\p{Cs}]{1,100}$/u,
  default: undefined,
} as const
export const secret = {
  type: 'text',
  shape: '1 to 256 printable characters without spaces',
  pattern: /^[!-~]{1,256}$/,
  default: undefined,
  isSecret: true,
} as const
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export const TENANT_FIELDS = {
  id: {
    type: 'text',
    shape: 'a UUID',
    pattern: UUID,
    default: undefined,
    does: 'Names the tenant for ever; write any new UUID.',
    prevents: 'The same file applied twice meets the same tenant.',
  },
  shortId: {
    type: 'text',
    shape: '`org_` and 12 of `a-z 2-9`',
    pattern: /^org_[a-z2-9]{12}$/,
    default: undefined,
    does: 'The short name of the same tenant in paths.',
    prevents: 'Without 0 and 1 it can be read aloud and typed.',
  },
  name: {
    ...label,
    does: 'What people call the tenant.',
    prevents: 'Has no meaning to the server.',
  },
  signingAlgorithm: {
    type: 'choice',
    values: ['ES256', 'RS256'],
    default: 'ES256',
    does: 'What access tokens of the tenant are signed with.',
    prevents:
      '`RS256` is for verifiers that know nothing else; signing takes thirty times as long.',
  },
} as const satisfies Record<string, Setting>

/** The fields of one `key`/`secret` pair, in the app itself or in its `keys` list. */
export const SIGNING_KEY_FIELDS = {
  key: {
    ...identifier,
    shape: identifierShape,
    does: 'The public app key that clients connect with.',
    prevents: 'Unique over all apps, so a key says which app is meant.',
  },
  secret: {
    ...secret,
    does: 'The secret that signs channel subscriptions and HTTP calls.',
    prevents: 'Production asks for at least 16 characters that are not well known.',
  },
} as const satisfies Record<string, TextSetting>

export const APP_FIELDS = {
  id: {
    ...identifier,
    shape: identifierShape,
    does: 'The app id of the HTTP API.',
    prevents: 'Unique over all tenants, because the API names no tenant.',
  },
  name: { ...label, does: 'What people call the app.', prevents: 'Unique inside its tenant.' },
  type: {
    type: 'choice',
    values: ['confidential', 'public'],
    default: 'confidential',
    does: 'Whether the app runs where a client secret can be kept.',
    prevents: 'A `public` app, such as a page or a mobile app, never has a client secret.',
  },
  plan: {
    type: 'text',
    shape: 'the name of a plan',
    pattern: /^[a-z0-9][a-z0-9_-]{0,63}$/,
    default: 'unlimited',
    does: 'The named limits of the app: a plan of its tenant, else one of the installation.',
    prevents: 'An unknown plan would silently mean no limits.',
  },
  region: {
    type: 'text',
    shape: 'the code of a region',
    pattern: /^[a-z0-9][a-z0-9-]{0,39}$/,
    default: undefined,
    isOptional: true,
    does: 'Where the records of the app live; set once. Left out, the first region.',
    prevents: 'An unknown region would put records in the wrong place.',
  },
  allowedDomains: {
    type: 'list',
    of: 'domains',
    countMax: ALLOWED_DOMAIN_COUNT_MAX,
    default: [],
    does: 'The hosts, `host[:port]`, whose pages may use tokens of the app; none means any.',
    prevents: 'A token that leaked from a page works from no other site.',
  },
  clientId: {
    ...identifier,
    isOptional: true,
    shape: identifierShape,
    does: 'The `client_id` for the token endpoint; left out, one is generated.',
    prevents: 'Unique over all apps, because the endpoint names no app.',
  },
  clientSecret: {
    ...secret,
    isOptional: true,
    does: 'A `client_secret` of your own; it is hashed when the file is loaded.',
    prevents: 'Production asks for the same as of `secret`; a public app takes none.',
  },
} as const satisfies Record<string, Setting>

/** The fields of one entry of `apiKeys`. */
export const API_KEY_FIELDS = {
  value: {
    type: 'text',
    shape: 'a key as `lockgate keys generate --type sk` prints it; or pk, rk',
    pattern: /^(?:sk|pk|rk)_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}$/,
    default: undefined,
    isSecret: true,
    does: 'The API key; it is hashed when the file is loaded.',
    prevents: 'Only generated keys are taken, so none can be guessed.',
  },
  scopes: {
    type: 'list',
    of: 'scopes',
    countMax: 64,
    default: undefined,
    does: 'What the key may do; left out, publish and subscribe in its own app.',
    prevents: 'A key that leaks can do no more than it had to; an empty list allows nothing.',
  },
  limits: {
    type: 'list',
    of: 'app limits',
    countMax: 50,
    default: undefined,
    does: 'How much of it, such as `http_publish.app 100/1m`; left out, as much as the app.',
    prevents:
      'One key cannot use up what the app may do; a wider limit than its app has no effect.',
  },
} as const satisfies Record<string, Setting>

/** The fields of one entry of `mqttUsers`. */
export const MQTT_USER_FIELDS = {
  name: {
    type: 'text',
    shape: MQTT_USER_NAME_SHAPE,
    pattern: MQTT_USER_NAME,
    default: undefined,
    does: 'What the client sends before the last `@` of its user name.',
    prevents: 'Unique inside the app; fit to stand in the topics of rules.',
  },
  password: {
    ...secret,
    shape: '1 to 256 printable characters without spaces, not beginning with `tkn_`',
    pattern: /^(?!tkn_)[!-~]{1,256}$/,
    does: 'The permanent password of the user; it is hashed when the file is loaded.',
    prevents: 'Production asks for the same as of `secret`.',
  },
  ruleSet: {
    type: 'text',
    shape: '1 to 64 of `A-Z a-z 0-9 _ -`',
    pattern: RULE_SET_NAME,
    default: undefined,
    isOptional: true,
    does: 'The rule set that narrows what the organization allows; left out, nothing does.',
    prevents: 'A device that is opened up does no more than it had to.',
  },
} as const satisfies Record<string, TextSetting>

/** JSON text without the members only a private or symmetric key has: it is shown. */
const PUBLIC_JWK = /^(?!.*"(?:d|p|q|dp|dq|qi|oth|k)"\s*:)\s*\{.{2,8190}\}\s*$/s

/** The fields of one entry of `jwtSecrets`. */
export const JWT_SECRET_FIELDS = {
  value: {
    ...secret,
    isOptional: true,
    does: 'A secret your own backend signs tokens with (HS256, HS384 or HS512).',
    prevents: 'Production asks for at least 32 bytes, as RFC 7518 §3.2 does.',
  },
  jwk: {
    type: 'text',
    shape: 'a public key as JSON text (RFC 7517)',
    pattern: PUBLIC_JWK,
    default: undefined,
    isOptional: true,
    does:
      'In place of `value`: the public key of the pair your backend signs with (ES256, ES384, ' +
      'EdDSA, PS256 or RS256).',
    prevents: 'Nothing here could sign a token; a private key is refused.',
  },
  jwksUrl: {
    type: 'text',
    shape: 'an https URL',
    pattern: /^https?:\/\/[!-~]{1,2000}$/,
    default: undefined,
    isOptional: true,
    does: 'In place of `value`: where your backend publishes its public keys.',
    prevents: 'Plain http and private addresses are taken in `outbound.allowedNetworks` only.',
  },
  kid: {
    type: 'text',
    shape: '1 to 64 of `A-Z a-z 0-9 . _ ~ -`',
    pattern: /^[A-Za-z0-9._~-]{1,64}$/,
    default: undefined,
    isOptional: true,
    does: 'The `kid` in the header of tokens that are signed with it.',
    prevents: 'With it, only this secret is tried; unique inside the app.',
  },
  issuer: {
    type: 'text',
    shape: '1 to 500 characters without spaces',
    pattern: /^[!-~]{1,500}$/,
    default: undefined,
    isOptional: true,
    does: 'What `iss` of its tokens has to be; left out, it is not checked.',
    prevents: 'A key that signs for several systems lets in no token that was made for another.',
  },
  audience: {
    type: 'list',
    of: 'audiences',
    countMax: 16,
    default: undefined,
    does: 'One of these has to be in `aud` of its tokens; left out, it is not checked.',
    prevents: 'The same, by the name of this server.',
  },
} as const satisfies Record<string, Setting>
