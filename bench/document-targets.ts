/** What messages with history and documents must reach, references in the same run. */
import type { ServerName } from './scenarios.ts'
import type { Target } from './targets.ts'

export const DOCUMENT_TARGETS: readonly Target[] = [
  fannedOut(1, { to: 'floor', atMost: 1.3, text: '<= 1.3 x the C floor' }),
  fannedOut(16, { to: 'floor', atMost: 2.5, text: '<= 2.5 x the C floor' }),
  ...[50, 1].flatMap((window): Target[] => [
    {
      ...edited(window, 'updates relayed', 'updateRate'),
      limit: { atLeast: 3 },
      text: '>= 3 x Hocuspocus',
    },
    {
      ...edited(window, 'p99 of an update', 'p99Us'),
      limit: { atMost: 0.5 },
      text: '<= 0.5 x Hocuspocus',
    },
  ]),
  {
    what: 'memory of 1,000 documents with 5 idle editors each',
    scenario: 'yjs-idle',
    column: 'megabytes',
    ...beside('hocuspocus'),
    limit: { atMost: 0.6 },
    text: '<= 0.6 x Hocuspocus',
  },
  {
    what: 'opening a document of 100,000 edits',
    scenario: 'yjs-open',
    column: 'coldMs',
    ...beside('hocuspocus'),
    limit: { atMost: 0.5 },
    text: '<= 0.5 x Hocuspocus',
  },
]

function beside(server: ServerName) {
  return { ratioTo: server, reference: server, unit: 'x', digits: 2 }
}

function edited(window: number, what: string, column: string) {
  const at = window === 1 ? 'a single one on the way' : 'one on the way for each editor'
  return {
    what: `Yjs, one document, 50 editors, ${at}: ${what}`,
    scenario: `yjs-edit-${window}`,
    column,
    ...beside('hocuspocus'),
  }
}

function fannedOut(
  window: number,
  { to, atMost, text }: { readonly to: ServerName; readonly atMost: number; readonly text: string },
): Target {
  return {
    what: `wSocket, kept messages, CPU per delivery, ${window} in flight`,
    scenario: `wsocket-fan-out-${window}`,
    column: 'cpuUs',
    ratioTo: to,
    reference: to,
    unit: 'x',
    digits: 2,
    limit: { atMost },
    text,
  }
}
