/**
 * How long deliveries are kept: what has waited too long becomes a dead letter, and dead letters go
 * after their time. One transaction for each endpoint that has any such.
 */
import type { AppDirectory } from '../../credentials/app-directory.ts'
import type { RegionDatabase } from '../../ports/store.ts'
import type { Lane } from './lane.ts'
import type { Lanes } from './lanes.ts'
import { PUSHER_WINDOW_MS } from './schedule.ts'
import type { SteadyTime } from './steady-time.ts'

const DAY_MS = 86_400_000
/** Our bounds: of a dead letter since it was given up, of what waits since it was made. */
export const DEAD_KEPT_MS = 14 * DAY_MS
export const WAITING_KEPT_MS = 3 * DAY_MS
/** How often an endpoint's dead letters are looked through. */
const SWEEP_MS = 3_600_000
/** What is under way at the end of Pusher's window ends by itself first. */
const PUSHER_KEPT_MS = PUSHER_WINDOW_MS + 60_000
/** What the outcome of a dead letter says that waited too long. */
const EXPIRED = 'expired'

export interface RetentionDeps {
  readonly regions: ReadonlyMap<string, Pick<RegionDatabase, 'transaction'>>
  readonly apps: Pick<AppDirectory, 'findEndpoint'>
  readonly lanes: Lanes
  readonly time: SteadyTime
}

/** After a recount: what is old is read off the counts. */
export async function keepRetention(deps: RetentionDeps): Promise<void> {
  for (const lane of [...deps.lanes]) if (isConcerned(lane, deps)) await sweep(lane, deps)
}

function isConcerned(lane: Lane, deps: RetentionDeps): boolean {
  const nowMs = deps.time.unhurriedMs()
  if (lane.deadCount > 0 && nowMs - lane.sweptAtMs >= SWEEP_MS) return true
  return (lane.oldestAtMs ?? Number.POSITIVE_INFINITY) < nowMs - waitingMsOf(lane, deps)
}

async function sweep(lane: Lane, deps: RetentionDeps): Promise<void> {
  const nowMs = deps.time.unhurriedMs()
  lane.sweptAtMs = nowMs
  const times = {
    nowMs,
    deadBeforeMs: nowMs - DEAD_KEPT_MS,
    waitingBeforeMs: nowMs - waitingMsOf(lane, deps),
    lastOutcome: EXPIRED,
  }
  const database = deps.regions.get(lane.region)
  await database?.transaction((each) => each.sweepDeliveries(lane.place, times))
}

function waitingMsOf({ place }: Lane, { apps }: RetentionDeps): number {
  const format = apps.findEndpoint(place.endpointId)?.endpoint.format
  return format === 'pusher' ? PUSHER_KEPT_MS : WAITING_KEPT_MS
}
