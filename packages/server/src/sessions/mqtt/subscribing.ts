/**
 * SUBSCRIBE and UNSUBSCRIBE (§3.8 to §3.11): each filter has an answer of its own, and one that is
 * refused ends nothing. The same is asked again for all that is held when rules change.
 */
import type { Subscribe, SubscriptionRequest, Unsubscribe } from '@lockgate/protocol/mqtt/packets'
import { REASON, type ReasonCode } from '@lockgate/protocol/mqtt/reason-codes'
import { splitShared } from '@lockgate/protocol/mqtt/topic'
import type { Qos } from '../../core/topics/topic-message.ts'
import type { LayeredRules } from '../../core/rules/layered-rules.ts'
import type { TopicGrant } from '../../core/topics/topic-subscriber.ts'
import { isFailure, subscriptionAnswer } from './answers.ts'
import type { MqttClient } from './client.ts'
import { recordDenied } from './denials.ts'
import { countIn, isIn } from './state/held-grants.ts'

/** Our bound: after so many refused filters in a row the connection ends. */
export const REFUSED_FILTER_COUNT_MAX = 10_000

/** Why a filter is refused, for those who read more than codes. */
const TEXTS: Readonly<Partial<Record<ReasonCode, string>>> = {
  [REASON.notAuthorized]: 'The rules do not allow to subscribe to this.',
  [REASON.quotaExceeded]: 'A limit on subscriptions is reached.',
  [REASON.unspecifiedError]: 'It cannot be kept now. Try again later.',
}

export class SubscriptionDesk {
  readonly #client: MqttClient
  readonly #rules: LayeredRules

  /** For one packet, or one change of rules. */
  constructor(client: MqttClient) {
    this.#client = client
    this.#rules = client.rules
  }

  subscribe({ packetId, subscriptions, properties }: Subscribe): void {
    const client = this.#client
    const { writeCount } = client.state.journal
    const [subscriptionId] = properties.subscriptionIds ?? []
    const retained: TopicGrant[] = []
    const reasons = subscriptions.map((request, index) => {
      // Beyond what a connection may hold nothing is looked at.
      if (index >= client.deps.subscriptionCountMax) return REASON.quotaExceeded
      return this.#subscribe(request, subscriptionId, retained)
    })
    if (!this.#countRefused(reasons)) return
    const failed = reasons.find(isFailure)
    const told = failed === undefined ? undefined : TEXTS[failed]
    const text = told === undefined ? {} : { text: told }
    const frame = subscriptionAnswer('suback', { packetId, reasons, ...text }, client.terms)
    const sendRetained = () => client.sendRetained(retained)
    client.answer(frame, writeCount, retained.length === 0 ? undefined : sendRetained)
  }

  unsubscribe({ packetId, filters }: Unsubscribe): void {
    const client = this.#client
    const { writeCount } = client.state.journal
    const reasons = filters.map((filter) => {
      if (!client.state.unsubscribe(filter)) return REASON.noSubscriptionExisted
      client.forgetRetained(filter)
      return REASON.success
    })
    const frame = subscriptionAnswer('unsuback', { packetId, reasons }, client.terms)
    client.answer(frame, writeCount)
  }

  /** Lowers the quality of service, or takes away, what rules allow no longer as it is. */
  keepAllowed(): void {
    const { state } = this.#client
    for (const grant of [...state.grants.values()]) {
      const qos = this.#allowedQos(grant.filter, grant.qos)
      if (qos !== undefined && qos !== grant.qos) state.subscribe({ ...grant, qos })
    }
    this.lost(state.narrow(this.#rules))
  }

  /** Tells that these filters were taken away. */
  lost(filters: readonly string[]): void {
    for (const filter of filters) {
      this.#client.deps.figures.lostSubscriptions++
      this.#client.forgetRetained(filter)
      this.#denied(filter, 0)
    }
  }

  #subscribe(
    request: SubscriptionRequest,
    subscriptionId: number | undefined,
    retained: TopicGrant[],
  ): ReasonCode {
    const { state, deps } = this.#client
    const limits = this.#client.limits
    const { filter, noLocal, retainAsPublished, retainHandling } = request
    const held = isIn(state.held, filter) ? undefined : countIn(state.held)
    if (held !== undefined && held >= deps.subscriptionCountMax) return REASON.quotaExceeded
    const qos = this.#allowedQos(filter, request.qos)
    if (qos === undefined) {
      deps.figures.deniedSubscriptions++
      this.#denied(filter, request.qos)
      return REASON.notAuthorized
    }
    if (!limits.maySubscribe(filter, held)) return REASON.quotaExceeded
    const grant: TopicGrant = { filter, qos, noLocal, retainAsPublished, subscriptionId }
    const outcome = state.subscribe(grant)
    if (!outcome.ok) {
      deps.tally.refused(outcome.refusal)
      return outcome.refusal === 'unavailable' ? REASON.unspecifiedError : REASON.quotaExceeded
    }
    deps.figures.subscribed++
    // §3.3.1.3, §4.8.2: a shared subscription gets nothing that was there before.
    const isDue = retainHandling === 0 || (retainHandling === 1 && outcome.value === 'new')
    if (isDue && splitShared(filter) === undefined) retained.push(grant)
    return qos
  }

  /** A lower quality of service than was asked for may be granted (§3.8.4). */
  #allowedQos(filter: string, asked: Qos): Qos | undefined {
    const unshared = splitShared(filter)?.filter ?? filter
    for (let qos: number = asked; qos >= 0; qos--) {
      if (this.#rules.maySubscribe(unshared, qos as Qos)) return qos as Qos
    }
    return undefined
  }

  #denied(filter: string, qos: Qos): void {
    const topic = splitShared(filter)?.filter ?? filter
    recordDenied(this.#client, { action: 'subscribe', topic, qos, retain: false })
  }

  /** @returns false when it was enough, and the connection has ended. */
  #countRefused(reasons: readonly ReasonCode[]): boolean {
    const refusedCount = reasons.filter(isFailure).length
    const client = this.#client
    const isAll = refusedCount === reasons.length
    client.refusedFilterCount = isAll ? client.refusedFilterCount + refusedCount : 0
    if (client.refusedFilterCount < REFUSED_FILTER_COUNT_MAX) return true
    client.end('subscriptions_full')
    return false
  }
}
