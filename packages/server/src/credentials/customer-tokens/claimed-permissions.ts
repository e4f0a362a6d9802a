/**
 * What a customer's token lets its holder do, from its claims `permissions`, `channels` and `role`.
 * Nothing said means nothing allowed; what is said and cannot be read refuses the token, so that
 * nobody believes to have narrowed what was not read. Pure.
 */
import { isJsonObject } from '@lockgate/protocol/bytes'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Action } from '../../core/acl.ts'
import {
  PATTERN_LENGTH_MAX,
  PERMISSION_RULE_COUNT_MAX,
  type PermissionRule,
  type Permissions,
} from '../../core/permissions.ts'
import { permissionsOfScopes } from '../scopes.ts'

type Claims = Readonly<Record<string, unknown>>
type Rules = readonly PermissionRule[] | undefined

/** Our bound; there are fewer actions than this. */
const ACTION_COUNT_MAX = 16

/** What tokens call an action. Who may be present may also look at who is there. */
const ACTIONS: ReadonlyMap<string, readonly Action[]> = new Map([
  ['subscribe', ['subscribe']],
  ['publish', ['publish']],
  ['presence', ['presence', 'inspect']],
  ['history', ['history']],
  ['inspect', ['inspect']],
  ['terminate', ['terminate']],
])
/** Of a channel that is named without actions. */
const BOTH: readonly Action[] = ['subscribe', 'publish']

/** @param roles of the app: a name and its scopes each, as `parseRole` reads them. */
export function claimedPermissions(
  claims: Claims,
  roles: readonly string[],
): Result<Permissions, 'malformed'> {
  const parts = [rulesOfPermissions(claims), rulesOfChannels(claims), rulesOfRole(claims, roles)]
  const rules: PermissionRule[] = []
  for (const part of parts) {
    if (part === undefined) return refuse('malformed')
    rules.push(...part)
  }
  return rules.length > PERMISSION_RULE_COUNT_MAX ? refuse('malformed') : ok({ rules })
}

/** `[{ "channel": "chat:*", "actions": ["publish"] }]` */
function rulesOfPermissions({ permissions }: Claims): Rules {
  if (permissions === undefined) return []
  return Array.isArray(permissions) ? allOf(permissions, ruleOfEntry) : undefined
}

function ruleOfEntry(entry: unknown): PermissionRule | undefined {
  return isJsonObject(entry) ? ruleOf(entry['channel'], entry['actions']) : undefined
}

/** `{ "chat:*": ["publish"] }`, or `["chat:1"]` for both actions. */
function rulesOfChannels({ channels }: Claims): Rules {
  if (channels === undefined) return []
  if (Array.isArray(channels)) return allOf(channels, (channel) => ruleOf(channel, BOTH))
  if (!isJsonObject(channels)) return undefined
  return allOf(Object.entries(channels), ([channel, actions]) => ruleOf(channel, actions))
}

/** A role of no such name refuses the token: its backend means something the app does not have. */
function rulesOfRole({ role }: Claims, roles: readonly string[]): Rules {
  if (role === undefined) return []
  const named = roles.map((each) => each.split(' ')).filter(([name]) => name === role)
  const [words] = named
  // Of two that have the name, nobody knows which is meant.
  return words === undefined || named.length > 1
    ? undefined
    : permissionsOfScopes(words.slice(1)).rules
}

function ruleOf(pattern: unknown, actions: unknown): PermissionRule | undefined {
  if (typeof pattern !== 'string' || pattern === '') return undefined
  if (pattern.length > PATTERN_LENGTH_MAX) return undefined
  if (!Array.isArray(actions) || actions.length > ACTION_COUNT_MAX) return undefined
  const known = actions.map((action) => ACTIONS.get(String(action)))
  const isReadable = actions.every((action, index) => {
    return typeof action === 'string' && known[index] !== undefined
  })
  return isReadable ? { pattern, actions: known.flatMap((each) => each ?? []) } : undefined
}

/** @returns undefined when one of them is unreadable, or there are too many. */
function allOf<T>(items: readonly T[], read: (item: T) => PermissionRule | undefined): Rules {
  if (items.length > PERMISSION_RULE_COUNT_MAX) return undefined
  const rules = items.map(read).filter((rule) => rule !== undefined)
  return rules.length === items.length ? rules : undefined
}
