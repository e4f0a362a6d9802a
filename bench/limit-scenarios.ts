/** What limits cost and how exact they are. Inside one process: nothing is started. */
import { measureInside } from './inside.ts'
import type { Scenario } from './scenarios.ts'

export const LIMIT_SCENARIOS: readonly Scenario[] = [
  {
    name: 'limit-decision',
    title: 'Whether three tiers allow it, inside the process, per decision',
    columns: [
      { key: 'decisionNs', title: 'CPU ns', digits: 0 },
      { key: 'keptObjects', title: 'objects kept per 1,000', digits: 2 },
    ],
    servers: ['lockgate', 'map'],
    run: (server, settings) =>
      measureInside(server === 'map' ? 'map-count' : 'limit-decision', settings),
  },
  {
    name: 'limit-accuracy',
    title: 'Decisions an exact log would not make, on seeded mixes of which a third is refused',
    columns: [
      { key: 'steady', title: 'steady %', digits: 2 },
      { key: 'poisson', title: 'Poisson %', digits: 2 },
      { key: 'onOff', title: 'on-off %', digits: 2 },
      { key: 'worst', title: 'worst %', digits: 2 },
      { key: 'large', title: 'quota 20,000 %', digits: 2 },
      { key: 'refused', title: 'refused %', digits: 1 },
    ],
    servers: ['lockgate'],
    runCount: 1,
    run: (_server, settings) => measureInside('limit-accuracy', settings),
  },
  {
    name: 'limit-memory',
    title: 'Memory of a tracked key, at 200,000',
    columns: [
      { key: 'keyBytes', title: 'bytes RSS', digits: 0 },
      { key: 'tableBytes', title: 'bytes of tables', digits: 0 },
      { key: 'keptKeys', title: 'kept after their window', digits: 0 },
    ],
    servers: ['lockgate', 'map'],
    run: (server, settings) =>
      measureInside(server === 'map' ? 'map-count' : 'limit-memory', settings),
  },
]
