/**
 * Checks a list of texts against its row: the kind of list says what an entry may be. Pure.
 * No objection quotes an entry; each names its place in the list.
 */
import { normalizeAllowedDomain } from '@lockgate/protocol/allowed-domain'
import { overlappingBridge, parseBridge } from '@lockgate/protocol/pusher/topic-bridge'
import { findWebhookEvent } from '@lockgate/protocol/webhooks/webhook-events'
import { resolve } from 'node:path'
import { parseAppLimits } from '../core/limits/installation-limits.ts'
import { parseLimit, parseLimits } from '../core/limits/limit-text.ts'
import { parseDocumentRegion, repeatedRegion } from '../ports/records/document-region.ts'
import { parseRetention } from '../ports/records/retention.ts'
import { isScope, SCOPE_ACTIONS } from '../ports/records/scope.ts'
import { objectToNetwork } from './networks.ts'
import { objectToOrigin } from './origins.ts'
import type { Objection } from './problem.ts'
import { ADDRESS } from './schema.ts'
import type { ListKind, ListSetting } from './settings.ts'

export type ParsedList =
  | { readonly ok: true; readonly value: readonly string[] }
  | { readonly ok: false; readonly objections: readonly Objection[] }

/** Printable ASCII without space, quote and backslash. The length is our bound. */
const AUDIENCE = /^[!#-[\]-~]{1,128}$/
const WORD_CHARACTERS_MAX = 1_024
/** A name, then at least one scope. The length is our bound. */
const ROLE = /^(?=.{1,1024}$)[A-Za-z0-9_-]{1,64}(?: [!#-[\]-~]{1,128})+$/

const NEVER_EMPTY: ReadonlySet<ListKind> = new Set([
  'words',
  'events',
  'rule actions',
  'user patterns',
])
const UNIQUE: ReadonlySet<ListKind> = new Set(['domains', 'events', 'rule actions', 'paths'])
const RULE_ACTIONS: ReadonlySet<string> = new Set(['publish', 'subscribe', 'presence', 'history'])
/** As the rules of the administration have them. */
const USER_PATTERN = /^[^\p{Cc}\p{Cs}]{1,128}$/u
/** As `pathPrefix`, in a narrow alphabet; what is below `/app` is Pusher's. */
const PATH = /^(?!\/app(?:\/|$))(?:\/[A-Za-z0-9_-][A-Za-z0-9._~-]{0,63}){1,8}$/
const DESTINATIONS: ReadonlySet<string> = new Set(['log', 'email', 'webhook'])

const EXAMPLES: Readonly<Record<ListKind, string>> = {
  origins: 'use `https://app.example.com`, with a port if it is not the default',
  networks: 'use an address or a block such as `10.0.0.0/8`',
  domains: 'use `app.example.com`, with a port if it is not the default',
  scopes: `use ${SCOPE_ACTIONS.join(', ')}, or one with channels such as \`publish:doc:*\``,
  audiences: 'use printable characters without spaces, quotes and backslashes',
  words: 'use `["program", "argument"]`',
  limits: 'use `publish.user 10/1s`, or `connections.user 20`',
  'app limits': 'use `publish.user 10/1s`, or `connections.user 20`',
  roles: 'use a name and scopes, such as `editor publish:doc:* subscribe:doc:*`',
  bridges: 'use `rooms/+/chat <-> private-room-$1 message`, with `->` or `<-` for one way only',
  retention: 'use channels and a time, such as `logs:** 1h` or `tmp:* off`',
  'document regions': 'use a code and a URL, such as `eu-central-1 wss://eu.example.com`',
  events: 'use names of docs/webhook-events.md, such as `channel.occupied`',
  addresses: 'use `ops@example.com`, without a name',
  'rule actions': 'use `publish`, `subscribe`, `presence` or `history`',
  'user patterns': 'use a user name of up to 128 characters; `*` stands for any characters',
  destinations: 'use `log`, `email` or `webhook`',
  paths: 'use `/ws`, without a slash at the end; `/app` is taken',
}

/**
 * @param folder absolute; a program with a slash in its name is looked for from here.
 * @returns the list in its normal form, or one objection for each bad entry.
 */
export function parseList(
  setting: ListSetting,
  raw: readonly unknown[],
  folder: string,
): ParsedList {
  if (raw.length > setting.countMax) {
    const what = `there are more than ${setting.countMax} entries`
    const next = setting.of === 'origins' ? 'use `https://*.host` for many hosts' : 'remove some'
    return { ok: false, objections: [{ what, next }] }
  }
  if (NEVER_EMPTY.has(setting.of) && raw.length === 0) {
    return { ok: false, objections: [{ what: 'the list is empty', next: EXAMPLES[setting.of] }] }
  }
  const value: string[] = []
  const objections: Objection[] = []
  raw.forEach((entry, index) => {
    const normal = normalize(entry, setting.of)
    const isRepeated = UNIQUE.has(setting.of) && normal.ok && value.includes(normal.value)
    if (normal.ok && !isRepeated) value.push(normal.value)
    else {
      const { what, next } = normal.ok
        ? { what: 'this is in the list twice', next: 'remove one of them' }
        : normal.objection
      objections.push({ what: `entry ${index + 1}: ${what}`, next })
    }
  })
  if (objections.length > 0) return { ok: false, objections }
  const objection = objectToWhole(value, setting.of)
  if (objection !== undefined) return { ok: false, objections: [objection] }
  const [program = '', ...words] = value
  const isPath = setting.of === 'words' && program.includes('/')
  return { ok: true, value: isPath ? [resolve(folder, program), ...words] : value }
}

/**
 * @returns the entries of a list that was given as one text: separated by commas or, for `words`,
 * by spaces; or written as a JSON list. Undefined for JSON that is none.
 */
export function splitList(text: string, of: ListKind): readonly unknown[] | undefined {
  if (text.startsWith('[')) return parseJsonList(text)
  const parts = of === 'words' ? text.split(' ') : text.split(',').map((part) => part.trim())
  return parts.filter((part) => part !== '')
}

function parseJsonList(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function isOfLimits(of: ListKind): of is 'limits' | 'app limits' {
  return of === 'limits' || of === 'app limits'
}

/** What is wrong with entries beside each other. */
function objectToWhole(entries: readonly string[], of: ListKind): Objection | undefined {
  if (isOfLimits(of)) return objectToLimits(entries, of)
  if (of === 'document regions') return objectToRegions(entries)
  return of === 'bridges' ? objectToBridges(entries) : undefined
}

/** A host says which region a request is for, and a code where a document is. */
function objectToRegions(entries: readonly string[]): Objection | undefined {
  const at = repeatedRegion(entries.flatMap((entry) => parseDocumentRegion(entry) ?? []))
  if (at === -1) return undefined
  return { what: `entry ${at + 1}: an earlier one has its code or host`, next: 'use others' }
}

/** A message over two bridges would arrive twice. */
function objectToBridges(entries: readonly string[]): Objection | undefined {
  const bridges = entries.map(parseBridge).flatMap((each) => (each.ok ? [each.value] : []))
  const at = overlappingBridge(bridges)
  if (at === undefined) return undefined
  const what = `entry ${at + 1}: messages of it would go over an earlier bridge too`
  return { what, next: 'remove one, or give them other topics and events' }
}

/** Of the list as a whole: two limits of one name and window would contradict each other. */
function objectToLimits(
  entries: readonly string[],
  of: 'limits' | 'app limits',
): Objection | undefined {
  const parsed = of === 'limits' ? parseLimits(entries) : parseAppLimits(entries)
  if (parsed.ok) return undefined
  const next = parsed.refusal === 'limit_of_installation' ? 'remove it here' : EXAMPLES[of]
  return { what: withoutStop(parsed.detail ?? parsed.refusal), next }
}

/** What follows is joined by a semicolon. */
function withoutStop(sentence: string): string {
  return sentence.replace(/\.$/, '')
}

type Normal =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly objection: Objection }

function normalize(entry: unknown, of: ListKind): Normal {
  const refuse = (what: string): Normal => ({
    ok: false,
    objection: { what, next: EXAMPLES[of] },
  })
  const judge = (objection: Objection | undefined): Normal =>
    objection === undefined ? { ok: true, value: String(entry) } : { ok: false, objection }
  if (of === 'origins') return judge(objectToOrigin(entry))
  if (typeof entry !== 'string') return refuse('this is not text')
  switch (of) {
    case 'networks':
      return judge(objectToNetwork(entry))
    case 'domains': {
      const domain = normalizeAllowedDomain(entry)
      return domain.ok ? domain : refuse('this is not a host, or host and port')
    }
    case 'scopes':
      return isScope(entry) ? judge(undefined) : refuse('this scope allows nothing')
    case 'audiences':
      return AUDIENCE.test(entry) ? judge(undefined) : refuse('this is not an audience')
    case 'roles':
      return ROLE.test(entry) ? judge(undefined) : refuse('this is not a name with scopes')
    case 'bridges': {
      const bridge = parseBridge(entry)
      return bridge.ok ? judge(undefined) : refuse(bridge.detail ?? bridge.refusal)
    }
    case 'retention':
      return parseRetention(entry) ? judge(undefined) : refuse('this is no pattern with a time')
    case 'document regions':
      return parseDocumentRegion(entry) ? judge(undefined) : refuse('this is no code with a URL')
    case 'events': {
      const isKnown = findWebhookEvent(entry) !== undefined
      return isKnown ? judge(undefined) : refuse('there is no event of this name')
    }
    case 'limits':
    case 'app limits': {
      const limit = parseLimit(entry)
      return limit.ok ? judge(undefined) : refuse(withoutStop(limit.detail ?? limit.refusal))
    }
    case 'addresses':
      return ADDRESS.test(entry) ? judge(undefined) : refuse('this is not an e-mail address')
    case 'rule actions':
      return RULE_ACTIONS.has(entry) ? judge(undefined) : refuse('there is no such action')
    case 'user patterns':
      return USER_PATTERN.test(entry) ? judge(undefined) : refuse('this is no user name')
    case 'paths':
      return PATH.test(entry) ? judge(undefined) : refuse('this is not such a path')
    case 'destinations':
      return DESTINATIONS.has(entry) ? judge(undefined) : refuse('alerts cannot go there')
    case 'words':
      return entry !== '' && entry.length <= WORD_CHARACTERS_MAX && !entry.includes('\0')
        ? judge(undefined)
        : refuse('this is empty or too long')
  }
}
