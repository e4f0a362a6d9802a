/**
 * What a refresh with one generation of a family means, once the store has tried to advance it: the
 * one place where rotation, leeway and reuse are told apart (RFC 9700 §4.14.2). Pure.
 */
import type { RefreshFamilyRecord } from '../../ports/records/refresh-family.ts'

/**
 * `advanced`: the successor is new. `repeated`: the successor that exists already is given again.
 * `reused`: somebody has used this one before; the family has to end. `ended`: there is nothing to
 * refresh.
 */
export type RefreshStep = 'advanced' | 'repeated' | 'reused' | 'ended'

/**
 * @param outcome what `RegionDatabase.advanceFamily` gave for `generation`.
 * @param leewayMs 0: a repeated use is always a reuse.
 */
export function refreshStep(
  outcome: { readonly isAdvanced: boolean; readonly family: RefreshFamilyRecord | undefined },
  generation: number,
  { nowMs, leewayMs }: { readonly nowMs: number; readonly leewayMs: number },
): RefreshStep {
  const { isAdvanced, family } = outcome
  if (family === undefined) return 'ended'
  if (isAdvanced) return 'advanced'
  if (family.revokedAtMs !== undefined) return 'ended'
  if (nowMs >= family.expiresAtMs) return 'ended'
  if (family.endsAtMs !== undefined && nowMs >= family.endsAtMs) return 'ended'
  // Newer than what is stored: an old copy of the database was put back. Nobody has stolen it.
  if (generation >= family.generation) return 'ended'
  // A clock that was set back a little is no theft; one that was set back far opens nothing.
  const isLate = Math.abs(nowMs - family.rotatedAtMs) >= leewayMs
  return generation === family.generation - 1 && !isLate ? 'repeated' : 'reused'
}
