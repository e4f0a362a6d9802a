import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { beforeEach, expect, test } from 'bun:test'
import { type LiveEvent, LiveEvents } from '../../core/live-events.ts'
import type { Mail, MailRefusal } from '../../ports/mailer.ts'
import { Outage } from '../../ports/outage.ts'
import { ATTEMPT_COUNT_MAX, AlertMail, FINISH_MS_MAX, NOTICE_COUNT_MAX } from './alert-mail.ts'
import type { AlertNotice } from './alerts.ts'

const RULE = {
  name: 'auth-failures',
  watch: 'auth_failures',
  threshold: 3,
  windowMs: 60_000,
  per: 'app',
  to: ['email'],
} as const

let nowMs: number
let sent: Mail[]
let tryCount: number
let timesMs: (number | undefined)[]
let answerLater: Promise<void> | undefined
let answer: () => Result<true, MailRefusal>
let told: LiveEvent[]
let logged: string[]
let mail: AlertMail
beforeEach(() => {
  nowMs = 0
  sent = []
  tryCount = 0
  timesMs = []
  answerLater = undefined
  answer = () => ok(true)
  told = []
  logged = []
  const events = new LiveEvents()
  events.listen({ wants: () => true, hear: (event) => told.push(event) })
  const write = (event: string) => void logged.push(event)
  const log = { debug: write, info: write, warn: write, error: write }
  const mailer = {
    async send(each: Mail, timeMsMax?: number) {
      tryCount++
      timesMs.push(timeMsMax)
      await answerLater
      const outcome = answer()
      if (outcome.ok) sent.push(each)
      return outcome
    },
  }
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs }
  mail = new AlertMail({ mailer, to: ['ops@example.com'], everyMs: 300_000, clock, log, events })
})

const notice = (appId: string | undefined, kind: AlertNotice['kind'] = 'raised'): AlertNotice => ({
  kind,
  rule: RULE,
  subject: { tenantId: appId && 't', appId },
  count: 7,
  atMs: Date.UTC(2027, 0, 2, 3, 4, 5),
})

/** As the upkeep does, second by second. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    nowMs += 1_000
    await mail.run()
  }
}

test('the first alert goes at once and says what it is; without one nothing is sent', async () => {
  await pass(5_000)
  mail.add(notice('chat'))
  await pass(1_000)
  expect(sent).toEqual([
    {
      to: ['ops@example.com'],
      subject: '[Lockgate] auth-failures raised for app chat',
      text:
        '2027-01-02T03:04:05.000Z  auth-failures raised for app chat: ' +
        '7 auth failures, threshold 3 in 60 s\n',
    },
  ])
  await pass(600_000)
  expect(sent).toHaveLength(1)
})

test('a storm of alerts is two mails: the first, and all that came until the next may go', async () => {
  mail.add(notice('chat'))
  await pass(1_000)
  for (let count = 0; count < NOTICE_COUNT_MAX + 50; count++) {
    mail.add(notice(undefined, 'resolved'))
    await pass(1_000)
  }
  expect(sent).toHaveLength(1)
  await pass(300_000)
  expect(sent).toHaveLength(2)
  const lines = sent[1]?.text.trimEnd().split('\n') ?? []
  expect(lines).toHaveLength(NOTICE_COUNT_MAX + 1)
  expect(lines.at(-1)).toBe('And 50 more; lockgate alerts list')
  expect(sent[1]?.subject).toBe('[Lockgate] 150 alerts, first auth-failures resolved')
})

test('a server that is out is tried again, less and less often, and then given up', async () => {
  answer = () => {
    throw new Outage('mail_unavailable', 'not there', { port: 'mailer' })
  }
  mail.add(notice('chat'))
  await pass(20_000)
  expect(tryCount).toBe(2)
  mail.add(notice('other'))
  await pass(3_600_000)
  expect(tryCount).toBe(ATTEMPT_COUNT_MAX)
  expect(logged.at(-1)).toBe('alert_mail_given_up')
  answer = () => ok(true)
  mail.add(notice('later'))
  await pass(1_000)
  expect(sent.map(({ subject }) => subject)).toEqual([
    '[Lockgate] auth-failures raised for app later',
  ])
})

test('what comes while a server is out is in the mail that gets through, each once', async () => {
  answer = () => refuse('mail_refused')
  mail.add(notice('one'))
  await pass(1_000)
  answer = () => ok(true)
  mail.add(notice('two'))
  await pass(60_000)
  expect(sent).toHaveLength(1)
  expect(sent[0]?.text.match(/for app \w+/g)).toEqual(['for app one', 'for app two'])
})

test('a server that takes our password no more is a provider that failed', async () => {
  answer = () => refuse('credential_refused')
  mail.add(notice('chat'))
  await pass(1_000)
  expect(
    told.map(({ type, details }) => [type, 'provider' in details && details.provider]),
  ).toEqual([['provider.failed', 'smtp']])
})

test('a server that hangs is asked once at a time, and the end does not wait for it', async () => {
  const { promise: hanging, resolve } = Promise.withResolvers<void>()
  answerLater = hanging
  mail.add(notice('one'))
  mail.start()
  for (let count = 0; count < 5; count++) {
    nowMs += 300_000
    mail.start()
  }
  expect(tryCount).toBe(1)
  await mail.finish()
  expect(tryCount).toBe(1)
  resolve()
  await hanging
  await Promise.resolve()
  expect(sent).toHaveLength(1)
})

test('the last mail has little time', async () => {
  mail.add(notice('one'))
  await pass(1_000)
  expect(timesMs).toEqual([undefined])
  mail.add(notice('two'))
  await mail.finish()
  expect(timesMs).toEqual([undefined, FINISH_MS_MAX])
})

test('at the end what waits goes, but nobody waits for a server that is out', async () => {
  mail.add(notice('one'))
  await pass(1_000)
  mail.add(notice('two'))
  await mail.finish()
  expect(sent).toHaveLength(2)
  answer = () => refuse('mail_refused')
  mail.add(notice('three'))
  await pass(300_000)
  const before = tryCount
  await mail.finish()
  expect(tryCount).toBe(before)
})
