/** Refused credentials and calls, told to those who watch as well as to the audit. */
import type { LiveEvents } from '../../core/live-events.ts'
import type { Clock } from '../../ports/clock.ts'
import type { DeniedAttempt, DenialOwner, RecordDenial } from './denied-access.ts'

/** What is told live of a denial; limits are told by those who ask them, with their numbers. */
const LIVE_TYPES = {
  'auth.failed': 'auth.failed',
  'auth.denied': 'auth.denied',
  // Good once: a consumer that was missed, or a thief; the reason says which.
  'auth.retired_version': 'auth.failed',
  'auth.refresh_reused': 'auth.failed',
  // A client that is held to its rules, not somebody at a door.
  'topic.denied': undefined,
  'limit.exceeded': undefined,
} as const satisfies Record<DeniedAttempt['action'], 'auth.failed' | 'auth.denied' | undefined>

/** Our bound: what callers send is of any length. */
const TEXT_LENGTH_MAX = 200

/** @returns `record`, and each attempt is told live after it. */
export function tellingDenials(
  record: RecordDenial,
  ports: { readonly events: LiveEvents; readonly clock: Clock },
): RecordDenial {
  return (attempt, owner) => {
    record(attempt, owner)
    tell(attempt, owner, ports)
  }
}

function tell(
  { action, reason, source, target }: DeniedAttempt,
  { tenantId, region, id }: DenialOwner,
  { events, clock }: { readonly events: LiveEvents; readonly clock: Clock },
): void {
  const type = LIVE_TYPES[action]
  const appId = region === undefined ? undefined : id
  if (type === undefined || !events.isWanted(type, appId)) return
  const details = {
    reason: reason.slice(0, TEXT_LENGTH_MAX),
    ip: source.ip,
    protocol: source.protocol,
    target: { kind: target.kind, id: target.id.slice(0, TEXT_LENGTH_MAX) },
  }
  events.tell({ type, atMs: clock.nowMs(), tenantId, appId, details })
}
