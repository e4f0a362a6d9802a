/** A guard over the engine the server uses, on a clock that tests move. */
import { openMemoryLimitEngine } from '../../packages/server/src/adapters/limit-engine-memory/limit-engine.ts'
import { Guard } from '../../packages/server/src/core/limits/guard.ts'
import type { Violation } from '../../packages/server/src/core/limits/limit-telling.ts'
import { installationRules } from '../../packages/server/src/core/limits/installation-limits.ts'
import { LimitTally } from '../../packages/server/src/core/limits/limit-tally.ts'
import { LiveEvents } from '../../packages/server/src/core/live-events.ts'
import { AppLimitBook, readLimits } from '../../packages/server/src/credentials/app-limits.ts'
import type { Clock } from '../../packages/server/src/ports/clock.ts'

/** @param texts of the installation, as `guard.limits` has them. */
export function guardWorld(
  clock: Clock,
  texts: readonly string[] = [],
  events: LiveEvents = new LiveEvents(),
) {
  const configured = readLimits(texts)
  const violations: Violation[] = []
  const tally = new LimitTally()
  const record = (violation: Violation) => void violations.push(violation)
  const engine = openMemoryLimitEngine({ clock })
  const guard = new Guard(installationRules(configured), { engine, clock, events, tally, record })
  return { guard, limitBook: new AppLimitBook(configured), violations, limitTally: tally, engine }
}
