/**
 * What limits hold for the holder of a key or token. They only narrow. Where the app or a channel
 * is what is counted, the holder has a count of its own beside that of everybody: a key that may
 * publish a hundred a minute is not used up by other keys, and adds to what the app has used. Pure.
 */
import { AppLimits, type HeldRule, windowRules } from './charges.ts'
import { effectiveLimits, type EffectiveLimits } from './effective-limits.ts'
import type { LimitScope } from './limit-kind.ts'
import { isConcurrent, limitKind, LIMIT_NAMES } from './limit-names.ts'
import type { Limit } from './limit-text.ts'

/** Limits a credential carries. The object is kept as long as the credential is known. */
export interface CredentialLimits {
  /** Id of the credential or token: whose own count it is. */
  readonly holder: string
  readonly limits: readonly Limit[]
}

/** Counted for the holder alone; of the others there is one count, with the smaller quota. */
const HELD_SCOPES: ReadonlySet<LimitScope> = new Set(['app', 'channel', 'tenant', 'endpoint'])

export function narrowedLimits(base: AppLimits, { holder, limits }: CredentialLimits): AppLimits {
  const everybodys = asLimits(base.effective)
  const narrowed = effectiveLimits({ plan: everybodys, token: limits })
  const before = new Set(everybodys)
  const isHeld = ({ name }: Limit) => HELD_SCOPES.has(limitKind(name).scope)
  const held: HeldRule[] = windowRules(narrowed)
    .filter((rule) => isHeld(rule) && !before.has(rule))
    .map((rule) => ({ rule, holder }))
  const shared = limits.filter((limit) => isConcurrent(limit.name) || !isHeld(limit))
  // Most tokens say what their app says: they need nothing of their own.
  if (asLimits(narrowed).every((limit) => before.has(limit))) return base
  const common =
    shared.length === 0 ? base.effective : effectiveLimits({ plan: everybodys, token: shared })
  return new AppLimits(base.owner, common, held)
}

/** @returns the limits that make up what is effective. */
export function asLimits(effective: EffectiveLimits): readonly Limit[] {
  return LIMIT_NAMES.flatMap((name): readonly Limit[] =>
    isConcurrent(name) ? effective.concurrent[name] : effective.rules[name],
  )
}
