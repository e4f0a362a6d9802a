/**
 * How one client is told what it may not have: in an `error` frame that carries its own names for
 * what it asked (contract wSocket 3). A limit is told at most once a second.
 */
import { errorFrame } from '@lockgate/protocol/wsocket/frames'
import { limitAnswer } from '../../core/limits/limit-answers.ts'
import type { LimitRefusal } from '../../core/limits/limit-refusal.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Tally } from '../../core/tally.ts'
import type { ChannelAction } from '../../credentials/messages/channel-authority.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Outbox } from '../../ports/fanout.ts'
import { WSOCKET_REFUSALS } from './wire-refusals.ts'

/** The contract's. */
export const TOLD_INTERVAL_MS = 1_000
/** Told where nothing says how long to wait. */
const RETRY_AFTER_SECONDS = 1

/** What an answer is about, as the client called it. */
export interface About {
  readonly channel?: string | undefined
  readonly id?: string | undefined
}

const DOING: Readonly<Record<ChannelAction, string>> = {
  subscribe: 'subscribe',
  publish: 'publish',
  presence: 'use presence',
  history: 'read history',
}

export class Answers {
  readonly #outbox: Outbox
  readonly #tally: Tally
  readonly #clock: Clock
  #toldAtMs = Number.NEGATIVE_INFINITY

  constructor(outbox: Outbox, { tally, clock }: { readonly tally: Tally; readonly clock: Clock }) {
    this.#outbox = outbox
    this.#tally = tally
    this.#clock = clock
  }

  /** @param detail what is wrong with this very frame; public. */
  refuse(refusal: RefusalCode, about: About, detail?: string): void {
    this.#tally.refused(refusal)
    const frame = refusalFrame(refusal, about, detail)
    const { code } = WSOCKET_REFUSALS[refusal]
    if (code !== 'rate_limited' || this.#mayTell()) this.#outbox.send(frame)
  }

  malformed(code: 'invalid_json' | 'invalid_frame', about: About, detail: string): void {
    this.#tally.refused('frame_malformed')
    const { error } = WSOCKET_REFUSALS.frame_malformed
    this.#outbox.send(errorFrame({ error, code, ...about, detail }))
  }

  deny(action: ChannelAction, about: About): void {
    this.#tally.refused('operation_denied')
    const error = `Not permitted to ${DOING[action]} on channel`
    this.#outbox.send(errorFrame({ error, code: 'forbidden', ...about }))
  }

  limited({ refusal, detail, reading }: LimitRefusal, about: About): void {
    if (refusal !== 'rate_limited') return this.refuse(refusal, about, detail)
    this.#tally.refused(refusal)
    const { error, code, tier, retryAfter } = limitAnswer(reading).wsocket
    if (!this.#mayTell()) return
    this.#outbox.send(errorFrame({ error, code, tier, retryAfter, ...about }))
  }

  #mayTell(): boolean {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#toldAtMs < TOLD_INTERVAL_MS) return false
    this.#toldAtMs = nowMs
    return true
  }
}

export function refusalFrame(refusal: RefusalCode, about: About, detail?: string): string {
  const { error, code } = WSOCKET_REFUSALS[refusal]
  const later = { tier: 'app', retryAfter: RETRY_AFTER_SECONDS }
  return errorFrame({ error, code, ...(code === 'rate_limited' ? later : {}), ...about, detail })
}
