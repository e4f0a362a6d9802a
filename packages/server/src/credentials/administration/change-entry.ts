/** The audit row of an administrative change, filled in with who asked for it. Pure. */
import type { AuditEntry } from '../audit/entry.ts'
import type { Caller } from './context.ts'

type Described = Pick<AuditEntry, 'tenantId' | 'action' | 'target' | 'before' | 'after'> & {
  readonly reason?: string | undefined
}

/** @returns a row of a change that was made; values of secrets are never part of it. */
export function changeEntry(caller: Caller, described: Described): Omit<AuditEntry, 'atMs'> {
  const { actor, source, requestId } = caller
  const { reason, ...rest } = described
  const outcome = 'success' as const
  return { ...rest, ...(reason === undefined ? {} : { reason }), outcome, actor, source, requestId }
}
