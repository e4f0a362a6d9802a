import { beforeEach, describe, expect, test } from 'bun:test'
import { HandClock } from '../../../../../test/support/hand-clock.ts'
import { Outage } from '../../ports/outage.ts'
import { type Health, HealthState } from './health-state.ts'

let clock: HandClock
let status: Health
let pingCount: number
let failure: Error | undefined
let health: HealthState

beforeEach(() => {
  clock = new HandClock()
  status = 'healthy'
  pingCount = 0
  failure = undefined
  health = new HealthState({
    load: { state: () => ({ status }) },
    async pingStore() {
      pingCount++
      if (failure !== undefined) throw failure
    },
    clock,
  })
})

const outage = () => new Outage('store_unavailable', 'gone', { port: 'store' })

describe('the health of a node', () => {
  test('is that of its load while the store answers', async () => {
    for (const each of ['healthy', 'degraded', 'overloaded'] as const) {
      status = each
      expect(await health.read()).toBe(each)
    }
  })

  test('is degraded while the store does not answer, and healthy once it does', async () => {
    failure = outage()
    expect(await health.read()).toBe('degraded')
    failure = undefined
    clock.pass(999)
    expect(await health.read()).toBe('degraded')
    clock.pass(1)
    expect(await health.read()).toBe('healthy')
  })

  test('asks the store once a second, however many ask', async () => {
    await Promise.all(Array.from({ length: 50 }, () => health.read()))
    expect(pingCount).toBe(1)
    clock.pass(1_000)
    await Promise.all(Array.from({ length: 50 }, () => health.read()))
    expect(pingCount).toBe(2)
  })

  test('does not need the store to say that there is no room', async () => {
    status = 'overloaded'
    failure = outage()
    expect(await health.read()).toBe('overloaded')
    expect(pingCount).toBe(0)
  })

  test('calls no bug an outage', async () => {
    failure = new TypeError('a bug')
    expect(health.read()).rejects.toThrow('a bug')
  })
})
