/** Renewal in place under load; the full count is `bun bench/renewals.ts`. */
import assert from 'node:assert/strict'
import { mintingApp } from '../support/client-world.ts'
import { renewUnderLoad } from '../support/renewal-run.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'

const it = serving({ apps: [mintingApp('renewals')] })

test('tokens renewed under load lose, repeat and disorder no message, and no connection ends', async () => {
  const figures = await renewUnderLoad(it.server, { clientCount: 5, renewalsEach: 20 })
  assert.ok(figures.sentCount > 100, `${figures.sentCount} messages were on their way meanwhile`)
  assert.deepEqual(
    { ...figures, sentCount: 0 },
    {
      renewalCount: 100,
      sentCount: 0,
      lostCount: 0,
      duplicateCount: 0,
      disorderedCount: 0,
      reconnectCount: 0,
    },
  )
})
