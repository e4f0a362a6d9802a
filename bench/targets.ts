/**
 * What the figures must reach. Ratios are between medians of runs interleaved in the same bench.
 */
import { DOCUMENT_TARGETS } from './document-targets.ts'
import { HISTORY_TARGETS } from './history-targets.ts'
import { MQTT_TARGETS } from './mqtt-targets.ts'
import { SERVER_TITLES, type ServerName } from './scenarios.ts'
import type { Row, Table } from './rounds.ts'

export interface Target {
  readonly what: string
  readonly scenario: string
  readonly column: string
  /** Absent: an absolute figure, the reference is shown beside it only. */
  readonly ratioTo?: ServerName
  /** Absent: nothing does the same. */
  readonly reference?: ServerName
  readonly limit: { readonly atMost: number } | { readonly atLeast: number }
  readonly text: string
  readonly unit: string
  readonly digits: number
}

const DELIVERY = { column: 'cpuUs', unit: 'x', digits: 2 }

const LIMIT_COLUMNS: Readonly<Record<string, string>> = {
  keptObjects: 'limit-decision',
  worst: 'limit-accuracy',
  keyBytes: 'limit-memory',
  keptKeys: 'limit-memory',
}

export const TARGETS: readonly Target[] = [
  ratio('CPU per delivery, 1 in flight', 'fan-out-1', {
    to: 'floor',
    atMost: 1.3,
    text: '<= 1.3 x the C floor',
  }),
  ratio('CPU per delivery, 1 in flight', 'fan-out-1', {
    to: 'ws',
    atMost: 0.6,
    text: '<= 0.6 x ws.send',
  }),
  ratio('CPU per delivery, 16 in flight', 'fan-out-16', {
    to: 'floor',
    atMost: 2.5,
    text: '<= 2.5 x the C floor',
  }),
  ratio('CPU per delivery, 16 in flight', 'fan-out-16', {
    to: 'ws',
    atMost: 1 / 15,
    text: '<= 1/15 of ws.send',
  }),
  {
    what: 'memory per idle subscribed connection',
    scenario: 'idle',
    column: 'kilobytes',
    reference: 'bare',
    limit: { atMost: 6 },
    text: '<= 6 KB RSS at 10,000',
    unit: 'KB',
    digits: 2,
  },
  {
    what: 'connect and signed private subscribe',
    scenario: 'connect',
    column: 'coreRate',
    reference: 'bare',
    limit: { atLeast: 8000 },
    text: '>= 8,000 per second and core',
    unit: '/s',
    digits: 0,
  },
  ratio('CPU per delivery under three tiers, 1 subscriber', 'guard-cost-1', {
    to: 'untiered',
    atMost: 1.1,
    text: '<= 1.1 x without tiers',
  }),
  ratio('CPU per delivery under three tiers, 100 subscribers', 'guard-cost-100', {
    to: 'untiered',
    atMost: 1.1,
    text: '<= 1.1 x without tiers',
  }),
  {
    what: 'p99 of the others while bad handshakes flood in',
    scenario: 'handshake-flood',
    column: 'growth',
    limit: { atMost: 2 },
    text: '<= 2 x without',
    unit: 'x',
    digits: 2,
  },
  {
    what: 'signed HTTP publish',
    scenario: 'publish',
    column: 'coreRate',
    reference: 'bare',
    limit: { atLeast: 15_000 },
    text: '>= 15,000 per second and core',
    unit: '/s',
    digits: 0,
  },
  {
    what: 'client_credentials token, ES256',
    scenario: 'token',
    column: 'coreRate',
    reference: 'sign',
    limit: { atLeast: 8000 },
    text: '>= 8,000 per second and core',
    unit: '/s',
    digits: 0,
  },
  {
    what: 'refresh, durable',
    scenario: 'refresh',
    column: 'coreRate',
    reference: 'commit',
    limit: { atLeast: 3000 },
    text: '>= 3,000 per second and core',
    unit: '/s',
    digits: 0,
  },
  check('API key check, known key', 'keyUs', 5),
  check('API key check, wrong secret of a known key', 'wrongUs', 20),
  check('access-token check, ES256', 'tokenUs', 150),
  check('access-token check, seen before', 'cachedUs', 5),
  { ...check('store calls of all these checks', 'storeCalls', 0), text: '0', unit: '', digits: 0 },
  {
    what: 'audit append with chain, durable',
    scenario: 'audit',
    column: 'appendRate',
    reference: 'commit',
    limit: { atLeast: 5000 },
    text: '>= 5,000 per second',
    unit: '/s',
    digits: 0,
  },
  {
    what: 'fsyncs of a change',
    scenario: 'audit',
    column: 'fsyncs',
    reference: 'commit',
    limit: { atMost: 2 },
    text: '<= 2',
    unit: '',
    digits: 2,
  },
  ...HISTORY_TARGETS,
  {
    what: 'webhook deliveries, durable',
    scenario: 'webhooks',
    column: 'coreRate',
    reference: 'post',
    limit: { atLeast: 2000 },
    text: '>= 2,000 per second and core',
    unit: '/s',
    digits: 0,
  },
  {
    what: 'limit decision over three tiers',
    scenario: 'limit-decision',
    column: 'decisionNs',
    reference: 'map',
    limit: { atMost: 1_000 },
    text: '<= 1,000 ns',
    unit: 'ns',
    digits: 0,
  },
  ruled('publish', 'publishUs'),
  ruled('subscribe', 'subscribeUs'),
  limited('objects kept by 1,000 limit decisions', 'keptObjects', 0),
  limited('% of limit decisions wrong, worst of three mixes', 'worst', 1),
  limited('bytes of a tracked key', 'keyBytes', 120),
  limited('keys of limits kept after their window', 'keptKeys', 0),
  matched('match and route among 1,000,000 subscriptions', 'matchUs', { atMost: 20, unit: 'us' }),
  matched('memory of a subscription', 'bytes', { atMost: 400, unit: 'bytes' }),
  matched('delivery of 1,000, getting it aside', 'fanOutNs', { atMost: 100, unit: 'ns' }),
  ...MQTT_TARGETS,
  ...DOCUMENT_TARGETS,
  revocation('revoke an app -> last of 10,000 closed, worst of 20', 'revoke-app'),
  revocation('revoke a version -> last of 10,000 closed, worst of 20', 'revoke-version'),
  drilled('drill: failed requests', 'failed'),
  drilled('drill: messages lost or doubled', 'wrong'),
  {
    what: 'start to ready, existing data directory',
    scenario: 'start',
    column: 'readyMs',
    reference: 'bare',
    limit: { atMost: 400 },
    text: '<= 400 ms',
    unit: 'ms',
    digits: 0,
  },
]

function ruled(action: string, column: string): Target {
  return {
    what: `decision to ${action} over 100 rules with placeholders`,
    scenario: 'rule-decision',
    column,
    reference: 'naive',
    limit: { atMost: 1 },
    text: '<= 1 us',
    unit: 'us',
    digits: 2,
  }
}

function check(what: string, column: string, atMost: number): Target {
  const base = { what, column, scenario: 'credential-check', reference: 'sign' as const }
  return { ...base, limit: { atMost }, text: `<= ${atMost} us`, unit: 'us', digits: 2 }
}

function limited(what: string, column: string, atMost: number): Target {
  const scenario = LIMIT_COLUMNS[column] ?? ''
  return { what, scenario, column, limit: { atMost }, text: `<= ${atMost}`, unit: '', digits: 2 }
}

function matched(
  what: string,
  column: string,
  { atMost, unit }: { atMost: number; unit: string },
): Target {
  const base = { what, column, scenario: 'topic-match', reference: 'list' as const }
  return { ...base, limit: { atMost }, text: `<= ${atMost} ${unit}`, unit, digits: 1 }
}

function drilled(what: string, column: string): Target {
  const base = { what, column, scenario: 'drill' }
  return { ...base, limit: { atMost: 0 }, text: '0', unit: '', digits: 0 }
}

function revocation(what: string, scenario: string): Target {
  const base = { what, scenario, column: 'worstMs', reference: 'bare' as const }
  return { ...base, limit: { atMost: 250 }, text: '<= 250 ms', unit: 'ms', digits: 0 }
}

function ratio(
  what: string,
  scenario: string,
  { to, atMost, text }: { to: ServerName; atMost: number; text: string },
): Target {
  return { what, scenario, ...DELIVERY, ratioTo: to, reference: to, limit: { atMost }, text }
}

export interface Verdict {
  readonly what: string
  readonly target: string
  /** With its unit; `not measured` when no run counts. */
  readonly measured: string
  /** Lockgate's figure over the reference's. */
  readonly ratio: string
  readonly verdict: 'met' | 'missed' | 'not measured'
}

/** @returns one verdict per target whose scenario was run, in the order of the table. */
export function judge(tables: readonly Table[]): Verdict[] {
  return TARGETS.flatMap((target) => {
    const table = tables.find(({ scenario }) => scenario.name === target.scenario)
    return table === undefined ? [] : [judgeOne(target, table)]
  })
}

function judgeOne(target: Target, { rows }: Table): Verdict {
  const ours = figureOf(rows, 'lockgate', target.column)
  const { reference } = target
  const theirs = reference === undefined ? undefined : figureOf(rows, reference, target.column)
  // Of nothing there is no share.
  const share = ours === undefined || !theirs ? undefined : ours / theirs
  const figure = target.ratioTo === undefined ? ours : share
  const base = { what: target.what, target: target.text }
  const shown =
    share === undefined || reference === undefined
      ? '-'
      : `${share.toFixed(3)} x ${SERVER_TITLES[reference]}`
  if (figure === undefined) {
    return { ...base, measured: 'not measured', ratio: shown, verdict: 'not measured' }
  }
  const { limit } = target
  const isMet = 'atMost' in limit ? figure <= limit.atMost : figure >= limit.atLeast
  const digits = target.ratioTo === undefined ? target.digits : 3
  const measured = `${figure.toFixed(digits)} ${target.unit}`.trimEnd()
  return { ...base, measured, ratio: shown, verdict: isMet ? 'met' : 'missed' }
}

function figureOf(rows: readonly Row[], server: ServerName, column: string): number | undefined {
  return rows.find((row) => row.server === server)?.medians[column]
}
