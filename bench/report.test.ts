import { expect, test } from 'bun:test'
import type { Report } from './report.ts'
import { withTargetsOf } from './report.ts'

const REPORT: Report = {
  machine: { cpu: 'a CPU', cores: 2, memoryGiB: 4, kernel: '6', bun: '1', node: '20' },
  command: 'npm run bench',
  date: '2026-01-31 12:00',
  runs: 5,
  seconds: 3,
  isPinned: true,
  isRealTime: false,
  isQuick: false,
  versions: [],
  tables: [],
  verdicts: [{ what: 'w', target: '<= 1', measured: '0.5 x', ratio: '-', verdict: 'met' }],
}
const PAGE = '# Performance\n\n## Targets\n\n| a |\n\n## Figures\n\nfigures\n'

test('targets of another run stand before the figures, once however often they are put there', () => {
  const once = withTargetsOf(REPORT, PAGE, 'other.md')
  expect(once).toContain('| w | <= 1 | 0.5 x | - | met |')
  expect(once).toContain('[other.md](other.md)')
  expect(once.indexOf('| w |')).toBeLessThan(once.indexOf('## Figures'))
  expect(withTargetsOf(REPORT, once, 'other.md')).toBe(once)
  const [measured = ''] = REPORT.verdicts
    .map((each) => ({ ...each, measured: '0.7 x' }))
    .map((verdict) => withTargetsOf({ ...REPORT, verdicts: [verdict] }, once, 'other.md'))
  expect(measured).toContain('0.7 x')
  expect(measured).not.toContain('0.5 x')
})
