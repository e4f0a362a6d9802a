import { beforeEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { failed } from '../../../../../test/support/told-events.ts'
import { type LiveEvent, LiveEvents } from '../../core/live-events.ts'
import { webhookTypesOf } from '../webhooks/webhook-bodies.ts'
import type { AlertRule, AlertSubject } from './alert-rule.ts'
import { type AlertNotice, Alerts } from './alerts.ts'
import { RuleStates, SUBJECT_COUNT_MAX, type Transition } from './rule-states.ts'
import { SlidingCount } from './sliding-count.ts'

const RULE: AlertRule = {
  name: 'auth-failures',
  watch: 'auth_failures',
  threshold: 3,
  windowMs: 10_000,
  per: 'app',
  to: ['log'],
}
const A: AlertSubject = { tenantId: 'a', appId: 'app-a' }

let time: { nowMs: number; monotonicMs: number }
let told: LiveEvent[]
let logged: string[]
let mailed: AlertNotice[]
beforeEach(() => {
  time = { nowMs: 1_000_000, monotonicMs: 0 }
  told = []
  logged = []
  mailed = []
})

function open(
  rules: readonly AlertRule[],
  app?: AlertSubject,
): { alerts: Alerts; events: LiveEvents } {
  const events = new LiveEvents()
  events.listen({ wants: (type) => type.startsWith('alert.'), hear: (event) => told.push(event) })
  const write = (event: string, fields?: object) =>
    void logged.push(`${event} ${JSON.stringify(fields)}`)
  const log = { debug: write, info: write, warn: write, error: () => {} }
  const clock = { nowMs: () => time.nowMs, monotonicMs: () => time.monotonicMs }
  const mail = { add: (notice: AlertNotice) => void mailed.push(notice) }
  const alerts = new Alerts({ rules, events, clock, log, app: () => app, mail })
  events.listen(alerts)
  return { alerts, events }
}

const pass = (alerts: Alerts, ms: number) => {
  for (let passed = 0; passed < ms; passed += 1_000) {
    time.monotonicMs += 1_000
    time.nowMs += 1_000
    alerts.tick()
  }
}

const typesTold = () => told.map(({ type, appId }) => `${type} ${appId ?? '-'}`)

describe('an alert', () => {
  test('is raised once at the threshold, and resolved once after a quiet window', () => {
    const { alerts, events } = open([RULE])
    for (let count = 0; count < 2; count++) events.tell(failed('a', 'credential_invalid'))
    expect(told).toEqual([])
    for (let count = 0; count < 50; count++) events.tell(failed('a', 'credential_invalid'))
    expect(typesTold()).toEqual(['alert.raised app-a'])
    expect(alerts.list.active()).toHaveLength(1)
    pass(alerts, 15_000)
    expect(told).toHaveLength(1)
    pass(alerts, 10_000)
    expect(typesTold()).toEqual(['alert.raised app-a', 'alert.resolved app-a'])
    expect(told[1]?.details).toMatchObject({ count: 52, threshold: 3, subject: 'app-a' })
    expect(alerts.list.active()).toEqual([])
    expect(alerts.list.resolved()).toHaveLength(1)
  })

  test('lasts while it goes on, however long', () => {
    const { alerts, events } = open([RULE])
    for (let second = 0; second < 120; second++) {
      events.tell(failed('a', 'credential_invalid'))
      pass(alerts, 1_000)
    }
    expect(typesTold()).toEqual(['alert.raised app-a'])
  })

  test('is of one app: others are counted apart, and who is nobody counts for the installation', () => {
    const { events } = open([RULE])
    for (const tenant of ['a', 'b', undefined, 'a', 'b', undefined, 'b', undefined]) {
      events.tell(failed(tenant, 'credential_invalid'))
    }
    expect(typesTold()).toEqual(['alert.raised app-b', 'alert.raised -'])
  })

  test('of a rule for the installation counts all together', () => {
    const { events } = open([{ ...RULE, per: 'installation' }])
    for (const tenant of ['a', 'b', undefined]) events.tell(failed(tenant, 'x'))
    expect(typesTold()).toEqual(['alert.raised -'])
  })

  test('is neither raised nor resolved by a time of day that jumps', () => {
    const { alerts, events } = open([RULE])
    for (let count = 0; count < 3; count++) events.tell(failed('a', 'x'))
    time.nowMs -= 86_400_000
    alerts.tick()
    time.nowMs += 200_000_000
    alerts.tick()
    expect(told).toHaveLength(1)
    pass(alerts, 25_000)
    expect(told).toHaveLength(2)
  })
})

describe('what counts', () => {
  const limit = (isShadow: boolean): LiveEvent => {
    const numbers = { used: 1, quota: 1, windowMs: 1, resetMs: 1, count: 1 }
    const details = { limit: 'publish.app', scope: 'app', subject: 'app-a', ...numbers, isShadow }
    return { type: 'rate_limit.exceeded', atMs: 0, ...A, details }
  }

  test('signatures count as failures and as signatures; a limit in shadow mode does not', () => {
    const rule = (watch: AlertRule['watch']) => ({ ...RULE, name: watch, watch, threshold: 1 })
    const { events } = open([
      rule('auth_failures'),
      rule('signature_failures'),
      rule('limit_saturation'),
      rule('provider_errors'),
    ])
    const raised = () => told.map(({ details }) => ('rule' in details ? details.rule : ''))
    events.tell(failed('a', 'credential_invalid'))
    expect(raised()).toEqual(['auth_failures'])
    events.tell(failed('a', 'signature_invalid'))
    events.tell(limit(true))
    expect(raised()).toEqual(['auth_failures', 'signature_failures'])
    events.tell(limit(false))
    const details = { provider: 'smtp', credentialId: undefined }
    const nobody = { tenantId: undefined, appId: undefined }
    events.tell({ type: 'provider.failed', atMs: 0, ...nobody, details })
    expect(raised().slice(2)).toEqual(['limit_saturation', 'provider_errors'])
  })

  test('overdue rotations are as many as there are, and resolve when they are done', () => {
    const rule = { ...RULE, name: 'overdue', watch: 'rotations_overdue', threshold: 2 } as const
    const { alerts } = open([rule])
    alerts.lookAtRotations([A])
    expect(told).toEqual([])
    alerts.lookAtRotations([A, A])
    alerts.lookAtRotations([A, A])
    pass(alerts, 60_000)
    expect(typesTold()).toEqual(['alert.raised app-a'])
    alerts.lookAtRotations([A])
    expect(typesTold()).toEqual(['alert.raised app-a', 'alert.resolved app-a'])
  })
})

describe('where it goes', () => {
  const raise = (events: LiveEvents, tenant: string | undefined) => {
    for (let count = 0; count < 3; count++) events.tell(failed(tenant, 'x'))
  }

  test('is what its rule says; who watches and the list have all of them', () => {
    const { alerts, events } = open([
      RULE,
      { ...RULE, name: 'mailed', to: ['email'] },
      { ...RULE, name: 'quiet', to: [] },
    ])
    raise(events, 'a')
    expect(logged).toHaveLength(1)
    expect(logged[0]).toStartWith('alert_raised {"rule":"auth-failures","about":"app-a"')
    expect(mailed.map(({ rule }) => rule.name)).toEqual(['mailed'])
    expect(told).toHaveLength(3)
    expect(alerts.list.active()).toHaveLength(3)
  })

  test('of no app it goes to the endpoints of the app that was named for it, if any', () => {
    const app = { tenantId: 'ops', appId: 'app-ops' }
    const to = ['webhook'] as const
    const named = open([{ ...RULE, to }], app)
    raise(named.events, undefined)
    raise(named.events, 'a')
    expect(typesTold()).toEqual(['alert.raised app-ops', 'alert.raised app-a'])
    expect(told.flatMap(webhookTypesOf)).toEqual(['alert.raised', 'alert.raised'])
    told = []
    const other = open([RULE], app)
    raise(other.events, undefined)
    expect(typesTold()).toEqual(['alert.raised -'])
    expect(told.flatMap(webhookTypesOf)).toEqual([])
  })
})

test('however many are counted apart, memory is bounded and nothing is lost', () => {
  const transitions: Transition[] = []
  const states = new RuleStates(RULE, (each) => transitions.push(each))
  for (let app = 0; app < SUBJECT_COUNT_MAX + 10; app++) {
    states.add({ tenantId: 't', appId: String(app) }, 0, 1)
  }
  expect(states.size).toBeLessThanOrEqual(SUBJECT_COUNT_MAX + 1)
  expect(transitions.map(({ subject }) => subject.appId)).toEqual([undefined])
  states.tick(30_000)
  states.tick(60_000)
  expect(states.size).toBe(0)
})

describe('model', () => {
  const steps = fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 6_000 }),
      count: fc.integer({ min: 0, max: 4 }),
    }),
    { maxLength: 60 },
  )

  test('a count is at most what was in the window, and at least what was in nine tenths of it', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const sliding = new SlidingCount(10_000)
        const times: number[] = []
        let nowMs = 123
        for (const { afterMs, count } of all) {
          nowMs += afterMs
          sliding.add(nowMs, count)
          for (let each = 0; each < count; each++) times.push(nowMs)
          const within = (ms: number) => times.filter((each) => each > nowMs - ms).length
          expect(sliding.totalAt(nowMs)).toBeLessThanOrEqual(within(10_000))
          expect(sliding.totalAt(nowMs)).toBeGreaterThanOrEqual(within(9_000))
        }
      }),
    )
  })

  test('raised and resolved take turns; raised only on enough, resolved only after quiet', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const transitions: (Transition & { atMs: number })[] = []
        let nowMs = 0
        const states = new RuleStates(RULE, (each) => transitions.push({ ...each, atMs: nowMs }))
        const times: number[] = []
        for (const { afterMs, count } of [...all, { afterMs: 60_000, count: 0 }]) {
          for (let passed = 0; passed < afterMs; passed += 500) {
            nowMs += Math.min(500, afterMs - passed)
            states.tick(nowMs)
          }
          for (let each = 0; each < count; each++) {
            times.push(nowMs)
            states.add(A, nowMs, 1)
          }
        }
        const within = (atMs: number, ms: number) =>
          times.filter((each) => each > atMs - ms && each <= atMs).length
        transitions.forEach(({ kind, atMs }, index) => {
          expect(kind).toBe(index % 2 === 0 ? 'raised' : 'resolved')
          if (kind === 'raised') expect(within(atMs, 10_000)).toBeGreaterThanOrEqual(3)
          // What came in the same millisecond came after it.
          else expect(within(atMs - 1, 8_999)).toBeLessThan(3)
        })
        expect(transitions.length % 2).toBe(0)
        const isEnough = times.some((atMs) => within(atMs, 9_000) >= 3)
        if (isEnough) expect(transitions.length).toBeGreaterThan(0)
      }),
    )
  })
})
