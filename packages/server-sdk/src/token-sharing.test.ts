/** Many keepers, one cache, any order of calls, restarts and lost replies: one family, always. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  CLIENT_ID,
  refusal,
  TOKEN_URL,
  TokenAuthority,
  turn,
} from '../../../test/support/token-authority.ts'
import { MemoryCache } from './memory-cache.ts'
import type { TokenCache } from './token-cache.ts'
import { TokenKeeper } from './token-keeper.ts'

const KEEPER_COUNT = 4
/** More than any getToken takes. */
const STEP_MS_MAX = 60_000
const TICK_MS = 50

const step = fc.record({
  /** Who asks at once. */
  askers: fc.uniqueArray(fc.nat(KEEPER_COUNT - 1), { minLength: 1 }),
  /** Who starts anew before, with an empty memory. */
  restarted: fc.option(fc.nat(KEEPER_COUNT - 1), { freq: 3 }),
  /** What befalls the next requests; a renewal asks more often than this. */
  events: fc.array(fc.constantFrom('lose the reply', 'down', 'busy'), { maxLength: 2 }),
  /** Each answer of the cache comes that much later. */
  cacheDelayMs: fc.constantFrom(0, 0, 40, 300),
  /** Until the next step. */
  passMs: fc.oneof(fc.nat(3_000), fc.nat(900_000), fc.constant(4 * 24 * 3_600_000)),
  /** Of one keeper, against the others. */
  skewMs: fc.constantFrom(0, 0, -5_000, 50_000, 400_000),
})

/** Runs a step to its end, moving the clock for everybody who waits. */
async function settled<T>(world: TokenAuthority, work: Promise<T>): Promise<T> {
  const state = { isDone: false }
  const watched = work.finally(() => {
    state.isDone = true
  })
  const isSeen = watched.then(
    () => true,
    () => true, // thrown below, where it is awaited
  )
  for (let passedMs = 0; passedMs < STEP_MS_MAX; passedMs += TICK_MS) {
    await turn()
    if (state.isDone) break
    world.advance(TICK_MS)
  }
  expect(state.isDone && (await isSeen)).toBe(true)
  return watched
}

test('keepers that share a cache never fork the family, and hand out valid tokens only', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const world = new TokenAuthority()
      world.isTimeShared = true
      const system = world.system()
      const inner = new MemoryCache(() => world.nowMs)
      let delayMs = 0
      const slow = async () => {
        if (delayMs > 0) await system.pause(delayMs)
      }
      const cache: TokenCache = {
        get: async (key) => {
          await slow()
          return inner.get(key)
        },
        compareAndSet: async (key, change) => {
          await slow()
          return inner.compareAndSet(key, change)
        },
      }
      let fetchCount = 0
      const skews = Array.from({ length: KEEPER_COUNT }, () => 0)
      const make = (index: number) =>
        new TokenKeeper({
          tokenUrl: TOKEN_URL,
          clientId: CLIENT_ID,
          cache,
          system: { ...system, now: () => world.nowMs + (skews[index] ?? 0) },
          fetchSecrets: () => {
            fetchCount += 1
            return Promise.resolve('secret-one')
          },
        })
      const keepers = Array.from({ length: KEEPER_COUNT }, (_, index) => make(index))
      let isStarted = false
      let isFarOff = false
      for (const { askers, restarted, events, cacheDelayMs, passMs, skewMs } of steps) {
        skews[0] = skewMs
        isFarOff ||= skewMs > 60_000
        delayMs = cacheDelayMs
        if (restarted !== null) keepers[restarted] = make(restarted)
        world.events.length = 0
        // A lost first answer begins a family nobody has; the next one is the second.
        const happening = events.filter((each) => isStarted || each !== 'lose the reply')
        world.events.push(
          ...happening.map((each) => {
            if (each === 'down') return new TypeError('fetch failed')
            if (each === 'busy')
              return refusal(503, 'temporarily_unavailable', { 'retry-after': '1' })
            return 'lose the reply' as const
          }),
        )
        const asked = askers.flatMap((index) => keepers[index]?.getToken() ?? [])
        for (const token of await settled(world, Promise.all(asked))) {
          // An instance whose clock is wrong by minutes misleads the others about the end of life.
          expect(world.isValid(token) || isFarOff).toBe(true)
        }
        isStarted = true
        expect(world.families).toHaveLength(1)
        expect(world.families[0]?.isEnded).toBe(false)
        expect(fetchCount).toBe(1)
        world.advance(passMs)
      }
    }),
    { numRuns: 150 },
  )
}, 60_000)
