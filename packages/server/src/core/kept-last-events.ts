/**
 * The last events of cache channels on their way to the store and back, so that they survive a
 * restart. The hub is made before there is a store, so it is connected later.
 */
import type { HistoryStore, HistoryWrite } from '../ports/history-store.ts'
import type { AppSpace } from './app-space.ts'
import type { HistoryRegion } from './history/history.ts'

export interface KeptLastEventPorts {
  readonly regionOf: (space: AppSpace) => HistoryRegion
  /** @returns undefined for an app that does not exist. */
  readonly spaceOf: (appId: string) => AppSpace | undefined
}

export class KeptLastEvents {
  #ports: KeptLastEventPorts | undefined
  /** Of the newest write of each app, while it is not durable. */
  readonly #writing = new Map<string, Promise<void>>()

  connect(ports: KeptLastEventPorts): void {
    this.#ports = ports
  }

  /** Brings in what a store has; awaited before the server is ready. @throws Outage */
  async load(store: Pick<HistoryStore, 'lastEvents'>, nowMs: number): Promise<void> {
    const stored = await store.lastEvents(nowMs)
    // The cache frees from its beginning what has expired.
    for (const last of stored.toSorted((one, other) => one.expiresAtMs - other.expiresAtMs)) {
      const space = this.#ports?.spaceOf(last.appId)
      if (space === undefined) continue
      const { event, data, expiresAtMs } = last
      space.lastEvents.keep(last.channel, { event, data, expiresAtMs })
      this.#follow(space)
    }
  }

  /** `channel` has a new last event. */
  changed(space: AppSpace, channel: string): void {
    // Its life is looked at where it is read.
    const last = space.lastEvents.read(channel, Number.NEGATIVE_INFINITY)
    if (last === undefined) return
    this.#follow(space)
    const { event, data, expiresAtMs } = last
    const appId = space.app.id
    this.#write(space, { kind: 'last_event', last: { appId, channel, event, data, expiresAtMs } })
  }

  /** @returns when what was published in an app survives a crash. @throws Outage */
  settle(appId: string): Promise<void> | undefined {
    return this.#writing.get(appId)
  }

  #follow(space: AppSpace): void {
    space.lastEvents.onGone ??= (channel) =>
      this.#write(space, { kind: 'last_event_gone', appId: space.app.id, channel })
  }

  /** Where the store is out nothing is written: it is a cache, and lives on in memory. */
  #write(space: AppSpace, write: HistoryWrite): void {
    const written = this.#ports?.regionOf(space).journal.write(write)
    if (written?.accepted !== true || write.kind !== 'last_event') return
    const { durable } = written
    const { appId } = write.last
    this.#writing.set(appId, durable)
    const done = () => {
      if (this.#writing.get(appId) === durable) this.#writing.delete(appId)
    }
    void durable.then(done, done)
  }
}
