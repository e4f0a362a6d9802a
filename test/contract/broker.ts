/**
 * The promises of the broker port, kept by every adapter: a function of a harness that
 * registers tests.
 */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { BROKER_PAYLOAD_BYTES_MAX, type Broker } from '../../packages/server/src/ports/broker.ts'
import { Outage } from '../../packages/server/src/ports/outage.ts'
import { until } from '../support/wait.ts'

/** One bus with nothing on it; each test gets its own. */
export interface BusHarness {
  readonly connect: () => Promise<Broker>
  /** Resolves when every subscription made so far is in effect. */
  readonly settle: () => Promise<void>
  /** What handlers threw, as the bus reported it. */
  readonly errors: () => readonly unknown[]
}

const TOPIC = 'hub'

export function testBrokerContract(name: string, openBus: () => Promise<BusHarness>): void {
  describe(`${name} keeps the broker contract`, () => {
    const bench = new Bench(openBus)
    beforeEach(() => bench.start())
    afterEach(() => bench.stop())
    testDelivery(bench)
    testHandlers(bench)
    testEnding(bench)
  })
}

/** Three nodes on one bus. */
class Bench {
  readonly #openBus: () => Promise<BusHarness>
  #bus: BusHarness | undefined
  #nodes: readonly Broker[] = []

  constructor(openBus: () => Promise<BusHarness>) {
    this.#openBus = openBus
  }

  get bus(): BusHarness {
    if (this.#bus === undefined) throw new Error('the bench is not started')
    return this.#bus
  }

  node(number: 0 | 1 | 2): Broker {
    const node = this.#nodes[number]
    if (node === undefined) throw new Error('the bench is not started')
    return node
  }

  async start(): Promise<void> {
    const bus = await this.#openBus()
    this.#bus = bus
    this.#nodes = [await bus.connect(), await bus.connect(), await bus.connect()]
  }

  async stop(): Promise<void> {
    for (const node of this.#nodes) await node.close()
  }
}

/** Collects what one subscription is handed. */
function listen(node: Broker, topic = TOPIC) {
  const payloads: string[] = []
  const unsubscribe = node.subscribe(topic, (payload) => payloads.push(payload))
  const received = (count: number) =>
    until(`${count} payloads`, () => (payloads.length >= count ? payloads : undefined))
  return { payloads, unsubscribe, received }
}

function testDelivery(bench: Bench): void {
  test('a payload reaches every other node once and never its sender', async () => {
    const [own, one, other] = [listen(bench.node(0)), listen(bench.node(1)), listen(bench.node(2))]
    await bench.bus.settle()
    bench.node(0).publish(TOPIC, 'first')
    bench.node(1).publish(TOPIC, 'second')
    await Promise.all([own.received(1), one.received(1), other.received(2)])
    expect(own.payloads).toEqual(['second'])
    expect(one.payloads).toEqual(['first'])
    expect(other.payloads.toSorted()).toEqual(['first', 'second'])
  })

  test('a topic without subscribers swallows its payloads, other topics get none', async () => {
    const listener = listen(bench.node(1), 'other')
    await bench.bus.settle()
    bench.node(0).publish(TOPIC, 'for nobody')
    bench.node(0).publish('other', 'for one')
    expect(await listener.received(1)).toEqual(['for one'])
  })

  test('a node that others may listen to knows it, and its own listening does not count', async () => {
    listen(bench.node(0))
    const other = listen(bench.node(1))
    await bench.bus.settle()
    expect(bench.node(0).hasListeners(TOPIC)).toBe(true)
    bench.node(0).publish(TOPIC, 'heard')
    await other.received(1)
  })

  test('each sender stays in order, however senders are mixed', async () => {
    const listener = listen(bench.node(2))
    await bench.bus.settle()
    const count = 500
    for (let number = 0; number < count; number++) {
      bench.node(0).publish(TOPIC, `a ${number}`)
      bench.node(1).publish(TOPIC, `b ${number}`)
    }
    const payloads = await listener.received(2 * count)
    for (const sender of ['a', 'b']) {
      const numbers = payloads.filter((payload) => payload.startsWith(sender))
      expect(numbers).toEqual(Array.from({ length: count }, (_, number) => `${sender} ${number}`))
    }
  })

  test('a payload of the largest size comes through, one byte more is an error', async () => {
    const listener = listen(bench.node(1))
    await bench.bus.settle()
    const largest = '€'.repeat(Math.floor(BROKER_PAYLOAD_BYTES_MAX / 3))
    const filled = largest + '.'.repeat(BROKER_PAYLOAD_BYTES_MAX - Buffer.byteLength(largest))
    expect(() => bench.node(0).publish(TOPIC, `${filled}.`)).toThrow()
    bench.node(0).publish(TOPIC, filled)
    const [payload] = await listener.received(1)
    expect(payload === filled).toBe(true)
  })
}

function testHandlers(bench: Bench): void {
  test('no handler runs during publish, nor inside another handler', async () => {
    const active = { depth: 0, depthMax: 0, count: 0 }
    for (const number of [0, 1] as const) {
      const node = bench.node(number)
      node.subscribe(TOPIC, (payload) => {
        active.depthMax = Math.max(active.depthMax, ++active.depth)
        active.count++
        if (payload.length < 8) node.publish(TOPIC, `${payload}.`)
        active.depth--
      })
    }
    await bench.bus.settle()
    bench.node(2).publish(TOPIC, '.')
    expect(active.count).toBe(0)
    await until('the echoes to end', () => active.count === 16)
    expect(active.depthMax).toBe(1)
  })

  test('every subscription of a node is called, and ends alone', async () => {
    const [first, second] = [listen(bench.node(1)), listen(bench.node(1))]
    await bench.bus.settle()
    bench.node(0).publish(TOPIC, 'both')
    await Promise.all([first.received(1), second.received(1)])
    first.unsubscribe()
    first.unsubscribe()
    bench.node(0).publish(TOPIC, 'one')
    expect(await second.received(2)).toEqual(['both', 'one'])
    expect(first.payloads).toEqual(['both'])
  })

  test('nothing is handed over after unsubscribing, not even what was on its way', async () => {
    const [leaving, staying] = [listen(bench.node(1)), listen(bench.node(1))]
    await bench.bus.settle()
    bench.node(0).publish(TOPIC, 'on its way')
    leaving.unsubscribe()
    await staying.received(1)
    expect(leaving.payloads).toEqual([])
  })

  test('a handler that throws is reported and stops no other and no later payload', async () => {
    const failure = new Error('on purpose')
    bench.node(1).subscribe(TOPIC, () => {
      throw failure
    })
    const listener = listen(bench.node(1))
    await bench.bus.settle()
    bench.node(0).publish(TOPIC, 'one')
    bench.node(0).publish(TOPIC, 'two')
    expect(await listener.received(2)).toEqual(['one', 'two'])
    expect(bench.bus.errors()).toEqual([failure, failure])
  })
}

function testEnding(bench: Bench): void {
  test('a closed node gets nothing and sends nothing, the others go on', async () => {
    const [gone, there] = [listen(bench.node(1)), listen(bench.node(2))]
    await bench.bus.settle()
    bench.node(0).publish(TOPIC, 'on its way')
    await bench.node(1).close()
    bench.node(0).publish(TOPIC, 'later')
    expect(await there.received(2)).toEqual(['on its way', 'later'])
    expect(gone.payloads).toEqual([])
    expect(() => bench.node(1).publish(TOPIC, 'too late')).toThrow(Outage)
    expect(() => bench.node(1).subscribe(TOPIC, () => {})).toThrow(Outage)
  })

  test('closing twice is no error, and unsubscribing after it neither', async () => {
    const { unsubscribe } = listen(bench.node(1))
    await Promise.all([bench.node(1).close(), bench.node(1).close()])
    await bench.node(1).close()
    unsubscribe()
  })
}
