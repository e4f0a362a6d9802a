/**
 * Whatever receivers answer, and however often the node is killed: nothing that was accepted is
 * lost, and every attempt of a delivery has its id and body.
 */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  openDeliveryWorld,
  pusherEndpoint,
  standardEndpoint,
} from '../../../../../test/support/delivery-world.ts'
import { answer } from '../../../../../test/support/scripted-sender.ts'
import type { SendResult } from '../../ports/webhook-sender.ts'

const IDS = ['whe_1', 'whe_2', 'whe_p'] as const
const ENDPOINTS = [standardEndpoint('whe_1'), standardEndpoint('whe_2'), pusherEndpoint('whe_p')]
type World = Awaited<ReturnType<typeof openDeliveryWorld>>

const ANSWERS: readonly SendResult[] = [
  answer(200),
  answer(204),
  answer(500),
  answer(404),
  answer(429, '3'),
  { kind: 'failed', failure: 'unreachable' },
  { kind: 'failed', failure: 'too_slow' },
]

const ENDPOINT = fc.constantFrom(...IDS)
const STEP = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      id: ENDPOINT,
      count: fc.integer({ min: 1, max: 30 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      id: ENDPOINT,
      at: fc.nat(ANSWERS.length),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(40_000) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('kill' as const), backMs: fc.nat(100_000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('keep' as const) }) },
)
type Step = typeof STEP extends fc.Arbitrary<infer S> ? S : never

/** What any life of the node has done. */
interface Log {
  readonly accepted: Map<string, (typeof IDS)[number]>
  readonly sent: { readonly body: string; readonly id: string | undefined }[]
}

async function run(steps: readonly Step[]): Promise<void> {
  let world = await openDeliveryWorld({ endpoints: ENDPOINTS })
  const log: Log = { accepted: new Map(), sent: [] }
  for (const step of steps) world = await take(step, world, log)
  for (const id of IDS) world.receivers.delete(id)
  for (let round = 0; round < 10; round++) await world.leap(30_000)
  note(world, log)
  await check(world, log)
}

async function take(step: Step, world: World, log: Log): Promise<World> {
  switch (step.kind) {
    case 'add': {
      const bodies = Array.from(
        { length: step.count },
        () => `body-${log.accepted.size}-${step.id}`,
      )
      for (const [index, body] of bodies.entries()) {
        const own = `${body}-${index}`
        log.accepted.set(own, step.id)
        await world.add(step.id, own)
      }
      return world
    }
    case 'answer': {
      const result = ANSWERS[step.at]
      // Beyond the list: one that hangs.
      world.receivers.set(step.id, () => result ?? new Promise<SendResult>(() => undefined))
      return world
    }
    case 'wait':
      await world.wait(step.ms)
      return world
    case 'keep':
      await world.service.keep()
      return world
    case 'kill': {
      note(world, log)
      const startMs = world.time.wallMs - step.backMs
      return openDeliveryWorld({ endpoints: ENDPOINTS, store: world.store, startMs })
    }
  }
}

/** Takes down what a life of the node has posted. */
function note(world: World, log: Log): void {
  for (const { body, headers } of world.sent) log.sent.push({ body, id: headers['webhook-id'] })
  world.sent.length = 0
  expect(world.errors).toEqual([])
}

async function check(world: World, log: Log): Promise<void> {
  const ids = new Map<string, string>()
  for (const { body, id } of log.sent) {
    expect(log.accepted.has(body), 'what nobody added was posted').toBe(true)
    if (id === undefined) continue
    expect(ids.get(body) ?? id, 'an id changed').toBe(id)
    ids.set(body, id)
  }
  const kept = new Set<string>()
  let waitingCount = 0
  for (const id of IDS) {
    const { waiting, dead } = await world.rows(id)
    waitingCount += waiting.length
    for (const { body } of [...waiting, ...dead]) kept.add(body)
  }
  const posted = new Set(log.sent.map(({ body }) => body))
  for (const body of log.accepted.keys()) {
    expect(posted.has(body) || kept.has(body), `${body} is lost`).toBe(true)
  }
  expect(world.metric('waiting')).toBe(waitingCount)
}

test('nothing accepted is lost, through any answers, waits, kills and clocks set back', async () => {
  const seed = crypto.getRandomValues(new Int32Array(1))[0] ?? 0
  const steps = fc.array(STEP, { maxLength: 25 })
  await fc.assert(fc.asyncProperty(steps, run), { seed, numRuns: 25 })
}, 60_000)
