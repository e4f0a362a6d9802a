import { beforeEach, describe, expect, test } from 'bun:test'
import { ok, refuse } from '@lockgate/protocol/result'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import { Outage } from '../../ports/outage.ts'
import { IDEMPOTENCY_KEPT_MS, type RepeatedCalls } from './repeated-calls.ts'

const SECRET = 'cls_a-value-that-is-shown-once'

let world: AdministrationWorld
let calls: RepeatedCalls
let workCount = 0
beforeEach(async () => {
  world = await AdministrationWorld.open()
  calls = world.calls
  workCount = 0
})

const callOf = (key: string, name = 'chat', operatorId = 'cred_1') => ({
  operatorId,
  key,
  request: { operation: 'apps.create', parameters: {}, body: { name, value: SECRET } },
})

function work() {
  workCount++
  return Promise.resolve(ok({ number: workCount, secret: SECRET }))
}

const records = () => world.store.control.transaction((each) => each.listIdempotency())

describe('the same call under one key', () => {
  test('is carried out once and answered alike, the secret included', async () => {
    expect(await calls.find(callOf('k'))).toEqual(ok(undefined))
    const first = await calls.run(callOf('k'), 201, work)
    expect(first).toEqual(ok({ number: 1, secret: SECRET }))
    const kept = await calls.find(callOf('k'))
    expect(kept).toEqual(ok({ status: 201, value: { number: 1, secret: SECRET } }))
    expect(await calls.run(callOf('k'), 201, work)).toEqual(first)
    expect(workCount).toBe(1)
  })

  test('is the same after a restart', async () => {
    await calls.run(callOf('k'), 201, work)
    world = await world.restarted()
    const kept = await world.calls.find(callOf('k'))
    expect(kept).toMatchObject({ ok: true, value: { value: { secret: SECRET } } })
  })

  test('may be asked again after a day, when it is a new one', async () => {
    await calls.run(callOf('k'), 201, work)
    world.time.ms += IDEMPOTENCY_KEPT_MS - 1
    expect(await calls.find(callOf('k'))).toMatchObject({ value: { status: 201 } })
    world.time.ms += 1
    expect(await calls.find(callOf('k'))).toEqual(ok(undefined))
    await calls.run(callOf('k'), 201, work)
    expect(workCount).toBe(2)
  })

  test('leaves nothing of the secret in the clear', async () => {
    await calls.run(callOf('k'), 201, work)
    const text = JSON.stringify(await records())
    for (const each of [SECRET, Buffer.from(SECRET).toString('base64').slice(4, 30)]) {
      expect(text).not.toContain(each)
    }
  })

  test('runs once however often it is asked at a time', async () => {
    const slow = world.everything()
    const outcomes = await Promise.all(
      [1, 2, 3].map(() => calls.run(callOf('k'), 201, () => slow.then(work))),
    )
    expect(workCount).toBe(1)
    const refusals = outcomes.flatMap((each) => (each.ok ? [] : [each.refusal]))
    expect(refusals).toEqual(['idempotency_running', 'idempotency_running'])
  })
})

test('another request under the key is refused, and another operator has keys of its own', async () => {
  await calls.run(callOf('k'), 201, work)
  const mismatch = { ok: false, refusal: 'idempotency_mismatch' }
  expect(await calls.find(callOf('k', 'other'))).toMatchObject(mismatch)
  expect(await calls.run(callOf('k', 'other'), 201, work)).toMatchObject(mismatch)
  expect(await calls.find(callOf('k', 'other', 'cred_2'))).toEqual(ok(undefined))
  expect(workCount).toBe(1)
})

test('a refusal changed nothing, so a repeat is a new try', async () => {
  const refused = (code: AdminRefusalCode) => () => Promise.resolve(refuse(code))
  const first = await calls.run(callOf('k'), 201, refused('name_taken'))
  expect(first).toMatchObject({ ok: false, refusal: 'name_taken' })
  expect(await records()).toEqual([])
  expect(await calls.run(callOf('k'), 201, work)).toMatchObject({ ok: true })
})

describe('a call that ended without an answer', () => {
  const interrupted = { ok: false, refusal: 'idempotency_interrupted' }

  test('is never carried out a second time, since it may have worked', async () => {
    const fail = () => Promise.reject(new Outage('store_unavailable', 'gone', { port: 'store' }))
    const failed = await calls.run(callOf('k'), 201, fail).then(
      () => 'answered',
      () => 'failed',
    )
    expect(failed).toBe('failed')
    expect(await calls.find(callOf('k'))).toMatchObject(interrupted)
    expect(await calls.run(callOf('k'), 201, work)).toMatchObject(interrupted)
    world = await world.restarted()
    expect(await world.calls.run(callOf('k'), 201, work)).toMatchObject(interrupted)
    expect(workCount).toBe(0)
  })

  test('is told so where its answer could not be kept, and the caller got it all the same', async () => {
    const answer = await calls.run(callOf('k'), 201, () => {
      world.failOnce('control', new Outage('store_unavailable', 'gone', { port: 'store' }))
      return work()
    })
    expect(answer).toMatchObject({ ok: true })
    expect(await calls.find(callOf('k'))).toMatchObject(interrupted)
  })
})

test('a rotation of the master key carries kept answers along', async () => {
  await calls.run(callOf('k'), 201, work)
  const [before] = await records()
  const rotated = await world.done(world.core.masterKeyChanges.rotate(CALLER))
  expect(rotated).toMatchObject({ currentVersion: 2, outdatedCount: 0 })
  const [after] = await records()
  expect(after?.sealedAnswer).not.toBe(before?.sealedAnswer)
  expect(await calls.find(callOf('k'))).toMatchObject({ value: { value: { secret: SECRET } } })
})
