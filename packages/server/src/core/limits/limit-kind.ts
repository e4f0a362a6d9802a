/** What a limit is, beside its name. Values only. */
import type { LimitOutagePolicy } from '../../ports/limit-engine.ts'

/** Units of the IETF RateLimit fields (draft-ietf-httpapi-ratelimit-headers §4.2). */
export type LimitUnit = 'requests' | 'content-bytes' | 'concurrent'

/** What a limit counts by: the part of its name behind the dot. */
export type LimitScope =
  | 'app'
  | 'channel'
  | 'user'
  | 'connection'
  | 'ip'
  | 'range'
  | 'endpoint'
  | 'tenant'
  | 'workflow'
  | 'client'
  | 'credential'
  | 'token'

/** A row of the table of limits. */
export interface LimitKind {
  readonly unit: LimitUnit
  readonly scope: LimitScope
  /** `app`: plans, apps, keys and tokens may set it; `installation`: the configuration alone. */
  readonly setBy: 'app' | 'installation'
  /** Holds where neither plan nor app names the limit; undefined: no limit then. */
  readonly default: { readonly quota: number; readonly windowMs: number } | undefined
  /** Where the text of a limit names none. */
  readonly onOutage: LimitOutagePolicy
  /** One sentence, for pages and answers. */
  readonly does: string
}
