import { describe, expect, test } from 'bun:test'
import { LoadWorld } from '../../../../../test/support/load-world.ts'

const HEALTHY = { status: 'healthy', reasons: [] } as const

test('a node nobody has looked at is healthy', () => {
  const { monitor } = new LoadWorld()
  expect(monitor.state()).toEqual(HEALTHY)
  expect(monitor.refusal()).toBeUndefined()
})

describe('memory', () => {
  test('79 % are healthy and 80 % are overloaded, at once', () => {
    const world = new LoadWorld()
    world.second({ memoryBytes: 799 })
    expect(world.monitor.state()).toEqual(HEALTHY)
    world.second({ memoryBytes: 800 })
    expect(world.monitor.state()).toEqual({ status: 'overloaded', reasons: ['memory'] })
    world.second({ memoryBytes: 810 })
    expect(world.monitor.state().status).toBe('overloaded')
  })

  test('it ends five points below, so that it does not flap', () => {
    const world = new LoadWorld()
    for (const memoryBytes of [810, 790, 810, 750]) {
      world.second({ memoryBytes })
      expect(world.monitor.state().status).toBe('overloaded')
    }
    world.second({ memoryBytes: 749 })
    expect(world.monitor.state()).toEqual(HEALTHY)
    expect(world.logged.map(({ level, event }) => `${level} ${event}`)).toEqual([
      'warn load_changed',
      'info load_changed',
    ])
  })
})

describe('connections', () => {
  test('79 of 100 are healthy, 81 are overloaded', () => {
    const world = new LoadWorld()
    world.tally.connectionsOpen = 79
    world.second()
    expect(world.monitor.state()).toEqual(HEALTHY)
    world.tally.connectionsOpen = 81
    world.second()
    expect(world.monitor.state()).toEqual({ status: 'overloaded', reasons: ['connections'] })
  })

  test('with a threshold of 100 only a full node is', () => {
    const world = new LoadWorld({ connectionPercent: 100 })
    world.tally.connectionsOpen = 99
    world.second()
    expect(world.monitor.state()).toEqual(HEALTHY)
  })
})

describe('CPU', () => {
  const busy = (world: LoadWorld, loopPercent: number, seconds: number) => {
    for (let second = 0; second < seconds; second++) world.second({ loopPercent })
  }

  test('79 % for a minute are healthy', () => {
    const world = new LoadWorld()
    busy(world, 79, 60)
    expect(world.monitor.state()).toEqual(HEALTHY)
  })

  test('81 % are overloaded after ten seconds, although other CPUs are idle', () => {
    const world = new LoadWorld()
    world.second()
    busy(world, 81, 9)
    expect(world.monitor.state()).toEqual(HEALTHY)
    busy(world, 81, 1)
    expect(world.monitor.state()).toEqual({ status: 'overloaded', reasons: ['cpu'] })
  })

  test('a burst that ends within the ten seconds is none', () => {
    const world = new LoadWorld()
    for (let round = 0; round < 5; round++) {
      busy(world, 100, 9)
      busy(world, 10, 1)
    }
    expect(world.monitor.state()).toEqual(HEALTHY)
    expect(world.logged).toEqual([])
  })

  test('it goes away as the mean does', () => {
    const world = new LoadWorld()
    busy(world, 100, 11)
    busy(world, 10, 2)
    expect(world.monitor.state().status).toBe('overloaded')
    busy(world, 10, 1)
    expect(world.monitor.state()).toEqual(HEALTHY)
  })

  test('a control group that gives half a CPU is full at half of one', () => {
    const world = new LoadWorld()
    world.reading = { ...world.reading, cpuCount: 0.5 }
    busy(world, 41, 11)
    expect(world.monitor.state().reasons).toEqual(['cpu'])
  })

  test('threads beside the loop count where all of them fill what there is', () => {
    const world = new LoadWorld()
    for (let second = 1; second <= 11; second++) {
      world.second({ loopPercent: 10, processCpuMs: second * 3_300 })
    }
    expect(world.monitor.state().reasons).toEqual(['cpu'])
  })
})

describe('an event loop that is late', () => {
  test('degrades after five seconds and refuses nobody', () => {
    const world = new LoadWorld()
    world.second()
    for (let second = 0; second < 5; second++) {
      expect(world.monitor.state()).toEqual(HEALTHY)
      world.second({ loopLagMs: 600 })
    }
    expect(world.monitor.state()).toEqual({ status: 'degraded', reasons: ['event_loop'] })
    expect(world.monitor.refusal()).toBeUndefined()
  })

  test('is one of the reasons where the node is overloaded too', () => {
    const world = new LoadWorld()
    for (let second = 0; second < 6; second++) world.second({ loopLagMs: 600, memoryBytes: 900 })
    const reasons = ['memory', 'event_loop'] as const
    expect(world.monitor.state()).toEqual({ status: 'overloaded', reasons })
  })
})

describe('who is refused', () => {
  test('is asked to come back in 30 to 40 s, spread over all of them', () => {
    const world = new LoadWorld()
    world.second({ memoryBytes: 900 })
    const seconds = Array.from({ length: 22 }, () => world.monitor.refusal()?.retryAfterSeconds)
    const spread = Array.from({ length: 11 }, (_none, index) => 30 + index)
    expect(new Set(seconds)).toEqual(new Set(spread))
  })

  test('is nobody where shedding is off, and the state is told all the same', () => {
    const world = new LoadWorld({ shedding: false })
    world.second({ memoryBytes: 900 })
    expect(world.monitor.refusal()).toBeUndefined()
    expect(world.monitor.state().status).toBe('overloaded')
  })
})

test('metrics say the status and each share', () => {
  const world = new LoadWorld()
  world.second({ memoryBytes: 500 })
  world.second({ memoryBytes: 850, loopPercent: 30, loopLagMs: 12 })
  const { plain, labelled } = world.monitor.metrics()
  const numbers = Object.fromEntries(plain.map(({ name, read }) => [name, read()]))
  expect(numbers).toEqual({ lockgate_load_status: 2, lockgate_event_loop_lag_milliseconds: 12 })
  expect(labelled.map(({ read }) => Object.fromEntries(read()))).toEqual([
    { memory: 85, cpu: 30, connections: 0 },
  ])
})

test('a monitor that is closed lets go of the machine', () => {
  const world = new LoadWorld()
  world.monitor.close()
  expect(world.isClosed).toBe(true)
})
