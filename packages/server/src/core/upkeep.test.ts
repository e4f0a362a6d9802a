import { expect, test } from 'bun:test'
import { Outage } from '../ports/outage.ts'
import { Upkeep } from './upkeep.ts'

function upkeepWith(run: () => Promise<void>) {
  const time = { ms: 0 }
  const clock = { nowMs: () => time.ms, monotonicMs: () => time.ms }
  const errors: string[] = []
  const nothing = () => {}
  const log = {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: (event: string) => void errors.push(event),
  }
  const upkeep = new Upkeep([{ name: 'task', everyMs: 1_000, run }], { clock, log })
  return { upkeep, time, errors }
}

test('a task runs when it is due and not before', async () => {
  let runs = 0
  const { upkeep, time } = upkeepWith(async () => void runs++)
  upkeep.tick()
  expect(runs).toBe(0)
  time.ms = 1_000
  upkeep.tick()
  expect(runs).toBe(1)
  await Promise.resolve()
})

test('a task that still runs is not started again', async () => {
  let runs = 0
  const gate = Promise.withResolvers<void>()
  const { upkeep, time } = upkeepWith(() => {
    runs++
    return gate.promise
  })
  time.ms = 1_000
  upkeep.tick()
  time.ms = 3_000
  upkeep.tick()
  expect(runs).toBe(1)
  gate.resolve()
  await upkeep.finish()
  expect(runs).toBe(2)
})

test('a failure is logged by its kind and the task runs again', async () => {
  const failures = [
    new Outage('store_full', 'full', { port: 'store' }),
    new Error('bug'),
    undefined,
  ]
  const { upkeep, errors } = upkeepWith(async () => {
    const failure = failures.shift()
    if (failure !== undefined) throw failure
  })
  for (let round = 0; round < 3; round++) await upkeep.finish()
  expect(errors).toEqual(['upkeep_outage', 'upkeep_bug'])
  expect(failures).toHaveLength(0)
})
