/**
 * Sends what waits. Lanes take turns, so that no endpoint holds up another; a delivery that was
 * just committed is sent from memory, the database is read for what is due later and after a
 * restart. Driven by `tick` and by whatever ends.
 */
import type { AppDirectory, EndpointEntry } from '../../credentials/app-directory.ts'
import type { LiveEvents } from '../../core/live-events.ts'
import type { Clock } from '../../ports/clock.ts'
import type { DeliveryOutcome, DeliveryQueue } from '../../ports/delivery-queue.ts'
import type { Log } from '../../ports/log.ts'
import type { WebhookDeliveryRecord } from '../../ports/records/webhook.ts'
import type { WebhookSender } from '../../ports/webhook-sender.ts'
import { type AttemptDeps, type AttemptResult, isServed, makeAttempt } from './attempt.ts'
import type { DeliveryFigures } from './delivery-figures.ts'
import type { EndpointKeeper } from './endpoint-keeper.ts'
import { Intake } from './intake.ts'
import type { Lane } from './lane.ts'
import type { Lanes } from './lanes.ts'
import { type Finished, OutcomeWriter } from './outcome-writer.ts'
import { ReadyLanes } from './ready-lanes.ts'
import type { SteadyTime } from './steady-time.ts'
import { TenantShares } from './tenant-shares.ts'

/** Our bound on what is under way in all; the sender takes more, for those who try receivers. */
export const IN_FLIGHT_MAX = 384
/**
 * How long the end waits for what is under way; whoever stops servers waits some ten seconds. What
 * is cut off is posted again after the next start.
 */
const STOP_MS_MAX = 5_000
const STOP_LOOK_MS = 20

export interface DispatcherDeps extends AttemptDeps {
  /** By region code. */
  readonly regions: ReadonlyMap<string, DeliveryQueue>
  readonly apps: Pick<AppDirectory, 'findEndpoint'>
  readonly lanes: Lanes
  readonly sender: WebhookSender
  readonly clock: Clock
  readonly time: SteadyTime
  readonly keeper: EndpointKeeper
  readonly events: LiveEvents
  readonly figures: DeliveryFigures
  readonly log: Log
}

export class Dispatcher {
  readonly #deps: DispatcherDeps
  readonly #writer: OutcomeWriter
  readonly #intake: Intake
  readonly #ready = new ReadyLanes()
  readonly #inFlight = new TenantShares(IN_FLIGHT_MAX)
  #isStopping = false

  constructor(deps: DispatcherDeps) {
    this.#deps = deps
    const { regions, log } = deps
    this.#writer = new OutcomeWriter({
      regions,
      log,
      written: (finished, droppedCount) => this.#written(finished, droppedCount),
    })
    this.#intake = new Intake(deps, (lane) => this.#wake(lane))
  }

  /** Before anything is sent: what an earlier life of this node had taken is due again. */
  start(): Promise<void> {
    return this.#intake.start()
  }

  /** Whether a delivery made now is to be sent from memory. */
  mayHold(lane: Lane): boolean {
    if (this.#isStopping || !this.#deps.lanes.hasRoomToHold(lane)) return false
    const nowMs = this.#deps.time.nowMs()
    return this.#entryOf(lane) !== undefined && lane.roomAt(nowMs) > lane.addingCount
  }

  /** Takes what was committed as taken. */
  accept(lane: Lane, delivery: WebhookDeliveryRecord): void {
    this.#intake.hold(lane, delivery)
    this.#wake(lane)
  }

  /** Knows of what was committed and found no room in memory: by now there may be some. */
  store(lane: Lane, dueAtMs: number): void {
    lane.stored(dueAtMs)
    if (!this.#isStopping) this.#intake.refill(lane)
  }

  tick(): void {
    if (this.#isStopping) return
    this.#writer.tick()
    this.#deps.sender.tick()
    this.#intake.tick()
    const nowMs = this.#deps.time.nowMs()
    for (const lane of this.#deps.lanes) {
      if (!lane.hasWaiting) continue
      if (lane.isHeldUp(nowMs)) this.#putBack(lane)
      else this.#ready.add(lane)
    }
    this.#ready.recallAll()
    this.#pump()
  }

  /** Counts anew what is in the databases: somebody else may have changed it. */
  recount(): Promise<void> {
    return this.#intake.recount()
  }

  /**
   * Sends nothing more, waits for what is under way, and puts the rest back.
   * @param pause waits so many milliseconds.
   */
  async stop(pause: (ms: number) => Promise<void>): Promise<void> {
    this.#isStopping = true
    for (let waitedMs = 0; this.#inFlight.total > 0 && waitedMs < STOP_MS_MAX; ) {
      await pause(STOP_LOOK_MS)
      waitedMs += STOP_LOOK_MS
    }
    await this.#intake.settled()
    for (const lane of this.#deps.lanes) this.#putBack(lane)
    await this.#writer.settled()
    this.#deps.sender.close()
  }

  #wake(lane: Lane): void {
    this.#ready.add(lane)
    this.#pump()
  }

  /** A lane that has sent one goes to the end of the row. */
  #pump(): void {
    if (this.#isStopping) return
    const nowMs = this.#deps.time.nowMs()
    for (const lane of this.#ready) {
      if (this.#inFlight.total >= IN_FLIGHT_MAX) return
      this.#ready.delete(lane)
      if (!lane.maySend(nowMs)) continue
      if (this.#inFlight.roomFor(lane.tenantId) < 1) {
        this.#ready.standAside(lane)
        continue
      }
      const delivery = lane.begin(nowMs)
      if (delivery === undefined) continue
      void this.#send(lane, delivery)
      if (lane.maySend(nowMs)) this.#ready.add(lane)
    }
  }

  async #send(lane: Lane, delivery: WebhookDeliveryRecord): Promise<void> {
    this.#inFlight.add(lane.tenantId)
    try {
      const entry = this.#entryOf(lane)
      if (entry === undefined) {
        lane.breaker.cancelled()
        this.#finish(lane, delivery, release(delivery, this.#deps.time.nowMs()))
      } else {
        const ageMs = this.#deps.time.nowMs() - delivery.createdAtMs
        const result = await makeAttempt(entry, { delivery, ageMs }, this.#deps)
        this.#settle({ lane, entry, delivery }, result)
      }
    } catch (error) {
      // A bug of ours: its lease ends, and it is tried again.
      this.#deps.log.error('webhook_bug', error, { endpointId: lane.place.endpointId })
      lane.breaker.cancelled()
      this.#intake.letGo(lane, delivery)
    } finally {
      this.#inFlight.remove(lane.tenantId)
      this.#ready.recall(lane.tenantId)
      lane.ended()
      if (!this.#isStopping) {
        this.#intake.refill(lane)
        this.#wake(lane)
      }
    }
  }

  #settle({ lane, entry, delivery }: Sent, result: AttemptResult): void {
    const { figures, keeper } = this.#deps
    const nowMs = this.#deps.time.nowMs()
    const { id } = delivery
    switch (result.kind) {
      case 'postponed':
        lane.breaker.cancelled()
        if (result.isForAll) lane.pausedUntilMs = nowMs + result.waitMs
        this.#finish(lane, delivery, release(delivery, nowMs + result.waitMs))
        if (lane.isHeldUp(nowMs)) this.#putBack(lane)
        return
      case 'delivered':
        figures.attempted(result.answer)
        lane.succeeded()
        keeper.delivered(entry.endpoint)
        return this.#finish(lane, delivery, { kind: 'delivered', id })
      case 'failed':
        figures.attempted(result.answer)
        // Another receiver by now: what the last one answered is no reason to give up on it.
        if (this.#hasMoved(entry)) {
          lane.breaker.cancelled()
          return this.#finish(lane, delivery, release(delivery, nowMs))
        }
        lane.failed(nowMs)
        lane.pausedUntilMs = Math.max(lane.pausedUntilMs, nowMs + result.pauseMs)
        this.#finish(lane, delivery, outcomeOf(delivery, result, nowMs))
        this.#tell({ lane, entry, delivery }, result)
        keeper.failed(entry.endpoint, {
          ...result,
          failingMs: nowMs - (lane.failingSinceMs ?? nowMs),
        })
        if (lane.isHeldUp(nowMs)) this.#putBack(lane)
        return
      default:
        result satisfies never
    }
  }

  #hasMoved({ endpoint: { id, url } }: EndpointEntry): boolean {
    return this.#deps.apps.findEndpoint(id)?.endpoint.url !== url
  }

  #tell({ entry, delivery }: Sent, result: Extract<AttemptResult, { kind: 'failed' }>): void {
    const { events, clock } = this.#deps
    const { id: endpointId, tenantId, appId } = entry.endpoint
    if (!events.isWanted('webhook.failed', appId)) return
    const attempt = delivery.attemptCount + 1
    const isDead = result.delayMs === undefined
    const details = { endpointId, deliveryId: delivery.id, attempt, outcome: result.answer, isDead }
    events.tell({ type: 'webhook.failed', atMs: clock.nowMs(), tenantId, appId, details })
  }

  /** What waits in memory while nothing is sent waits in the database. */
  #putBack(lane: Lane): void {
    const nowMs = this.#deps.time.nowMs()
    for (const delivery of lane.empty()) this.#finish(lane, delivery, release(delivery, nowMs))
  }

  #finish(lane: Lane, delivery: WebhookDeliveryRecord, outcome: DeliveryOutcome): void {
    this.#writer.add({ lane, delivery, outcome })
  }

  #written(finished: readonly Finished[], droppedCount: number): void {
    const { figures } = this.#deps
    if (droppedCount > 0) figures.count('dropped', droppedCount)
    for (const { lane, delivery, outcome } of finished) {
      this.#intake.letGo(lane, delivery)
      switch (outcome.kind) {
        case 'delivered':
          figures.count('delivered')
          break
        case 'dead':
          figures.count('dead')
          lane.deadCount++
          break
        case 'retry':
          figures.count('retried')
          this.#intake.stored(lane, outcome.dueAtMs)
          break
        case 'released':
          this.#intake.stored(lane, outcome.dueAtMs)
          break
        default:
          outcome satisfies never
      }
    }
  }

  /** @returns undefined where nothing is sent to it now, or it is gone. */
  #entryOf(lane: Lane): EndpointEntry | undefined {
    const entry = this.#deps.apps.findEndpoint(lane.place.endpointId)
    if (entry === undefined) return undefined
    lane.follow(entry.endpoint)
    return isServed(entry, this.#deps.clock.nowMs()) ? entry : undefined
  }
}

interface Sent {
  readonly lane: Lane
  readonly entry: EndpointEntry
  readonly delivery: WebhookDeliveryRecord
}

function release({ id }: WebhookDeliveryRecord, dueAtMs: number): DeliveryOutcome {
  return { kind: 'released', id, dueAtMs }
}

function outcomeOf(
  { id, attemptCount: before }: WebhookDeliveryRecord,
  { answer: lastOutcome, delayMs }: Extract<AttemptResult, { kind: 'failed' }>,
  nowMs: number,
): DeliveryOutcome {
  const attemptCount = before + 1
  return delayMs === undefined
    ? { kind: 'dead', id, attemptCount, lastOutcome, atMs: nowMs }
    : { kind: 'retry', id, attemptCount, lastOutcome, dueAtMs: nowMs + delayMs }
}
