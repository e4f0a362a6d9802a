/**
 * The limits that are decided before anybody knows which app is meant, and those of the
 * installation's own doors: only the configuration sets them. Pure.
 */
import { refuse, type Result } from '@lockgate/protocol/result'
import { isConcurrent, LIMIT_NAMES, limitKind, type LimitName } from './limit-names.ts'
import {
  defaultLimit,
  type Limit,
  type LimitListRefusal,
  parseLimits,
  type WindowLimit,
} from './limit-text.ts'

/**
 * @param limits of the configuration.
 * @returns what it says of each such name, else the default of its row.
 */
export function installationRules(limits: readonly Limit[]): readonly WindowLimit[] {
  return LIMIT_NAMES.filter(isOfInstallation).flatMap((name) => {
    const named = limits.filter((limit) => limit.name === name).filter(hasWindow)
    return named.length > 0 ? named : (defaultLimit(name) ?? [])
  })
}

/** Whether plans, apps, keys and tokens cannot set it. */
export function isOfInstallation(name: LimitName): boolean {
  return limitKind(name).setBy === 'installation' && !isConcurrent(name)
}

function hasWindow(limit: Limit): limit is WindowLimit {
  return limit.windowMs !== undefined
}

/**
 * Parses what a plan, app, key or token says.
 * @returns the limits, or what is wrong; details quote nothing of the texts.
 */
export function parseAppLimits(
  texts: readonly string[],
): Result<readonly Limit[], LimitListRefusal | 'limit_of_installation'> {
  const parsed = parseLimits(texts)
  if (!parsed.ok) return parsed
  const foreign = parsed.value.find(({ name }) => isOfInstallation(name))
  if (foreign === undefined) return parsed
  return refuse(
    'limit_of_installation',
    `${foreign.name} is decided before the app is known: set it in guard.limits.`,
  )
}
