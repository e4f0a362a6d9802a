/**
 * The least that counting three tiers can cost: a look into a bare Map and a number put back, for
 * each; no window, no limit, nothing forgotten. And what one more name takes in it.
 */
import { print, secondsAsked, timeCalls } from './stopwatch.ts'
import { SUBJECT_COUNT, SUBJECTS } from './limit-subjects.ts'

const KEY_COUNT = 200_000

const counts = new Map<string, number>()

function count(name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

const { cpuUs } = await timeCalls(secondsAsked(), (index) => {
  const subject = SUBJECTS[index % SUBJECT_COUNT]
  count('app_4k2Jd9sPq7Zx0Lm1')
  count(subject?.channel ?? '')
  count(subject?.user ?? '')
})
Bun.gc(true)
const beforeBytes = process.memoryUsage().rss
const many = new Map<string, number>()
for (let index = 0; index < KEY_COUNT; index++) many.set(`user-${1_000_000 + index}`, 1)
Bun.gc(true)
const bytes = process.memoryUsage().rss - beforeBytes
print({ decisionNs: cpuUs * 1_000, keyBytes: bytes / many.size })
