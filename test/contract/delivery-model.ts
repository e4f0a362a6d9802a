/** The queue of deliveries against a map of a few lines: what is taken, and what is left. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { DeliveryOutcome } from '../../packages/server/src/ports/delivery-queue.ts'
import { deliveryOf, ENDPOINTS, idOf, LEASE_MS, queueOf } from './delivery-bench.ts'
import type { StoreBench } from './store-bench.ts'

type Step =
  | { readonly kind: 'add'; readonly inMs: number; readonly endpoint: 0 | 1 }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'take'; readonly endpoint: 0 | 1; readonly countMax: number }
  | { readonly kind: 'finish'; readonly at: number; readonly as: DeliveryOutcome['kind'] }

interface Modelled {
  readonly endpoint: 0 | 1
  dueAtMs: number
  isDead: boolean
}

const ENDPOINT = fc.constantFrom(0 as const, 1 as const)
const STEP: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), inMs: fc.nat(150), endpoint: ENDPOINT }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(80) }),
  fc.record({ kind: fc.constant('take' as const), endpoint: ENDPOINT, countMax: fc.nat(3) }),
  fc.record({
    kind: fc.constant('finish' as const),
    at: fc.nat(20),
    as: fc.constantFrom('delivered', 'retry', 'released', 'dead'),
  }),
)

export function testDeliveryModel(bench: StoreBench): void {
  test('whatever is added, taken and finished, the queue is what a map would be', async () => {
    let round = 0
    const seed = crypto.getRandomValues(new Int32Array(1))[0] ?? 0
    const property = fc.asyncProperty(fc.array(STEP, { maxLength: 40 }), async (steps) => {
      await runModel(bench, steps, `app-${round++}`)
    })
    await fc.assert(property, { seed, numRuns: 30 })
  })
}

async function runModel(bench: StoreBench, steps: readonly Step[], appId: string): Promise<void> {
  const { queue, takeIds, find } = queueOf(bench)
  const model = new Map<string, Modelled>()
  const places = ENDPOINTS.map((endpointId) => ({ appId, endpointId }))
  let nowMs = 0
  for (const [index, step] of steps.entries()) {
    switch (step.kind) {
      case 'add': {
        const id = `${idOf(index)}_${appId}`
        const dueAtMs = nowMs + step.inMs
        const { endpoint } = step
        const place = places[endpoint]
        await queue.addDeliveries([{ ...deliveryOf(index), id, ...place, dueAtMs }])
        model.set(id, { endpoint, dueAtMs, isDead: false })
        break
      }
      case 'wait':
        nowMs += step.ms
        break
      case 'take': {
        const due = [...model]
          .filter(([, each]) => each.endpoint === step.endpoint && !each.isDead)
          .filter(([, each]) => each.dueAtMs <= nowMs)
          .sort(([a, one], [b, other]) => one.dueAtMs - other.dueAtMs || (a < b ? -1 : 1))
          .slice(0, step.countMax)
        const taken = await takeIds(
          nowMs,
          places.slice(step.endpoint, step.endpoint + 1),
          step.countMax,
        )
        expect(taken).toEqual(due.map(([id]) => id).sort())
        for (const [, each] of due) each.dueAtMs = nowMs + LEASE_MS
        break
      }
      case 'finish': {
        const [id, each] = [...model][step.at] ?? []
        if (id === undefined || each === undefined) break
        const place = places[each.endpoint]
        const dueAtMs = nowMs + 10
        const rest = { attemptCount: 1, lastOutcome: '500', dueAtMs, atMs: nowMs }
        const bound = { places: place === undefined ? [] : [place], deadCountMax: 100 }
        await queue.finishDeliveries([{ kind: step.as, id, ...rest }], bound)
        if (step.as === 'delivered') model.delete(id)
        else if (!each.isDead) {
          each.dueAtMs = step.as === 'dead' ? nowMs : dueAtMs
          each.isDead = step.as === 'dead'
        }
        break
      }
    }
  }
  const counted = (await queue.countDeliveries()).filter((each) => each.appId === appId)
  const sum = (key: 'waitingCount' | 'deadCount') =>
    counted.reduce((total, each) => total + each[key], 0)
  const deadCount = [...model.values()].filter(({ isDead }) => isDead).length
  expect([sum('waitingCount'), sum('deadCount')]).toEqual([model.size - deadCount, deadCount])
  for (const [id, { dueAtMs, isDead }] of model) {
    expect(await find(id)).toMatchObject({ dueAtMs, state: isDead ? 'dead' : 'waiting' })
  }
}
