/**
 * What a customer's token says of its own limits, in its claim `limits`: a list of limit texts, or
 * an object with them in `rateLimits`, as our own tokens carry it. They narrow what the app may do.
 * What is said and cannot be read refuses the token, so that nobody believes to have narrowed what
 * was not read. Pure.
 */
import { isJsonObject } from '@lockgate/protocol/bytes'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { parseAppLimits } from '../../core/limits/installation-limits.ts'
import type { Limit } from '../../core/limits/limit-text.ts'

/** @returns undefined where nothing is said. */
export function claimedLimits(
  claims: Readonly<Record<string, unknown>>,
): Result<readonly Limit[] | undefined, 'malformed'> {
  const claim = claims['limits']
  const texts = isJsonObject(claim) ? claim['rateLimits'] : claim
  if (texts === undefined) return ok(undefined)
  if (!Array.isArray(texts) || !texts.every((each) => typeof each === 'string')) {
    return refuse('malformed')
  }
  const parsed = parseAppLimits(texts)
  return parsed.ok ? parsed : refuse('malformed')
}
