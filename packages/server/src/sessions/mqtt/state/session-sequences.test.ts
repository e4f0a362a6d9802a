/**
 * Random histories of one publisher and one receiver with kept sessions: lost connections, lost
 * answers, a store that writes late or not at all, a broker that is killed between any two commits.
 * Whatever happens, QoS 2 arrives exactly once and QoS 1 at least once, each in order.
 */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { ModelNetwork } from '../../../../../../test/support/session-model.ts'
import { PACKET_ID_MAX } from '../../../../../../test/support/session-model-client.ts'

const who = fc.constantFrom('publisher' as const, 'receiver' as const)

const publish = fc.record({
  kind: fc.constant('publish' as const),
  qos: fc.constantFrom(1 as const, 2 as const),
})
const handle = fc.record({
  kind: fc.constant('handle' as const),
  who,
  count: fc.integer({ min: 1, max: 4 }),
})
const commit = fc.constant({ kind: 'commit' as const })
const lose = fc.record({ kind: fc.constantFrom('lose' as const, 'lose_answer' as const), who })
const connect = fc.record({
  kind: fc.constant('connect' as const),
  who,
  receiveMaximum: fc.integer({ min: 1, max: 4 }),
})
const room = fc.record({ kind: fc.constant('room' as const), hasRoom: fc.boolean() })
const kill = fc.constant({ kind: 'kill' as const })
const outage = fc.record({ kind: fc.constant('outage' as const), isOut: fc.boolean() })
const tick = fc.constant({ kind: 'tick' as const })

const usual = [
  { arbitrary: publish, weight: 6 },
  { arbitrary: handle, weight: 8 },
  { arbitrary: commit, weight: 8 },
  { arbitrary: connect, weight: 3 },
  { arbitrary: lose, weight: 2 },
  { arbitrary: room, weight: 1 },
  { arbitrary: kill, weight: 1 },
] as const

type Step =
  | { readonly kind: 'publish'; readonly qos: 1 | 2 }
  | { readonly kind: 'handle'; readonly who: 'publisher' | 'receiver'; readonly count: number }
  | { readonly kind: 'commit' | 'kill' | 'tick' }
  | { readonly kind: 'lose' | 'lose_answer'; readonly who: 'publisher' | 'receiver' }
  | {
      readonly kind: 'connect'
      readonly who: 'publisher' | 'receiver'
      readonly receiveMaximum: number
    }
  | { readonly kind: 'room'; readonly hasRoom: boolean }
  | { readonly kind: 'outage'; readonly isOut: boolean }

async function carryOut(network: ModelNetwork, step: Step, name: string): Promise<void> {
  switch (step.kind) {
    case 'publish':
      // A client does not begin more than it can remember.
      if (network.publisher.flows.size < PACKET_ID_MAX)
        network.publish(`qos${step.qos} ${name}`, step.qos)
      return
    case 'handle':
      for (let count = 0; count < step.count; count++) {
        network.step(network[step.who], { isAnswerLost: false })
        await network.world.turns()
      }
      return
    case 'lose_answer':
      return network.step(network[step.who], { isAnswerLost: true })
    case 'lose':
      return network[step.who].connection?.down()
    case 'connect':
      return network.connect(network[step.who], step.receiveMaximum)
    case 'room': {
      const { connection } = network.receiver
      if (connection === undefined) return
      connection.hasRoom = step.hasRoom
      if (step.hasRoom) connection.state?.pump()
      return
    }
    case 'commit':
      return network.commit()
    case 'kill':
      return network.kill()
    case 'outage':
      return network.outage(step.isOut)
    case 'tick':
      network.world.clock.pass(1_000)
      return network.world.states.tick()
    default:
      throw new Error(step satisfies never)
  }
}

async function run(steps: readonly Step[]): Promise<{ network: ModelNetwork; names: string[] }> {
  const network = await ModelNetwork.begin()
  for (const [index, step] of steps.entries()) {
    await carryOut(network, step, String(index).padStart(4, '0'))
    await network.world.turns()
  }
  const before = new Set([...network.publisher.flows.values()].map(({ name }) => name))
  await network.calm()
  const names = [...network.publisher.acknowledged, ...before]
  return { network, names: [...new Set(names)] }
}

function checkPromises({ network, names }: Awaited<ReturnType<typeof run>>): void {
  const { receiver, publisher } = network
  const ofQos = (qos: number, list: readonly string[]) =>
    list.filter((name) => name.startsWith(`qos${qos}`))
  // Everything was acknowledged in the end, and its session was never lost.
  expect(publisher.flows.size).toBe(0)
  expect([publisher.sessionsLost, receiver.sessionsLost]).toEqual([1, 1])
  const twice = ofQos(2, receiver.log)
  const once = [...new Set(ofQos(1, receiver.log))]
  expect(twice.toSorted()).toEqual(ofQos(2, names).toSorted())
  expect(once.toSorted()).toEqual(ofQos(1, names).toSorted())
  if (network.hadOutage) return
  // In the order of publishing; a refusal would have changed that.
  expect(twice).toEqual(twice.toSorted())
  expect(once).toEqual(once.toSorted())
  const { figures } = network.world
  expect([figures.queuedCount, figures.queuedBytes, figures.inFlightCount]).toEqual([0, 0, 0])
}

test('QoS 2 arrives exactly once and QoS 1 at least once, in order, over kills and losses', async () => {
  const steps = fc.array(fc.oneof(...usual), { maxLength: 150, size: 'max' })
  await fc.assert(
    fc.asyncProperty(steps, async (each) => checkPromises(await run(each))),
    { numRuns: 300 },
  )
}, 120_000)

test('and while the store fails and answers again', async () => {
  const some = fc.oneof(...usual, { arbitrary: outage, weight: 2 }, { arbitrary: tick, weight: 2 })
  const steps = fc.array(some, { maxLength: 150, size: 'max' })
  await fc.assert(
    fc.asyncProperty(steps, async (each) => checkPromises(await run(each))),
    { numRuns: 300 },
  )
}, 120_000)
