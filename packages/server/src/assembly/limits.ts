/** One engine for every limit of a server; what other nodes count comes in over the broker. */
import { SharedLimits, type SharedLimitsPorts } from '../core/limits/shared-limits.ts'
import { randomUuid } from '../credentials/identifiers.ts'
import type { Random } from '../ports/random.ts'

export function shareLimits(
  engine: SharedLimitsPorts['engine'],
  { random, ...ports }: Omit<SharedLimitsPorts, 'engine' | 'nodeId'> & { readonly random: Random },
): SharedLimits {
  return new SharedLimits({ ...ports, engine, nodeId: randomUuid(random) })
}
