import { describe, expect, test } from 'bun:test'
import { median } from './median.ts'
import type { Table } from './rounds.ts'
import { SCENARIOS, type ServerName } from './scenarios.ts'
import { judge, TARGETS } from './targets.ts'

function tableOf(
  name: string,
  figures: Partial<Record<ServerName, Record<string, number>>>,
): Table {
  const scenario = SCENARIOS.find((one) => one.name === name)
  if (scenario === undefined) throw new Error(`no scenario ${name}`)
  const rows = Object.entries(figures).map(([server, medians]) => ({
    server: server as ServerName,
    kept: 1,
    dropped: 0,
    repeated: 0,
    medians,
    runs: [medians],
  }))
  return { scenario, rows }
}

describe('judging the targets', () => {
  test('every target names a scenario, a column and a reference that exist', () => {
    for (const target of TARGETS) {
      const scenario = SCENARIOS.find(({ name }) => name === target.scenario)
      expect(scenario?.columns.map(({ key }) => key)).toContain(target.column)
      expect(['lockgate', ...(scenario?.servers ?? [])]).toContain(target.reference ?? 'lockgate')
    }
  })

  test('a ratio at its limit is met, one above it is missed', () => {
    const figures = { floor: { cpuUs: 10 }, ws: { cpuUs: 100 } }
    const at = judge([tableOf('fan-out-1', { lockgate: { cpuUs: 13 }, ...figures })])
    expect(at.map(({ verdict }) => verdict)).toEqual(['met', 'met'])
    const above = judge([tableOf('fan-out-1', { lockgate: { cpuUs: 13.1 }, ...figures })])
    expect(above.map(({ verdict }) => verdict)).toEqual(['missed', 'met'])
  })

  test('an absolute figure is judged without its reference, whose ratio is shown beside it', () => {
    const [alone] = judge([tableOf('publish', { lockgate: { coreRate: 14_999 } })])
    expect(alone).toMatchObject({ measured: '14999 /s', ratio: '-', verdict: 'missed' })
    const figures = { lockgate: { coreRate: 15_000 }, bare: { coreRate: 30_000 } }
    const [beside] = judge([tableOf('publish', figures)])
    expect(beside).toMatchObject({ ratio: '0.500 x bare Bun', verdict: 'met' })
  })

  test('a figure without a run that counts is neither met nor missed', () => {
    const [verdict] = judge([tableOf('idle', { lockgate: {}, bare: { kilobytes: 2 } })])
    expect(verdict).toMatchObject({ measured: 'not measured', verdict: 'not measured' })
  })
})

test('a median is the middle run, or the mean of the middle two', () => {
  expect(median([9, 1, 2])).toBe(2)
  expect(median([4, 1, 9, 2])).toBe(3)
})
