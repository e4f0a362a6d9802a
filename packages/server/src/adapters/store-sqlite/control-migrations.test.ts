import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { REGIONS, tenantOf } from '../../../../../test/contract/records.ts'
import type { PlanRecord } from '../../ports/records/plan.ts'
import { openSqliteStore } from './store.ts'

let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-migrations-'))
})
afterEach(() => rmSync(dataDir, { recursive: true }))

const planOf = (tenantId: string | undefined, name: string): PlanRecord => ({
  tenantId,
  name,
  limits: { maxConnections: 4, maxDocuments: 3, maxUsersPerDoc: 2, opsPerMinute: 1 },
  isOnePerTenant: name === 'free',
  isOpenToTenants: true,
  createdAtMs: 1,
})

test('of stored plans only `free` of the installation opens to tenants, and nothing else changes', async () => {
  const tenant = tenantOf(1)
  const plans = [undefined, tenant.id].flatMap((owner) =>
    ['free', 'team', 'unlimited'].map((name) => planOf(owner, name)),
  )
  const store = await openSqliteStore({ dataDir, regions: REGIONS })
  await store.control.transaction(async (each) => {
    await each.saveTenant(tenant)
    for (const plan of plans) await each.savePlan(plan)
  })
  await store.close()
  // As the release before left it.
  const database = new DatabaseSync(join(dataDir, 'control.db'))
  database.exec(`
    UPDATE plans SET document = json_remove(document, '$.isOpenToTenants');
    DROP TABLE rule_sets;
    DROP TABLE integrations;
    DELETE FROM kysely_migration WHERE name >= '0004';
  `)
  database.close()
  const later = await openSqliteStore({ dataDir, regions: REGIONS })
  const found = await later.control.transaction((each) => each.listPlans())
  await later.close()
  expect(found).toEqual(
    plans.map((plan) => ({
      ...plan,
      isOpenToTenants: plan.tenantId === undefined && plan.name === 'free',
    })),
  )
})
