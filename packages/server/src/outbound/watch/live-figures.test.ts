import { expect, test } from 'bun:test'
import { failed } from '../../../../../test/support/told-events.ts'
import type { LiveEvent } from '../../core/live-events.ts'
import { LABEL_COUNT_MAX, LiveFigures } from './live-figures.ts'

function countsOf(figures: LiveFigures): Record<string, Record<string, number>> {
  const { labelled } = figures.metrics()
  return Object.fromEntries(labelled.map(({ name, read }) => [name, Object.fromEntries(read())]))
}

test('what is told is counted by its reason, limit or name', () => {
  const figures = new LiveFigures()
  for (const reason of ['unauthenticated', 'unauthenticated', 'token_expired']) {
    figures.hear(failed('a', reason))
  }
  const numbers = { used: 1, quota: 1, windowMs: 1, resetMs: 1 }
  const limited = (isShadow: boolean): LiveEvent => {
    const details = { limit: 'publish.app', scope: 'app', subject: 'a', ...numbers, isShadow }
    return { type: 'rate_limit.exceeded', atMs: 0, tenantId: 'a', appId: 'a', details }
  }
  figures.hear(limited(false))
  figures.hear(limited(true))
  expect(countsOf(figures)).toMatchObject({
    lockgate_auth_failures_total: { unauthenticated: 2, token_expired: 1 },
    lockgate_limit_violations_total: { 'publish.app': 1 },
    lockgate_limit_shadow_violations_total: { 'publish.app': 1 },
  })
})

test('no label has more values than the bound, and none is a word of a caller', () => {
  const figures = new LiveFigures()
  for (let count = 0; count < LABEL_COUNT_MAX + 50; count++) figures.hear(failed('a', `r${count}`))
  const counts = countsOf(figures)['lockgate_auth_failures_total'] ?? {}
  expect(Object.keys(counts)).toHaveLength(LABEL_COUNT_MAX + 1)
  expect(counts['other']).toBe(50)
  expect(JSON.stringify(countsOf(figures))).not.toContain('192.0.2.1')
})
