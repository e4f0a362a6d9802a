import { expect, test } from 'bun:test'
import { failed } from '../../../../../test/support/told-events.ts'
import { LABEL_COUNT_MAX, LiveFigures } from './live-figures.ts'

function countsOf(figures: LiveFigures): Record<string, Record<string, number>> {
  const { labelled } = figures.metrics()
  return Object.fromEntries(labelled.map(({ name, read }) => [name, Object.fromEntries(read())]))
}

test('what is told is counted by its reason or name', () => {
  const figures = new LiveFigures()
  for (const reason of ['unauthenticated', 'unauthenticated', 'token_expired']) {
    figures.hear(failed('a', reason))
  }
  const details = { provider: 'smtp', credentialId: undefined }
  const nobody = { tenantId: undefined, appId: undefined }
  figures.hear({ type: 'provider.failed', atMs: 0, ...nobody, details })
  expect(countsOf(figures)).toMatchObject({
    lockgate_auth_failures_total: { unauthenticated: 2, token_expired: 1 },
    lockgate_provider_failures_total: { smtp: 1 },
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
