import { beforeEach, describe, expect, test } from 'bun:test'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import { INSTALLATION } from '../../credentials/audit/entry.ts'
import { Outage } from '../../ports/outage.ts'
import { auditHandlers } from './audit-handlers.ts'
import { type Lines, lineStreamAnswer } from './line-stream.ts'
import { Slots } from './slots.ts'

let world: AdministrationWorld
let slots: Slots
let isOut: boolean
beforeEach(async () => {
  world = await AdministrationWorld.open()
  await world.tenant()
  slots = new Slots(1)
  isOut = false
})

function context() {
  const { keys, audit: trail } = world.core
  // The rows of a call are written in transactions of their own, which are what is out.
  const control = {
    code: world.store.control.code,
    addUses: world.store.control.addUses.bind(world.store.control),
    transaction: ((work) => {
      if (isOut) throw new Outage('store_full', 'the disk is full', { port: 'store' })
      return world.store.control.transaction(work)
    }) as typeof world.store.control.transaction,
  }
  const { regions } = world.store
  const store = { control, regions, ping: async () => {}, close: async () => {} }
  const deps = { store, version: '9.9.9', audit: { trail, keys, slots } }
  return { deps, caller: CALLER, principal: { tenantId: undefined } }
}

const input = { parameters: {}, body: undefined }

async function linesOf(name: 'audit.export' | 'audit.verify'): Promise<Lines> {
  const outcome = await auditHandlers[name](input, context())
  if (!outcome.ok) throw new Error(outcome.refusal)
  return outcome.value as Lines
}

function hasSlot(): boolean {
  const giveBack = slots.take()
  giveBack?.()
  return giveBack !== undefined
}

const answerTo = (lines: Lines, signal = new AbortController().signal) =>
  lineStreamAnswer(lines, { signal, tellFailure: () => {} })

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
    return undefined
  } catch (error) {
    return error
  }
}

async function exportRows(): Promise<number> {
  const page = { tenantId: INSTALLATION, afterSeq: 0, countMax: 100 }
  const rows = await world.store.control.transaction((each) => each.listAudit(page))
  return rows.filter(({ entry }) => entry.includes('"audit.exported"')).length
}

describe.each(['audit.export', 'audit.verify'] as const)('%s', (name) => {
  test('holds a slot while it runs and no longer; one too many is told to come later', async () => {
    const answer = await answerTo(await linesOf(name))
    expect(await auditHandlers[name](input, context())).toMatchObject({ refusal: 'overloaded' })
    expect((await answer.text()).length).toBeGreaterThan(0)
    expect(hasSlot()).toBe(true)
  })

  test('gives its slot back to whom comes after a client that went away', async () => {
    const away = new AbortController()
    await answerTo(await linesOf(name), away.signal)
    expect(hasSlot()).toBe(false)
    away.abort()
    await new Promise(setImmediate)
    expect(hasSlot()).toBe(true)
  })

  test('gives its slot back when the database is out before the first line', async () => {
    const lines = await linesOf(name)
    isOut = true
    expect(await failureOf(answerTo(lines))).toBeInstanceOf(Outage)
    expect(hasSlot()).toBe(true)
  })
})

test('an export is written down before its first line, and without that there is none', async () => {
  const lines = await linesOf('audit.export')
  expect(await exportRows()).toBe(0)
  await answerTo(lines)
  expect(await exportRows()).toBe(1)
  const next = auditHandlers['audit.export'](input, context())
  expect(await next).toMatchObject({ refusal: 'overloaded' })
  expect(await exportRows()).toBe(1)
})
