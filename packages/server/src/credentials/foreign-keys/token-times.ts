/** The times of a token that somebody else's clock wrote, RFC 7519 §4.1.4 to §4.1.6. Pure. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'

/** How far apart two clocks may be; ours. */
export const LEEWAY_MS = 30_000

export interface TokenTimes {
  readonly expiresAtMs: number
  /**
   * The earliest it can have been made, for the list of what was revoked: the clock that wrote it
   * may be ahead by the leeway, and a token that does not say was made before everything.
   */
  readonly issuedAtMs: number
}

/**
 * @param lifeMsMax from `iat`, or where there is none from now, to `exp`.
 * @returns `malformed` also for one that lives too long or was made in the future.
 */
export function readTimes(
  { exp, nbf, iat }: Readonly<Record<string, unknown>>,
  { nowMs, lifeMsMax }: { readonly nowMs: number; readonly lifeMsMax: number },
): Result<TokenTimes, 'malformed' | 'expired'> {
  const [expiresAtMs, startsAtMs, madeAtMs] = [msOf(exp), msOf(nbf), msOf(iat)]
  // RFC 7519 leaves `exp` open; here a token without an end is none.
  if (expiresAtMs === undefined) return refuse('malformed')
  for (const [claim, ms] of [
    [nbf, startsAtMs],
    [iat, madeAtMs],
  ] as const) {
    if (claim === undefined) continue
    if (ms === undefined || ms > nowMs + LEEWAY_MS) return refuse('malformed')
  }
  const lifeMs = expiresAtMs - (madeAtMs ?? nowMs)
  // Written so that a bound that is no number lets nothing through.
  if (!(lifeMs <= lifeMsMax)) return refuse('malformed')
  if (isOver(expiresAtMs, nowMs)) return refuse('expired')
  const issuedAtMs = madeAtMs === undefined ? 0 : madeAtMs - LEEWAY_MS
  return ok({ expiresAtMs, issuedAtMs })
}

/** Whether a token has ended, for the clock it was written by too. */
export function isOver(expiresAtMs: number, nowMs: number): boolean {
  return nowMs >= expiresAtMs + LEEWAY_MS
}

/** RFC 7519 §2: seconds since 1970, fractions too. */
function msOf(claim: unknown): number | undefined {
  return typeof claim === 'number' && claim >= 0 && claim < SECONDS_MAX ? claim * 1_000 : undefined
}

/** The year 5138; a larger number counts something else than seconds. */
const SECONDS_MAX = 100_000_000_000
