/** When somebody is alerted, and what counts for it. Pure. */
import type { LiveEvent, LiveEventType } from '../../core/live-events.ts'

export type AlertWatch =
  | 'auth_failures'
  | 'signature_failures'
  | 'provider_errors'
  | 'webhook_failures'
  | 'rotations_overdue'
  | 'limit_saturation'

export type AlertDestination = 'log' | 'email' | 'webhook'

export interface AlertRule {
  readonly name: string
  readonly watch: AlertWatch
  readonly threshold: number
  readonly windowMs: number
  /** Whether each app is counted by itself, or all together. */
  readonly per: 'app' | 'installation'
  readonly to: readonly AlertDestination[]
}

/** Whom an alert is about; without both, the installation. */
export interface AlertSubject {
  readonly tenantId: string | undefined
  readonly appId: string | undefined
}

export const INSTALLATION_SUBJECT: AlertSubject = { tenantId: undefined, appId: undefined }

export function subjectKey({ tenantId, appId }: AlertSubject): string {
  return `${tenantId ?? ''}/${appId ?? ''}`
}

/** What is counted as it is told; overdue rotations are looked for. */
export const COUNTED_TYPES: ReadonlySet<LiveEventType> = new Set<LiveEventType>([
  'auth.failed',
  'rate_limit.exceeded',
  'webhook.failed',
  'webhook.disabled',
  'provider.failed',
])

/** Refusals of something that was signed: by a secret, or by a key of a customer. */
const SIGNATURE_REASONS: ReadonlySet<string> = new Set([
  'unauthenticated',
  'signature_invalid',
  'sign_in_invalid',
  'replayed',
])

/** @returns how many the event stands for. */
export function countOf(event: LiveEvent): number {
  return event.type === 'rate_limit.exceeded' ? event.details.count : 1
}

/** @returns what the event counts for. */
export function watchesOf(event: LiveEvent): readonly AlertWatch[] {
  switch (event.type) {
    case 'auth.failed':
      return SIGNATURE_REASONS.has(event.details.reason)
        ? ['auth_failures', 'signature_failures']
        : ['auth_failures']
    case 'rate_limit.exceeded':
      // What a rule in shadow mode would have done has harmed nobody.
      return event.details.isShadow ? [] : ['limit_saturation']
    case 'webhook.failed':
    case 'webhook.disabled':
      return ['webhook_failures']
    case 'provider.failed':
      return ['provider_errors']
    default:
      return []
  }
}
