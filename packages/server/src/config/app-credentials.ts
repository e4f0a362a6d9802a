/**
 * The credentials that `tenants[].apps[]` declares in lists: signing keys, API keys, JWT secrets
 * and MQTT users. Pure but for the given `readFile`.
 */
import type { ApiKeyDeclaration, AppDeclaration, JwtSecretDeclaration } from './config.ts'
import type { MqttUserDeclaration } from './config.ts'
import { plainOf } from './document.ts'
import { bounded, type Group, type GroupContext, keysOf, readFields } from './groups.ts'
import { readList, refuseUnknown } from './groups.ts'
import { foldKey, type SigningSecrets, signingSecretName } from './layers.ts'
import { readSecretFile } from './secrets.ts'
import { API_KEY_COUNT_MAX, API_KEY_FIELDS, JWT_SECRET_COUNT_MAX } from './tenant-schema.ts'
import { MQTT_USER_COUNT_MAX, MQTT_USER_FIELDS } from './tenant-schema.ts'
import { JWT_SECRET_FIELDS, SIGNING_KEY_COUNT_MAX, SIGNING_KEY_FIELDS } from './tenant-schema.ts'
import { parseValue } from './values.ts'

type SigningKey = AppDeclaration['signingKeys'][number]

export interface TenantsContext extends GroupContext {
  readonly signingSecrets: SigningSecrets
  /** Variables already used, with the key they went to. */
  readonly used: Map<string, string>
}

export const PAIR_KEYS = keysOf(SIGNING_KEY_FIELDS)

/** @returns the one pair of the app itself, or those of its list `keys`. */
export function readSigningKeys(group: Group, context: TenantsContext): readonly SigningKey[] {
  const node = group.entries.get('keys')
  if (node === undefined) return [context.review.locate(readPair(group, context), group.path)]
  const path = `${group.path}.keys`
  context.review.place(path, `${context.fileName}:${node.line} ${path}`)
  if (PAIR_KEYS.some((key) => group.entries.has(key))) {
    const next = 'put every pair into `keys`'
    context.review.object(path, { what: '`keys` and `key` or `secret` are both given', next })
  }
  const pairs = readList({ node, path }, context, (pair) => {
    refuseUnknown(pair, PAIR_KEYS, context)
    return readPair(pair, context)
  })
  if (node.kind === 'list' && node.items.length === 0) {
    const next = 'give at least one `key` and `secret`'
    context.review.object(path, { what: 'the list is empty', next })
  }
  return bounded(pairs, { path, countMax: SIGNING_KEY_COUNT_MAX }, context)
}

/** The secret comes from the environment, else from `secret`, else from the file `secretFile`. */
function readPair(group: Group, context: TenantsContext): SigningKey {
  const { review, folder, signingSecrets, used } = context
  const { key } = readFields(group, { key: SIGNING_KEY_FIELDS.key }, context)
  const path = `${group.path}.secret`
  const given = group.entries.get('secret')
  const file = group.entries.get('secretFile')
  const override = key === '' ? undefined : signingSecrets.get(foldKey(key))
  const from = file ?? given
  if (from !== undefined) {
    const name = from === file ? 'secretFile' : 'secret'
    review.place(path, `${context.fileName}:${from.line} ${group.path}.${name}`)
  }
  const refuse = (what: string, next: string): SigningKey => {
    review.object(path, { what, next })
    return { key, secret: '' }
  }
  const check = (raw: unknown): SigningKey => {
    const parsed = parseValue(SIGNING_KEY_FIELDS.secret, raw, { isText: false, folder })
    if (parsed.ok && typeof parsed.value === 'string') return { key, secret: parsed.value }
    for (const objection of parsed.ok ? [] : parsed.objections) review.object(path, objection)
    return { key, secret: '' }
  }
  if (given !== undefined && file !== undefined) {
    return refuse('`secret` and `secretFile` are both given', 'remove one of them')
  }
  if (override !== undefined) {
    const other = used.get(foldKey(key))
    used.set(foldKey(key), key)
    review.place(path, override.name)
    if (other === undefined || other === key) {
      return override.secret === '' && !override.name.endsWith('_SECRET')
        ? { key, secret: '' } // The file behind it was refused already.
        : check(override.secret)
    }
    return refuse(`the keys ${other} and ${key} share this variable`, 'use `secretFile` for both')
  }
  if (file !== undefined) {
    const read = readSecretFile(plainOf(file), context)
    return read.ok ? check(read.text) : refuse(read.objection.what, read.objection.next)
  }
  if (given !== undefined) return check(plainOf(given))
  review.place(path, review.whereOf(group.path))
  const variable = `${signingSecretName(key === '' ? 'KEY' : key)}_FILE`
  return refuse('there is no secret', `give \`secret\`, \`secretFile\` or set ${variable}`)
}

export function readApiKeys(group: Group, context: GroupContext): readonly ApiKeyDeclaration[] {
  const path = `${group.path}.apiKeys`
  const keys = readList({ node: group.entries.get('apiKeys'), path }, context, (entry) => {
    refuseUnknown(entry, keysOf(API_KEY_FIELDS), context)
    return readFields(entry, API_KEY_FIELDS, context)
  })
  return bounded(keys, { path, countMax: API_KEY_COUNT_MAX }, context)
}

export function readMqttUsers(group: Group, context: GroupContext): readonly MqttUserDeclaration[] {
  const path = `${group.path}.mqttUsers`
  const users = readList({ node: group.entries.get('mqttUsers'), path }, context, (entry) => {
    refuseUnknown(entry, keysOf(MQTT_USER_FIELDS), context)
    return readFields(entry, MQTT_USER_FIELDS, context)
  })
  return bounded(users, { path, countMax: MQTT_USER_COUNT_MAX }, context)
}

export function readJwtSecrets(
  group: Group,
  context: GroupContext,
): readonly JwtSecretDeclaration[] {
  const path = `${group.path}.jwtSecrets`
  const secrets = readList({ node: group.entries.get('jwtSecrets'), path }, context, (entry) => {
    refuseUnknown(entry, keysOf(JWT_SECRET_FIELDS), context)
    refuseOtherThanOne(entry, context)
    return readFields(entry, JWT_SECRET_FIELDS, context)
  })
  return bounded(secrets, { path, countMax: JWT_SECRET_COUNT_MAX }, context)
}

function refuseOtherThanOne({ path, entries }: Group, { review }: GroupContext): void {
  const given = JWT_SOURCES.filter((names) => names.some((name) => entries.has(name)))
  if (given.length === 1) return
  const names = given.map(([name]) => `\`${name}\``).join(' and ')
  const what = given.length === 0 ? '`value` is missing' : `${names} are both given`
  const next = 'give one of `value`, `jwk` and `jwksUrl`'
  review.report({ where: review.whereOf(path), what, next })
}

/** Each is one way to give the key. */
const JWT_SOURCES = [['value', 'valueFile'], ['jwk'], ['jwksUrl']] as const
