import { expect, test } from 'bun:test'
import { until } from '../../../../../test/support/wait.ts'
import { controlGroupLimits } from './control-group.ts'
import { openMachine } from './machine.ts'

const limitsWith = (files: Readonly<Record<string, string>>) =>
  controlGroupLimits((path) => files[path])

test('what is used is within what there is', () => {
  const machine = openMachine()
  const first = machine.read()
  const end = performance.now() + 50
  while (performance.now() < end);
  const second = machine.read()
  machine.close()
  expect(second.memoryBytes).toBeWithin(1, second.memoryBytesMax)
  expect(second.cpuCount).toBeGreaterThan(0)
  expect(second.loopCpuMs).toBeGreaterThan(first.loopCpuMs)
  expect(second.processCpuMs).toBeGreaterThanOrEqual(second.loopCpuMs)
})

test('work that holds the event loop is seen as lag', async () => {
  const machine = openMachine()
  await until('a quiet loop', () => machine.read().loopLagMs < 100)
  const end = performance.now() + 400
  while (performance.now() < end);
  expect(machine.read().loopLagMs).toBeGreaterThan(250)
  machine.close()
})

test('without control groups nothing is limited', () => {
  expect(limitsWith({})).toEqual({ memoryBytes: undefined, cpuCount: undefined })
})

test('version 2: the smallest of the group and those above it counts', () => {
  const files = {
    '/proc/self/cgroup': '0::/a/b\n',
    '/sys/fs/cgroup/a/b/memory.max': 'max\n',
    '/sys/fs/cgroup/a/memory.max': '1048576\n',
    '/sys/fs/cgroup/a/b/cpu.max': '50000 100000\n',
    '/sys/fs/cgroup/a/cpu.max': 'max 100000\n',
  }
  expect(limitsWith(files)).toEqual({ memoryBytes: 1_048_576, cpuCount: 0.5 })
})

test('version 2 inside a container: the group is the root that is seen', () => {
  const files = {
    '/proc/self/cgroup': '0::/\n',
    '/sys/fs/cgroup/memory.max': '2097152\n',
    '/sys/fs/cgroup/cpu.max': '200000 100000\n',
  }
  expect(limitsWith(files)).toEqual({ memoryBytes: 2_097_152, cpuCount: 2 })
})

test('version 1: controllers have trees of their own, and -1 and 2^63 are no limits', () => {
  const files = {
    '/proc/self/cgroup': '9:memory:/c\n4:cpu,cpuacct:/d\n1:name=systemd:/\n',
    '/sys/fs/cgroup/memory/c/memory.limit_in_bytes': '9223372036854771712\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '4194304\n',
    '/sys/fs/cgroup/cpu,cpuacct/d/cpu.cfs_quota_us': '-1\n',
    '/sys/fs/cgroup/cpu,cpuacct/d/cpu.cfs_period_us': '100000\n',
    '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '25000\n',
    '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
  }
  expect(limitsWith(files)).toEqual({ memoryBytes: 4_194_304, cpuCount: 0.25 })
})
