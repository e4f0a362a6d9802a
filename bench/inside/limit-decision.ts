/**
 * What a decision over three tiers costs: app, channel, user; all of them within their limits, the
 * app always the same and busy enough to be counted by a log, channels and users ever others. CPU
 * of this process, and what stays behind.
 */
import { heapStats } from 'bun:jsc'
import { systemClock } from '../../packages/server/src/adapters/system/clock.ts'
import { openMemoryLimitEngine } from '../../packages/server/src/adapters/limit-engine-memory/limit-engine.ts'
import type { LimitRule } from '../../packages/server/src/ports/limit-engine.ts'
import { print, secondsAsked, timeCalls } from './stopwatch.ts'
import { SUBJECT_COUNT, SUBJECTS } from './limit-subjects.ts'

/** Decisions between two looks at what is on the heap. */
const KEPT_COUNT = 2_000_000

/** More than a second of decisions here, less than sixteen times that. */
const QUOTA = 6_000_000

const ruleOf = (name: string): LimitRule => {
  return { name, quota: QUOTA, windowMs: 1_000, isShadow: false, onOutage: 'local' }
}
const app = { rule: ruleOf('publish.app'), subject: 'app_4k2Jd9sPq7Zx0Lm1', cost: 1 }
const channel = { rule: ruleOf('publish.channel'), subject: '', cost: 1 }
const user = { rule: ruleOf('publish.user'), subject: '', cost: 1 }
const charges = [app, channel, user]
const engine = openMemoryLimitEngine({ clock: systemClock })

function decide(index: number): boolean {
  const subject = SUBJECTS[index % SUBJECT_COUNT]
  channel.subject = subject?.channel ?? ''
  user.subject = subject?.user ?? ''
  return engine.take(charges).isAllowed
}

function mustAllow(index: number): void {
  if (!decide(index)) throw new Error('a decision within all limits was refused')
}

const { cpuUs } = await timeCalls(secondsAsked(), mustAllow)
Bun.gc(true)
const before = heapStats().objectCount
for (let index = 0; index < KEPT_COUNT; index++) mustAllow(index)
Bun.gc(true)
const kept = heapStats().objectCount - before
print({ decisionNs: cpuUs * 1_000, keptObjects: Math.max(0, kept) / (KEPT_COUNT / 1_000) })
