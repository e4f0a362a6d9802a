/** Several nodes that share their limits over a memory bus, in one process. */
import { setImmediate as turn } from 'node:timers/promises'
import { createMemoryBus } from '../../packages/server/src/adapters/broker-memory/broker.ts'
import { openMemoryLimitEngine } from '../../packages/server/src/adapters/limit-engine-memory/limit-engine.ts'
import { BEAT_MS, SharedLimits } from '../../packages/server/src/core/limits/shared-limits.ts'
import type { Broker } from '../../packages/server/src/ports/broker.ts'
import type { Log } from '../../packages/server/src/ports/log.ts'
import { Outage } from '../../packages/server/src/ports/outage.ts'
import { HandClock } from './hand-clock.ts'

/** A bus of nodes with one clock, whose lines can be cut. */
export class LimitNodes {
  readonly clock = new HandClock()
  readonly bus = createMemoryBus()
  readonly logged: string[] = []
  readonly nodes: SharedLimits[] = []
  readonly #cut = new Set<number>()
  published = 0

  add(): SharedLimits {
    const index = this.nodes.length
    const node = new SharedLimits({
      engine: openMemoryLimitEngine({ clock: this.clock }),
      broker: this.#line(index),
      clock: this.clock,
      log: this.#log(),
      nodeId: `node-${index}`,
    })
    this.nodes.push(node)
    return node
  }

  /** That node's bus takes nothing any more, as it says itself. */
  cut(index: number): void {
    this.#cut.add(index)
  }

  mend(index: number): void {
    this.#cut.delete(index)
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      for (const node of this.nodes) node.tick()
      await turn()
      await turn()
    }
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= BEAT_MS) {
      this.clock.pass(Math.min(left, BEAT_MS))
      await this.settle()
    }
  }

  metric(index: number, name: string): number {
    const found = this.nodes[index]?.metrics().plain.find((each) => each.name.includes(name))
    return found?.read() ?? Number.NaN
  }

  #line(index: number): Broker {
    const line = this.bus.connect()
    return {
      publish: (topic, payload) => {
        if (this.#cut.has(index)) throw new Outage('broker_unavailable', 'cut', { port: 'broker' })
        this.published++
        line.publish(topic, payload)
      },
      hasListeners: (topic) => line.hasListeners(topic),
      subscribe: (topic, handle) => line.subscribe(topic, handle),
      close: () => line.close(),
    }
  }

  #log(): Log {
    const note = (event: string) => void this.logged.push(event)
    return { debug: note, info: note, warn: note, error: note }
  }
}

/** @returns nodes that have heard of each other. */
export async function limitNodes(nodeCount: number): Promise<LimitNodes> {
  const world = new LimitNodes()
  for (let left = nodeCount; left > 0; left--) world.add()
  await world.settle()
  return world
}
