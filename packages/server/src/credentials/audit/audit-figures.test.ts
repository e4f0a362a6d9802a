import { beforeEach, expect, test } from 'bun:test'
import {
  CALLER,
  type CoreWorld,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import { promMetrics } from '../../adapters/metrics-prom/metrics-prom.ts'
import { Outage } from '../../ports/outage.ts'
import type { Witness } from '../../ports/witness.ts'
import { auditMetrics } from './audit-figures.ts'

const state = { isOut: false }
const steady: Witness = { name: 'file:/var/lib/witness', attest: () => Promise.resolve() }
const failing: Witness = {
  name: 'http:https://user:password@witness.example/?key=secret',
  attest: () =>
    state.isOut
      ? Promise.reject(new Outage('witness_unavailable', 'it is out', { port: 'witness' }))
      : Promise.resolve(),
}

let world: CoreWorld
beforeEach(async () => {
  state.isOut = false
  world = await openCoreWorld({ witnesses: [steady, failing] })
})

/** Appends a row for each tenant and signs. */
async function checkpoint(...tenantIds: readonly string[]): Promise<void> {
  const { control } = world.store
  for (const tenantId of tenantIds) {
    const target = { kind: 'tenant', id: tenantId }
    const entry = { ...CALLER, tenantId, action: 'tenant.updated', target } as const
    await control.transaction((transaction) =>
      world.core.audit.record({ code: 'control', transaction }, { ...entry, outcome: 'success' }),
    )
  }
  await world.core.checkpoints.make()
}

async function attest(): Promise<void> {
  await Promise.allSettled(world.core.witnessings.map((each) => each.finish()))
}

/** @returns how far each witness is behind. */
function behind(): Record<string, number> {
  return Object.fromEntries(auditMetrics(world.core).labelled[0]?.read() ?? [])
}

const signedAt = () => auditMetrics(world.core).plain[0]?.read()

test('a witness is behind by every checkpoint of every tenant that it does not have', async () => {
  await checkpoint('a', 'b')
  await attest()
  expect(behind()).toEqual({ file: 0, http: 0 })
  state.isOut = true
  await checkpoint('a', 'b')
  await checkpoint('a')
  await attest()
  expect(behind()).toEqual({ file: 0, http: 3 })
  state.isOut = false
  await attest()
  expect(behind()).toEqual({ file: 0, http: 0 })
})

test('what is not known yet is left out, and is right after a restart', async () => {
  await attest()
  expect(behind()).toEqual({})
  state.isOut = true
  await checkpoint('a')
  await checkpoint('a')
  await attest()
  const { store, keyText } = world
  world = await openCoreWorld({ store, keyText: keyText(), witnesses: [steady, failing] })
  expect(behind()).toEqual({})
  await world.core.checkpoints.make()
  await attest()
  expect(behind()).toEqual({ file: 0, http: 2 })
})

test('the time is that of the last checkpoint, also one from before a restart', async () => {
  expect(signedAt()).toBe(0)
  await checkpoint('a')
  const firstMs = world.time.ms
  expect(signedAt()).toBe(firstMs / 1_000)
  world.time.ms += 60_000
  await world.core.checkpoints.make() // nothing has moved
  expect(signedAt()).toBe(firstMs / 1_000)
  const { store, keyText } = world
  world = await openCoreWorld({ store, keyText: keyText() })
  await world.core.checkpoints.make()
  expect(signedAt()).toBe(firstMs / 1_000)
  world.time.ms = firstMs + 90_000
  await checkpoint('a')
  expect(signedAt()).toBe((firstMs + 90_000) / 1_000)
})

test('a scraper reads numbers that go down again, and neither paths nor URLs', async () => {
  state.isOut = true
  await checkpoint('a')
  await attest()
  const exporter = promMetrics(auditMetrics(world.core))
  const text = await exporter.read()
  expect(text).toContain('lockgate_audit_witness_behind{witness="http"} 1\n')
  expect(text).toContain('lockgate_audit_witness_behind{witness="file"} 0\n')
  expect(text).toContain('# TYPE lockgate_audit_witness_behind gauge\n')
  expect(text).not.toMatch(/password|secret|example|var/)
  state.isOut = false
  await attest()
  expect(await exporter.read()).toContain('lockgate_audit_witness_behind{witness="http"} 0\n')
})
