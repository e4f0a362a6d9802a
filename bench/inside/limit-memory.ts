/**
 * What a tracked key costs in memory: resident memory of this process over many keys of a quota
 * above the exact ones, and what the engine says of its tables. Then whether they are forgotten.
 */
import { openMemoryLimitEngine } from '../../packages/server/src/adapters/limit-engine-memory/limit-engine.ts'
import type { LimitRule } from '../../packages/server/src/ports/limit-engine.ts'
import { print } from './stopwatch.ts'

const KEY_COUNT = 200_000
const WINDOW_MS = 60_000

const clock = { ms: 0, nowMs: () => 0, monotonicMs: () => clock.ms }
const engine = openMemoryLimitEngine({ clock })
const rule: LimitRule = {
  name: 'publish.user',
  quota: 1_000,
  windowMs: WINDOW_MS,
  isShadow: false,
  onOutage: 'local',
}
const charge = { rule, subject: '', cost: 1 }
const charges = [charge]

function takeFor(first: number, count: number): void {
  for (let index = first; index < first + count; index++) {
    charge.subject = `user-${1_000_000 + index}`
    if (!engine.take(charges).isAllowed) throw new Error('a first use was refused')
  }
}

// The names themselves are garbage of this script: what they make the heap grow comes before.
let lengths = 0
for (let index = 0; index < KEY_COUNT; index++) lengths += `user-${1_000_000 + index}`.length
if (lengths !== KEY_COUNT * 12) throw new Error('the names are not what they should be')
takeFor(0, 1)
Bun.gc(true)
const beforeBytes = process.memoryUsage().rss
takeFor(0, KEY_COUNT)
Bun.gc(true)
const keyBytes = (process.memoryUsage().rss - beforeBytes) / KEY_COUNT
const tableBytes = engine.byteCount / engine.keyCount
// The same subjects again after their window: what is over is dropped on the way.
clock.ms += 2 * WINDOW_MS
for (let left = 0; left < KEY_COUNT + 1_000; left++) {
  clock.ms += WINDOW_MS / 50
  takeFor(0, 1)
}
print({ keyBytes, tableBytes, keptKeys: engine.keyCount - 1 })
