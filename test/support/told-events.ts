/** Events as the server tells them, and who asks for them. */
import type { LiveEvent } from '../../packages/server/src/core/live-events.ts'
import type { EventFilter } from '../../packages/server/src/outbound/watch/event-filter.ts'

/** Counts up, so that every epoch is another one. */
export function countingRandom() {
  let next = 0
  return {
    bytes: (byteCount: number) => {
      next++
      return new Uint8Array(byteCount).fill(next)
    },
  }
}

export function failed(tenantId: string | undefined, reason: string): LiveEvent {
  const details = { reason, ip: '192.0.2.1', protocol: 'http', target: { kind: 'key', id: 'k' } }
  return { type: 'auth.failed', atMs: 1, tenantId, appId: tenantId && `app-${tenantId}`, details }
}

export function opened(tenantId: string, connectionId: string): LiveEvent {
  const details = { connectionId, protocol: 'pusher', ip: '192.0.2.1' }
  return { type: 'connection.opened', atMs: 1, tenantId, appId: `app-${tenantId}`, details }
}

export function filterOf(fields: Partial<EventFilter> = {}): EventFilter {
  const types = new Set(['auth.failed', 'connection.opened'] as const)
  return { types, tenantId: undefined, appId: undefined, ...fields }
}
