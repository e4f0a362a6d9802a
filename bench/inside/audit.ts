/**
 * Audit rows as they are really written: chained, in transactions of the SQLite store, durable when
 * the call answers. Alone, and as a part of a change of a credential. With a number as the second
 * word it makes that many changes one after the other and nothing else, for whoever counts fsyncs.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore } from '../../packages/server/src/adapters/store-sqlite/store.ts'
import { REGIONS } from '../../test/contract/records.ts'
import { CALLER } from '../../test/support/credential-core.ts'
import { openTokenWorld, TENANT_ID } from '../../test/support/token-world.ts'
import { print, rateOf, secondsAsked } from './stopwatch.ts'

const IN_FLIGHT = 64

const folder = mkdtempSync(join(tmpdir(), 'lockgate-bench-'))
const store = await openSqliteStore({ dataDir: folder, regions: REGIONS })
const { core } = await openTokenWorld({ kept: { store } })
const region = store.regions.get('local')
if (region === undefined) throw new Error('there is no region')

async function append(index: number): Promise<void> {
  await region?.transaction((transaction) =>
    core.audit.record(
      { code: region.code, transaction },
      {
        tenantId: TENANT_ID,
        actor: CALLER.actor,
        source: CALLER.source,
        requestId: `request-${index}`,
        action: 'policy.changed',
        target: { kind: 'credential', id: 'cred_bench' },
        outcome: 'success',
        after: { name: `name ${index}` },
      },
    ),
  )
}

const counted = Number(process.argv[3] ?? 0)
const credentialId = core.authority.apps.findById('app')?.credentials[0]?.record.id ?? ''

async function change(index: number): Promise<void> {
  const changed = await core.changes.update({ credentialId, name: `name ${index}` }, CALLER)
  if (!changed.ok) throw new Error(`a change was refused: ${changed.refusal}`)
}

if (counted > 0) {
  for (let index = 0; index < counted; index++) await change(index)
  print({ changes: counted })
} else {
  const seconds = secondsAsked() / 2
  await rateOf(seconds / 3, { inFlight: IN_FLIGHT, call: append })
  const appendRate = await rateOf(seconds, { inFlight: IN_FLIGHT, call: append })
  await rateOf(seconds / 3, { inFlight: IN_FLIGHT, call: change })
  const changeRate = await rateOf(seconds, { inFlight: IN_FLIGHT, call: change })
  print({ appendRate, changeRate })
}
await store.close()
rmSync(folder, { recursive: true })
