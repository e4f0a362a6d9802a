import { expect, test } from 'bun:test'
import type { Admission } from '../sessions/session.ts'
import { PENDING_COUNT_MAX, PENDING_MS_MAX, PendingAdmissions } from './pending-admissions.ts'

function deciding() {
  const { promise, resolve, reject } = Promise.withResolvers<Admission>()
  let abandonedCount = 0
  const admission: Admission = {
    kind: 'session',
    start: () => {
      throw new Error('nobody starts it')
    },
    abandoned: () => {
      abandonedCount++
    },
  }
  return { promise, admission, resolve, reject, abandonedCount: () => abandonedCount }
}

test('what is decided in time is the answer, and makes room', async () => {
  const pending = new PendingAdmissions()
  const one = deciding()
  const waiting = pending.wait(one.promise, 0)
  pending.tick(PENDING_MS_MAX - 1)
  one.resolve(one.admission)
  expect(await waiting).toBe(one.admission)
  pending.tick(PENDING_MS_MAX)
  expect(one.abandonedCount()).toBe(0)
})

test('what is not is given up, and abandoned once it is decided', async () => {
  const pending = new PendingAdmissions()
  const [one, other] = [deciding(), deciding()]
  const waiting = pending.wait(one.promise, 0)
  const still = pending.wait(other.promise, 1)
  pending.tick(PENDING_MS_MAX)
  expect(await waiting).toBeUndefined()
  one.resolve(one.admission)
  await one.promise
  await Promise.resolve()
  expect(one.abandonedCount()).toBe(1)
  other.resolve(other.admission)
  expect(await still).toBe(other.admission)
})

test('a failure is told in time and nobody is told later', async () => {
  const pending = new PendingAdmissions()
  const [one, other] = [deciding(), deciding()]
  const failing = pending.wait(one.promise, 0)
  one.reject(new Error('broken'))
  expect(await failing.catch(String)).toBe('Error: broken')
  const late = pending.wait(other.promise, 0)
  pending.tick(PENDING_MS_MAX)
  other.reject(new Error('broken later'))
  expect(await late).toBeUndefined()
})

test('so many wait, and one more once one has its answer', async () => {
  const pending = new PendingAdmissions()
  const all = Array.from({ length: PENDING_COUNT_MAX }, deciding)
  const waiting = all.map(({ promise }) => pending.wait(promise, 0))
  expect(pending.isFull).toBe(true)
  const [first] = all
  first?.resolve(first.admission)
  await waiting[0]
  expect(pending.isFull).toBe(false)
  for (const { resolve, admission } of all) resolve(admission)
  await Promise.all(waiting)
})
