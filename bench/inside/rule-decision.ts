/** Our rules: a hundred with placeholders, compiled once, bound to a thousand users. */
import { BoundRules } from '../../packages/server/src/core/rules/bound-rules.ts'
import { LayeredRules } from '../../packages/server/src/core/rules/layered-rules.ts'
import { compileRules } from '../../packages/server/src/core/rules/rule-program.ts'
import { heapStats } from 'bun:jsc'
import { FILTERS, isExpected, RULES, SUBJECTS, TOPICS } from './rule-subjects.ts'
import { print, secondsAsked, timeCalls } from './stopwatch.ts'

const KEPT_COUNT = 1_000_000

const compiled = compileRules(RULES)
if (!compiled.ok) throw new Error(compiled.detail)
const program = compiled.value
const scope = { mayPublish: true, maySubscribe: true }
const bound = SUBJECTS.map((subject) => {
  const rules = new BoundRules(program, subject)
  return new LayeredRules([{ kind: 'organization', ruleSet: 'default', rules }], scope)
})

function publish(index: number): void {
  const at = index % TOPICS.length
  const isAllowed = bound[at]?.mayPublish(TOPICS[at] ?? '', 0, false)
  if (isAllowed !== isExpected(at)) throw new Error('a wrong decision')
}

function subscribe(index: number): void {
  const at = index % FILTERS.length
  const isAllowed = bound[at]?.maySubscribe(FILTERS[at] ?? '', 0)
  if (isAllowed !== isExpected(at)) throw new Error('a wrong decision')
}

const published = await timeCalls(secondsAsked() / 2, publish)
const subscribed = await timeCalls(secondsAsked() / 2, subscribe)
Bun.gc(true)
const before = heapStats().objectCount
for (let index = 0; index < KEPT_COUNT; index++) publish(index)
const made = heapStats().objectCount - before
print({
  publishUs: published.cpuUs,
  subscribeUs: subscribed.cpuUs,
  madeObjects: Math.max(0, made) / (KEPT_COUNT / 1_000),
})
