/**
 * How many decisions of the limit engine are not what an exact log of the same key would decide,
 * on three mixes of traffic. Simulated time, seeded: the same figure at every run.
 */
import { openMemoryLimitEngine } from '../../packages/server/src/adapters/limit-engine-memory/limit-engine.ts'
import type { LimitRule } from '../../packages/server/src/ports/limit-engine.ts'
import { print } from './stopwatch.ts'

const WINDOW_MS = 1_000
/** How long each key is watched. */
const WATCHED_MS = 20 * WINDOW_MS
const KEY_COUNT = 200
/** Of one key's quota, what it asks for in a window: from far below to three times too much. */
const LOAD = { least: 0.05, most: 3 }
/** In windows: phases of the on-off mix. */
const PHASE = { least: 0.1, most: 3 }
const QUOTAS = [200, 1_000, 3_000] as const

/** SplitMix32. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}

type Arrivals = (perMs: number, random: () => number) => Generator<number>

/** Evenly, each key at its own pace. */
function* steady(perMs: number, random: () => number): Generator<number> {
  for (let atMs = random() / perMs; atMs < WATCHED_MS; atMs += 1 / perMs) yield atMs
}

function* poisson(perMs: number, random: () => number): Generator<number> {
  for (let atMs = 0; ; ) {
    atMs -= Math.log(1 - random()) / perMs
    if (atMs >= WATCHED_MS) return
    yield atMs
  }
}

/** As Poisson, but in bursts of twice the pace with silence between them. */
function* onOff(perMs: number, random: () => number): Generator<number> {
  for (let fromMs = 0; fromMs < WATCHED_MS; ) {
    const onMs = between(PHASE, random) * WINDOW_MS
    for (const atMs of poisson(perMs * 2, random)) {
      if (atMs >= onMs) break
      if (fromMs + atMs < WATCHED_MS) yield fromMs + atMs
    }
    fromMs += onMs + between(PHASE, random) * WINDOW_MS
  }
}

/** Log-uniform: as many keys between a tenth and a fifth as between one and two. */
function between({ least, most }: typeof LOAD, random: () => number): number {
  return least * (most / least) ** random()
}

interface Shares {
  readonly wrong: number
  readonly refused: number
  readonly decisions: number
}

/** Keys one after the other: they share nothing but the table. */
function play(arrivals: Arrivals, quotas: readonly number[]): Shares {
  const random = seeded(20_260)
  const clock = { ms: 0, nowMs: () => 0, monotonicMs: () => clock.ms }
  const engine = openMemoryLimitEngine({ clock })
  let [wrong, refused, decisions] = [0, 0, 0]
  for (let key = 0; key < KEY_COUNT; key++) {
    const quota = quotas[key % quotas.length] ?? 1
    const rule: LimitRule = {
      name: 'publish.user',
      quota,
      windowMs: WINDOW_MS,
      isShadow: false,
      onOutage: 'local',
    }
    const charges = [{ rule, subject: `user ${key}`, cost: 1 }]
    const startMs = clock.ms
    const log: number[] = []
    let first = 0
    for (const atMs of arrivals((between(LOAD, random) * quota) / WINDOW_MS, random)) {
      clock.ms = startMs + atMs
      while (first < log.length && clock.ms - (log[first] ?? 0) >= WINDOW_MS) first++
      const { isAllowed } = engine.take(charges)
      decisions++
      if (!isAllowed) refused++
      if (isAllowed !== log.length - first < quota) wrong++
      if (isAllowed) log.push(clock.ms)
    }
    clock.ms = startMs + WATCHED_MS
  }
  return { wrong, refused, decisions }
}

const percent = ({ wrong, decisions }: Shares) => (wrong * 100) / decisions
const all = {
  steady: play(steady, QUOTAS),
  poisson: play(poisson, QUOTAS),
  onOff: play(onOff, QUOTAS),
}
const every = Object.values(all)
print({
  steady: percent(all.steady),
  poisson: percent(all.poisson),
  onOff: percent(all.onOff),
  worst: Math.max(...every.map(percent)),
  refused:
    (every.reduce((sum, each) => sum + each.refused, 0) * 100) /
    every.reduce((sum, each) => sum + each.decisions, 0),
  large: percent(play(poisson, [20_000])),
})
