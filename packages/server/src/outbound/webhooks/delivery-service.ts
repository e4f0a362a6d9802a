/** The delivery of webhooks, put together: where bodies go in, and what has to be driven. */
import type { AppDirectory } from '../../credentials/app-directory.ts'
import type { MetricDefinitions } from '../../ports/metrics.ts'
import type { RegionDatabase } from '../../ports/store.ts'
import { DeliveryFigures } from './delivery-figures.ts'
import { DeliveryOutbox } from './delivery-outbox.ts'
import { Dispatcher, type DispatcherDeps } from './dispatcher.ts'
import { type EndpointChanges, EndpointKeeper } from './endpoint-keeper.ts'
import { Lanes } from './lanes.ts'
import type { WebhookOutbox } from './outgoing.ts'
import { keepRetention } from './retention.ts'
import { SteadyTime } from './steady-time.ts'

export interface DeliveryServiceDeps
  extends Omit<DispatcherDeps, 'regions' | 'apps' | 'lanes' | 'time' | 'keeper' | 'figures'> {
  readonly regions: ReadonlyMap<string, RegionDatabase>
  readonly apps: Pick<AppDirectory, 'findById' | 'findEndpoint'>
  readonly endpoints: EndpointChanges
}

export class DeliveryService {
  readonly outbox: WebhookOutbox
  readonly #deps: DeliveryServiceDeps
  readonly #lanes: Lanes
  readonly #time: SteadyTime
  readonly #figures = new DeliveryFigures()
  readonly #dispatcher: Dispatcher

  constructor(deps: DeliveryServiceDeps) {
    const { clock, random, log, endpoints, apps } = deps
    this.#deps = deps
    const tenantOf = (appId: string) => apps.findById(appId)?.tenant.id
    this.#lanes = new Lanes({ random, tenantOf })
    this.#time = new SteadyTime(clock)
    const keeper = new EndpointKeeper(endpoints, log)
    const own = { lanes: this.#lanes, time: this.#time, figures: this.#figures }
    this.#dispatcher = new Dispatcher({ ...deps, ...own, keeper })
    this.outbox = new DeliveryOutbox({ ...deps, ...own, dispatcher: this.#dispatcher })
  }

  /** Before anything is added: takes up what an earlier life of this node left. */
  start(): Promise<void> {
    return this.#dispatcher.start()
  }

  /** To be called about once a second. */
  tick(): void {
    this.#dispatcher.tick()
  }

  /** After somebody changed what waits, for instance by a replay. */
  async follow(): Promise<void> {
    await this.#dispatcher.recount()
    this.#dispatcher.tick()
  }

  /** To be called about every quarter of a minute: counts anew, and ends what is too old. */
  async keep(): Promise<void> {
    const { regions, apps } = this.#deps
    await this.#dispatcher.recount()
    await keepRetention({ regions, apps, lanes: this.#lanes, time: this.#time })
  }

  /** Whether as many wait for an endpoint as may. */
  isFull(endpointId: string): boolean {
    const lane = this.#lanes.find(endpointId)
    return lane !== undefined && this.#lanes.isFull(lane)
  }

  /** @param pause waits so many milliseconds. */
  stop(pause: (ms: number) => Promise<void>): Promise<void> {
    return this.#dispatcher.stop(pause)
  }

  metrics(): MetricDefinitions {
    return this.#figures.metrics(this.#lanes, () => this.#time.nowMs())
  }
}
