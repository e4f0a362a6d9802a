/** Reads the fields of a body; each refusal names its field and never repeats its value. Pure. */
import { isJsonObject } from '@lockgate/protocol/bytes'
import { isTopicFilter } from '@lockgate/protocol/mqtt/topic'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { TopicAcl } from '../../core/rules/topic-rules.ts'
import { parseEmail } from '../../credentials/connection-tokens/provider-claims.ts'
import { TTL_MS_MAX, TTL_MS_MIN } from '../../credentials/connection-tokens/token-minting.ts'
import type { JsonObject } from '../json-body.ts'

/** Refused with `invalid_request` and what is wrong with which field. */
type Read<T> = Result<T, 'invalid'>

const TEXT_CHARACTERS_MAX = 8_192
const IDENTITY_CHARACTERS_MAX = 200
/** Our bounds on what one token narrows itself to. */
const FILTER_COUNT_MAX = 50
const FILTER_CHARACTERS_MAX = 256

export function readText(body: JsonObject, name: string): Read<string> {
  const value = body[name]
  if (value === undefined || value === null) return refuse('invalid', `${name} is missing.`)
  if (typeof value !== 'string' || value === '' || value.length > TEXT_CHARACTERS_MAX) {
    return refuse('invalid', `${name} is a text of 1 to ${TEXT_CHARACTERS_MAX} characters.`)
  }
  return ok(value)
}

export function readOptionalText(body: JsonObject, name: string): Read<string | undefined> {
  const value = body[name]
  return value === undefined || value === null ? ok(undefined) : readText(body, name)
}

/** @returns it in lower case. */
export function readEmail(body: JsonObject, name: string): Read<string> {
  const text = readText(body, name)
  if (!text.ok) return text
  const email = parseEmail(text.value)
  return email === undefined ? refuse('invalid', `${name} is no e-mail address.`) : ok(email)
}

/** What stands for a user in topics, limits and revocations. */
export function readIdentity(body: JsonObject, name: string): Read<string | undefined> {
  const text = readOptionalText(body, name)
  if (!text.ok || text.value === undefined) return text
  if (text.value.length > IDENTITY_CHARACTERS_MAX || /\p{Cc}/u.test(text.value)) {
    return refuse('invalid', `${name} has at most ${IDENTITY_CHARACTERS_MAX} printable characters.`)
  }
  return text
}

/** @returns ms; undefined where it is left out. */
export function readTtl(body: JsonObject): Read<number | undefined> {
  const { ttl } = body
  if (ttl === undefined || ttl === null) return ok(undefined)
  const isSeconds = typeof ttl === 'number' && Number.isInteger(ttl)
  if (!isSeconds || ttl * 1_000 < TTL_MS_MIN || ttl * 1_000 > TTL_MS_MAX) {
    return refuse('invalid', 'ttl is a whole number of seconds from 60 to 86400.')
  }
  return ok(ttl * 1_000)
}

/** @returns true where it is left out, as the SDK has it. */
export function readReplacing(body: JsonObject): Read<boolean> {
  const value = body['replace_existing']
  if (value === undefined || value === null) return ok(true)
  if (typeof value !== 'boolean') return refuse('invalid', 'replace_existing is true or false.')
  return ok(value)
}

export function readAcl(body: JsonObject): Read<TopicAcl> {
  const { acl } = body
  if (acl === undefined || acl === null) return ok({})
  if (!isJsonObject(acl)) return refuse('invalid', ACL_TEXT)
  const { publish, subscribe, ...others } = acl
  // A misspelled list would leave the token wider than was meant.
  if (Object.keys(others).length > 0) return refuse('invalid', ACL_TEXT)
  const lists = { publish, subscribe }
  for (const [name, list] of Object.entries(lists)) {
    if (list !== undefined && !areFilters(list))
      return refuse('invalid', `acl.${name}: ${LIST_TEXT}`)
  }
  return ok({
    ...(areFilters(publish) ? { publish } : {}),
    ...(areFilters(subscribe) ? { subscribe } : {}),
  })
}

/** `permissions` and `topics` of the older form: each of the one for all of the other. */
export function readPermissions({ permissions, topics }: JsonObject): Read<TopicAcl> {
  const named = permissions ?? ['publish', 'subscribe']
  if (!Array.isArray(named) || !named.every((each) => each === 'publish' || each === 'subscribe')) {
    return refuse('invalid', 'permissions is a list of publish and subscribe.')
  }
  if (topics !== undefined && !areFilters(topics)) return refuse('invalid', `topics: ${LIST_TEXT}`)
  const listOf = (action: string) => {
    if (!named.includes(action)) return { [action]: [] }
    return areFilters(topics) ? { [action]: topics } : {}
  }
  return ok({ ...listOf('publish'), ...listOf('subscribe') })
}

function areFilters(value: unknown): value is readonly string[] {
  if (!Array.isArray(value) || value.length > FILTER_COUNT_MAX) return false
  return value.every(
    (each) =>
      typeof each === 'string' && each.length <= FILTER_CHARACTERS_MAX && isTopicFilter(each),
  )
}

const ACL_TEXT = 'acl is an object of publish and subscribe, lists of topic filters.'
const LIST_TEXT =
  `a list of at most ${FILTER_COUNT_MAX} topic filters ` +
  `of at most ${FILTER_CHARACTERS_MAX} characters.`
