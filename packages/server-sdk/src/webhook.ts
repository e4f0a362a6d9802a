/**
 * One webhook that arrived: whether it is genuine, fresh and new, and then what is in it. Nothing
 * of it can be read before. In this order, cheapest first: size, headers, time, signature, body,
 * replay.
 */
import { ok, type Result } from '@lockgate/protocol/result'
import type { ImmediateReplayStore, ReplayState, ReplayStore } from './replay-store.ts'
import { holds, holdsNow } from './signature-check.ts'
import { openWebhook, type VerifiedWebhook } from './webhook-event.ts'
import { type ClaimedWebhook, readClaimed, type WebhookForm } from './webhook-form.ts'
import { parseWebhookKeys, type WebhookKey } from './webhook-keys.ts'
import { type RefusedWebhook, refuseWebhook, type WebhookRefusal } from './webhook-refusal.ts'
import { readHeaders, readRawBody, type WebhookRequest } from './webhook-request.ts'

/** What a verifier gives each of its webhooks. */
export interface WebhookRules {
  readonly keys: readonly WebhookKey[]
  readonly bodyBytesMax: number
  /** How old and how far ahead, both inclusive. */
  readonly window: Readonly<
    Record<WebhookForm, { readonly pastMs: number; readonly aheadMs: number }>
  >
  /** Undefined: deliveries of that form are not remembered. */
  readonly replay: Readonly<Record<WebhookForm, ReplayStore | undefined>>
  /** Whether a delivery is remembered by its id alone, which takes that somebody finishes it. */
  readonly isById: boolean
  readonly now: () => number
}

interface Genuine {
  readonly claimed: ClaimedWebhook
  readonly webhook: VerifiedWebhook
}

export class Webhook {
  readonly #request: WebhookRequest
  readonly #rules: WebhookRules
  #genuine: Genuine | undefined
  #verified: VerifiedWebhook | undefined
  #refused: RefusedWebhook | undefined

  constructor(request: WebhookRequest, rules: WebhookRules) {
    this.#request = request
    this.#rules = rules
  }

  /**
   * Whether it is genuine, fresh, and was not taken before; then its delivery counts as taken.
   * @param extraKeys tried as well: those of a rotation that are not configured yet.
   * @throws TypeError where the runtime or the store answers later; `verify` works everywhere.
   */
  isValid(extraKeys?: WebhookKey | readonly WebhookKey[]): boolean {
    if (this.#verified !== undefined) return true
    const claimed = this.#claimed(extraKeys)
    const isSigned = claimed.ok ? holdsNow(claimed.value.question) : false
    if (isSigned === undefined) throw new TypeError(NO_CRYPTO)
    const authentic = claimed.ok ? this.#opened(claimed.value, isSigned) : claimed
    if (!authentic.ok) return this.#conclude(authentic).ok
    const store = this.#rules.replay[authentic.value.form]
    if (store === undefined) return this.#conclude(authentic).ok
    if (!isImmediate(store)) throw new TypeError(LATE_STORE)
    const state = store.takeNow(this.#replayKey(), this.#replayMs())
    return this.#conclude(this.#taken(state, authentic.value)).ok
  }

  /**
   * As {@link isValid}, on every runtime and with every store.
   * @returns what is in it, or why it is refused.
   * @throws what the store throws when it cannot be asked: whether it is a replay is not known.
   */
  async verify(
    extraKeys?: WebhookKey | readonly WebhookKey[],
  ): Promise<Result<VerifiedWebhook, WebhookRefusal>> {
    if (this.#verified !== undefined) return ok(this.#verified)
    const authentic = await this.authenticate(extraKeys)
    if (!authentic.ok) return this.#conclude(authentic)
    const state = await this.take()
    return this.#conclude(this.#taken(state, authentic.value))
  }

  /** As {@link verify}, without asking or telling the store: for those who handle each id once. */
  async authenticate(
    extraKeys?: WebhookKey | readonly WebhookKey[],
  ): Promise<Result<VerifiedWebhook, WebhookRefusal>> {
    const claimed = this.#claimed(extraKeys)
    if (!claimed.ok) return claimed
    return this.#opened(claimed.value, await holds(claimed.value.question))
  }

  /** Why it was refused; undefined when it was not, or was not asked yet. */
  get refusal(): RefusedWebhook | undefined {
    return this.#refused
  }

  /** The same in every attempt to deliver it: handle each id once. */
  get id(): string {
    return this.#known.id
  }

  get form(): WebhookForm {
    return this.#known.form
  }

  /** When it happened; of the Pusher form, when the webhook was made. */
  get timestamp(): Date {
    return this.#known.timestamp
  }

  /** Of the Pusher form any number, of the Standard form one. */
  get events(): VerifiedWebhook['events'] {
    return this.#known.events
  }

  /** Undefined in the Pusher form, where each event has a name. */
  get type(): VerifiedWebhook['type'] {
    return this.#known.type
  }

  /** Undefined in the Pusher form, where each event has its own. */
  get data(): VerifiedWebhook['data'] {
    return this.#known.data
  }

  /** Notes the delivery as taken. To be asked once it is authentic. */
  async take(): Promise<ReplayState> {
    return (await this.#store()?.take(this.#replayKey(), this.#replayMs())) ?? 'new'
  }

  /** Says that it was handled. */
  async finish(): Promise<void> {
    await this.#store()?.finish(this.#replayKey(), this.#replayMs())
  }

  /** Forgets the delivery: it could not be handled, and is to be taken when it comes again. */
  async release(): Promise<void> {
    await this.#store()?.release(this.#replayKey())
  }

  #claimed(
    extraKeys: WebhookKey | readonly WebhookKey[] = [],
  ): Result<ClaimedWebhook, WebhookRefusal> {
    const { bodyBytesMax, keys, now, window } = this.#rules
    const body = readRawBody(this.#request.rawBody, bodyBytesMax)
    if (!body.ok) return body
    const headers = readHeaders(this.#request.headers)
    if (!headers.ok) return headers
    const all = parseWebhookKeys([...keys, ...(isList(extraKeys) ? extraKeys : [extraKeys])])
    const claimed = readClaimed(headers.value, body.value, all)
    if (!claimed.ok) return claimed
    const { form, signedAtMs } = claimed.value
    if (signedAtMs !== undefined && !isWithin(window[form], now() - signedAtMs)) {
      return refuseWebhook('timestamp_outside')
    }
    return claimed
  }

  #opened(claimed: ClaimedWebhook, isSigned: boolean): Result<VerifiedWebhook, WebhookRefusal> {
    if (!isSigned) return refuseWebhook('signature_invalid')
    const opened = openWebhook(claimed)
    if (!opened.ok) return opened
    const webhook = opened.value
    const { now, window } = this.#rules
    // The Pusher form has its time inside the body, which is believed only now.
    const ageMs = now() - (claimed.signedAtMs ?? webhook.timestamp.getTime())
    if (!isWithin(window[claimed.form], ageMs)) return refuseWebhook('timestamp_outside')
    this.#genuine = { claimed, webhook }
    return opened
  }

  #taken(state: ReplayState, webhook: VerifiedWebhook): Result<VerifiedWebhook, WebhookRefusal> {
    if (state === 'full') return refuseWebhook('replay_store_full')
    return state === 'new' ? ok(webhook) : refuseWebhook('replayed')
  }

  #conclude(
    result: Result<VerifiedWebhook, WebhookRefusal>,
  ): Result<VerifiedWebhook, WebhookRefusal> {
    this.#refused = result.ok ? undefined : result
    if (result.ok) this.#verified = result.value
    return result
  }

  get #known(): VerifiedWebhook {
    if (this.#verified !== undefined) return this.#verified
    throw new TypeError(
      'Nothing of a webhook can be read before isValid() or verify() accepted it.',
    )
  }

  #store(): ReplayStore | undefined {
    return this.#rules.replay[this.#authentic.claimed.form]
  }

  /**
   * The Standard form signs each attempt anew, so that the same id comes with another timestamp
   * when the sender tries again, and with the same one only when somebody repeats what was sent.
   */
  #replayKey(): string {
    const { id, signedAtMs } = this.#authentic.claimed
    const isById = this.#rules.isById || signedAtMs === undefined
    return isById ? id : `${id}.${signedAtMs / 1000}`
  }

  /** As long as it would be fresh. */
  #replayMs(): number {
    const { pastMs, aheadMs } = this.#rules.window[this.#authentic.claimed.form]
    return pastMs + aheadMs + 1
  }

  get #authentic(): Genuine {
    if (this.#genuine !== undefined) return this.#genuine
    throw new TypeError('Only a webhook that is genuine can be taken, finished or released.')
  }
}

function isWithin(window: { pastMs: number; aheadMs: number }, ageMs: number): boolean {
  return ageMs <= window.pastMs && ageMs >= -window.aheadMs
}

function isImmediate(store: ReplayStore): store is ImmediateReplayStore {
  return 'takeNow' in store
}

function isList(keys: WebhookKey | readonly WebhookKey[]): keys is readonly WebhookKey[] {
  return Array.isArray(keys)
}

const NO_CRYPTO =
  'This runtime has no crypto module that answers at once: use await webhook.verify(), or on ' +
  'Workers the flag nodejs_compat.'
const LATE_STORE = 'This store of deliveries answers later: use await webhook.verify().'
