/**
 * The subscriptions of one session, in as little memory as they need: most clients have one, and it
 * stands for itself. Pure.
 */
import type { TopicGrant } from '../../../core/topics/topic-subscriber.ts'

export type HeldGrants = TopicGrant | Map<string, TopicGrant> | undefined

const NO_GRANTS: ReadonlyMap<string, TopicGrant> = new Map()

/** By filter, in the order in which they were subscribed to. */
export function grantsIn(held: HeldGrants): ReadonlyMap<string, TopicGrant> {
  if (held === undefined) return NO_GRANTS
  return held instanceof Map ? held : new Map([[held.filter, held]])
}

export function countIn(held: HeldGrants): number {
  if (held === undefined) return 0
  return held instanceof Map ? held.size : 1
}

export function isIn(held: HeldGrants, filter: string): boolean {
  return held instanceof Map ? held.has(filter) : held?.filter === filter
}

/** Replaces the one of the same filter. @returns what to hold from now on. */
export function withGrant(held: HeldGrants, grant: TopicGrant): HeldGrants {
  if (held instanceof Map) return held.set(grant.filter, grant)
  if (held === undefined || held.filter === grant.filter) return grant
  return new Map([held, grant].map((each) => [each.filter, each]))
}

/** @returns what to hold from now on. */
export function withoutGrant(held: HeldGrants, filter: string): HeldGrants {
  if (!(held instanceof Map)) return held?.filter === filter ? undefined : held
  held.delete(filter)
  return held.size === 0 ? undefined : held
}
