/** Which events somebody wants to see, and which lane of the journal they are kept in. Pure. */
import type { LiveEvent, LiveEventType } from '../../core/live-events.ts'

export interface EventFilter {
  readonly types: ReadonlySet<LiveEventType>
  /** Undefined: of all, those of the installation included. */
  readonly tenantId: string | undefined
  readonly appId: string | undefined
}

/** A flood in one of these drops nothing of the others. */
export const LANES = ['connections', 'channels', 'others'] as const
export type Lane = (typeof LANES)[number]

/** Kept only while somebody asks for them: there can be as many as messages. */
const LANE_OF: Readonly<Record<LiveEventType, Lane>> = {
  'connection.opened': 'connections',
  'connection.closed': 'connections',
  'channel.occupied': 'channels',
  'channel.vacated': 'channels',
  subscription_count: 'channels',
  'presence.enter': 'channels',
  'presence.leave': 'channels',
  'message.published': 'channels',
  client_event: 'channels',
  cache_miss: 'channels',
  'auth.failed': 'others',
  'auth.denied': 'others',
  'rate_limit.exceeded': 'others',
  'rate_limit.warned': 'others',
  'credential.changed': 'others',
  'webhook.failed': 'others',
  'webhook.disabled': 'others',
  'provider.failed': 'others',
  'alert.raised': 'others',
  'alert.resolved': 'others',
}

export function laneOf(type: LiveEventType): Lane {
  return LANE_OF[type]
}

/** Whether events of this type are kept only while somebody asks for them. */
export function isNamedOnly(type: LiveEventType): boolean {
  return LANE_OF[type] === 'channels'
}

export function lanesOf({ types }: EventFilter): ReadonlySet<Lane> {
  const lanes = new Set<Lane>()
  for (const type of types) lanes.add(LANE_OF[type])
  return lanes
}

export function fits(filter: EventFilter, { type, tenantId, appId }: LiveEvent): boolean {
  if (!filter.types.has(type)) return false
  if (filter.tenantId !== undefined && filter.tenantId !== tenantId) return false
  return filter.appId === undefined || filter.appId === appId
}
