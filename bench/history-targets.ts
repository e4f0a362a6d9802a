/** What the figures of kept messages must reach. */
import type { Target } from './targets.ts'

export const HISTORY_TARGETS: readonly Target[] = [
  {
    what: 'messages into the history, durable',
    scenario: 'history-append',
    column: 'coreRate',
    reference: 'row',
    limit: { atLeast: 20_000 },
    text: '>= 20,000 per second and core',
    unit: '/s',
    digits: 0,
  },
  {
    what: 'page of 50 of 10,000,000 messages',
    scenario: 'history-page',
    column: 'pageMs',
    limit: { atMost: 1 },
    text: '<= 1 ms',
    unit: 'ms',
    digits: 2,
  },
]
