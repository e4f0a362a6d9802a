/** What one audit row says. Values of secrets are never part of it: ids, states and times are. */
import type { Source } from '../../core/source.ts'
import type { AuditAction } from './actions.ts'

export interface AuditActor {
  readonly kind: 'operator' | 'member' | 'app' | 'user' | 'configuration' | 'system' | 'anonymous'
  /** An id; empty for `anonymous`. */
  readonly id: string
}

export type AuditOutcome = 'success' | 'failure' | 'denied'

/** Plain JSON without secrets. */
export type AuditDetail = Readonly<Record<string, unknown>>

export interface AuditEntry {
  readonly atMs: number
  /** {@link INSTALLATION} for what concerns no tenant. */
  readonly tenantId: string
  readonly actor: AuditActor
  readonly source: Source | undefined
  readonly action: AuditAction
  readonly target: { readonly kind: string; readonly id: string; readonly name?: string }
  readonly outcome: AuditOutcome
  /** A refusal code, or the reason the actor gave. */
  readonly reason?: string
  readonly before?: AuditDetail
  readonly after?: AuditDetail
  /** Of sampled rows: how many alike this row stands for, until when. */
  readonly count?: number
  readonly untilMs?: number
  /** Joins the rows of one request. */
  readonly requestId?: string
}

/** The tenant id of rows that concern the installation. */
export const INSTALLATION = '-'
