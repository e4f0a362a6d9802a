/** The outside world of the client SDK, with a clock that a test moves. */
import type { System } from '../../packages/client/src/system.ts'

export interface HandSystem {
  readonly system: System
  nowMs(): number
  /** How long each timer has left. */
  waits(): number[]
  /** Lets time pass: timers act in order, and what they start goes as far as it can. */
  advance(ms: number): Promise<void>
  /** Lets promises go as far as they can. */
  settle(): Promise<void>
}

interface Timer {
  readonly dueMs: number
  readonly act: () => void
}

const START_MS = Date.parse('2026-03-27T13:00:00Z')
const TURNS = 20

/** @param answer to every HTTP call. */
export function handSystem(answer?: System['fetch']): HandSystem {
  let nowMs = START_MS
  const timers = new Set<Timer>()
  const settle = async () => {
    for (let turn = 0; turn < TURNS; turn += 1) await Promise.resolve()
  }
  return {
    nowMs: () => nowMs,
    waits: () => [...timers].map(({ dueMs }) => dueMs - nowMs),
    settle,
    async advance(ms) {
      const endMs = nowMs + ms
      for (;;) {
        const [next] = [...timers].toSorted((one, other) => one.dueMs - other.dueMs)
        if (next === undefined || next.dueMs > endMs) break
        timers.delete(next)
        nowMs = next.dueMs
        next.act()
        await settle()
      }
      nowMs = endMs
      await settle()
    },
    system: {
      fetch: answer ?? (() => Promise.reject(new TypeError('there is no network'))),
      nowMs: () => nowMs,
      random: () => 0,
      after: (afterMs, act) => {
        const timer = { dueMs: nowMs + afterMs, act }
        timers.add(timer)
        return () => timers.delete(timer)
      },
      deadline: () => new AbortController().signal,
    },
  }
}
