/**
 * Alerts as e-mail: a few mails however many alerts there are. The first one goes at once; what
 * comes until the next may go is in that one. What cannot be sent is tried again, and after some
 * times given up, with a line in the log: the alerts are in the list and the log all the same.
 */
import type { LiveEvents } from '../../core/live-events.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Mail, Mailer } from '../../ports/mailer.ts'
import type { MetricDefinitions } from '../../ports/metrics.ts'
import { Outage } from '../../ports/outage.ts'
import type { AlertNotice } from './alerts.ts'

/** Our bounds: what one mail says in full, and how often one is tried. */
export const NOTICE_COUNT_MAX = 100
export const ATTEMPT_COUNT_MAX = 5
/** Doubles with each attempt. */
export const RETRY_FIRST_MS = 15_000
/** Whoever stops servers waits some ten seconds, for everything. */
export const FINISH_MS_MAX = 3_000

type Outcome = 'sent' | 'failed' | 'given_up'

export interface AlertMailDeps {
  readonly mailer: Mailer
  /** Addresses; at least one. */
  readonly to: readonly string[]
  /** The least time between two mails. */
  readonly everyMs: number
  readonly clock: Clock
  readonly log: Log
  /** Told when the mail server takes our credential no more. */
  readonly events: LiveEvents
}

export class AlertMail {
  readonly #deps: AlertMailDeps
  #notices: AlertNotice[] = []
  /** Beyond the bound; the mail says how many. */
  #leftOutCount = 0
  #dueAtMs = 0
  #attemptCount = 0
  #isSending = false
  readonly #outcomes = new Map<Outcome, number>([
    ['sent', 0],
    ['failed', 0],
    ['given_up', 0],
  ])

  constructor(deps: AlertMailDeps) {
    this.#deps = deps
  }

  add(notice: AlertNotice): void {
    if (this.#notices.length < NOTICE_COUNT_MAX) this.#notices.push(notice)
    else this.#leftOutCount++
  }

  /** Sends what is due; called about once a second. */
  async run(): Promise<void> {
    if (this.#notices.length === 0 || this.#isSending) return
    if (this.#deps.clock.monotonicMs() >= this.#dueAtMs) await this.#send()
  }

  /** Starts {@link run}: a mail server that is slow holds nothing else up, least of all a stop. */
  start(): void {
    this.run().catch((error: unknown) => this.#deps.log.error('alert_mail_bug', error))
  }

  /**
   * At the end: what waits for its time goes now, in a short one of its own, unless the server did
   * not take the last one.
   */
  async finish(): Promise<void> {
    if (this.#notices.length === 0 || this.#attemptCount > 0 || this.#isSending) return
    await this.#send(FINISH_MS_MAX)
  }

  metrics(): MetricDefinitions {
    return {
      plain: [],
      labelled: [
        {
          name: 'lockgate_alert_mails_total',
          help: 'Mails with alerts: sent, tries that failed, and mails that were given up',
          kind: 'counter',
          label: 'outcome',
          read: () => this.#outcomes,
        },
      ],
    }
  }

  async #send(timeMsMax?: number): Promise<void> {
    const { mailer, to, everyMs, clock } = this.#deps
    const [notices, leftOutCount] = [this.#notices, this.#leftOutCount]
    const mail = mailOf(notices, { leftOutCount, to })
    this.#isSending = true
    const failure = await failureOf(() => mailer.send(mail, timeMsMax)).finally(() => {
      this.#isSending = false
    })
    const nowMs = clock.monotonicMs()
    if (failure === undefined) {
      this.#forget(notices.length, leftOutCount)
      this.#count('sent')
      this.#dueAtMs = nowMs + everyMs
      return
    }
    this.#attemptCount++
    this.#count('failed')
    this.#tellFailure(failure)
    this.#dueAtMs = nowMs + RETRY_FIRST_MS * 2 ** (this.#attemptCount - 1)
    if (this.#attemptCount < ATTEMPT_COUNT_MAX) return
    const count = notices.length + leftOutCount
    this.#deps.log.warn('alert_mail_given_up', { attempts: this.#attemptCount, notices: count })
    this.#forget(notices.length, leftOutCount)
    this.#count('given_up')
  }

  /** What came while a mail was on its way stays. */
  #forget(noticeCount: number, leftOutCount: number): void {
    this.#notices = this.#notices.slice(noticeCount)
    this.#leftOutCount -= leftOutCount
    this.#attemptCount = 0
  }

  #tellFailure(failure: unknown): void {
    const { log, events, clock } = this.#deps
    if (failure instanceof Outage) {
      log.warn('alert_mail_failed', { code: failure.code, detail: failure.message })
      return
    }
    log.warn('alert_mail_failed', { code: String(failure) })
    if (failure !== 'credential_refused') return
    const details = { provider: 'smtp', credentialId: undefined }
    const nobody = { tenantId: undefined, appId: undefined }
    events.tell({ type: 'provider.failed', atMs: clock.nowMs(), ...nobody, details })
  }

  #count(outcome: Outcome): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1)
  }
}

/** @returns undefined for a mail that was taken. @throws what is no outage: a bug. */
async function failureOf(send: () => ReturnType<Mailer['send']>): Promise<unknown> {
  try {
    const sent = await send()
    return sent.ok ? undefined : sent.refusal
  } catch (error) {
    if (error instanceof Outage) return error
    throw error
  }
}

/** No value of a secret and nothing that a caller wrote is in it: names of rules, ids, numbers. */
function mailOf(
  notices: readonly AlertNotice[],
  { leftOutCount, to }: { readonly leftOutCount: number; readonly to: readonly string[] },
): Mail {
  const [first] = notices
  const count = notices.length + leftOutCount
  const one = first === undefined ? '' : `${first.rule.name} ${first.kind}${aboutText(first)}`
  const subject = count === 1 ? `[Lockgate] ${one}` : `[Lockgate] ${count} alerts, first ${one}`
  const more = leftOutCount === 0 ? [] : [`And ${leftOutCount} more; lockgate alerts list`]
  return { to, subject, text: [...notices.map(lineOf), ...more, ''].join('\n') }
}

function lineOf(notice: AlertNotice): string {
  const { atMs, kind, rule, count } = notice
  const seconds = rule.windowMs / 1_000
  const what = rule.watch.replaceAll('_', ' ')
  const numbers =
    kind === 'raised'
      ? `${count} ${what}, threshold ${rule.threshold} in ${seconds} s`
      : `at most ${count} ${what} in ${seconds} s`
  return `${new Date(atMs).toISOString()}  ${rule.name} ${kind}${aboutText(notice)}: ${numbers}`
}

function aboutText({ subject: { appId, tenantId } }: AlertNotice): string {
  if (appId !== undefined) return ` for app ${appId}`
  return tenantId === undefined ? '' : ` for tenant ${tenantId}`
}
