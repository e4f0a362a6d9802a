/**
 * The rules of one app, laid out by what is asked: which are charged for a publication, which for
 * a subscription, and for each whose count it is. Made when the app, its plan or a credential
 * changes; asking afterwards writes into arrays that are there and makes nothing. Pure.
 */
import type { LimitCharge, LimitRule } from '../../ports/limit-engine.ts'
import type { EffectiveLimits } from './effective-limits.ts'
import type { LimitScope } from './limit-kind.ts'
import { type ConcurrentLimitName, limitKind, type WindowLimitName } from './limit-names.ts'
import type { ConcurrentLimit, WindowLimit } from './limit-text.ts'

/** What is done, with the names of the limits it is charged to. */
export const CHARGED = {
  client_publish: [
    'publish.app',
    'publish.channel',
    'publish.user',
    'client_events.connection',
    'message_bytes.app',
  ],
  topic_publish: ['publish.app', 'publish.channel', 'publish.user', 'message_bytes.app'],
  server_publish: ['publish.app', 'publish.channel', 'publish.user', 'message_bytes.app'],
  http_publish: ['http_publish.app'],
  subscribe: ['subscribe.app', 'subscribe.channel', 'subscribe.user'],
  webhook_retry: ['webhook_retries.endpoint'],
  push_register: ['push_register.tenant'],
  push_publish: ['push_publish.tenant', 'push_publish.workflow'],
} as const satisfies Record<string, readonly WindowLimitName[]>

export type ChargedWork = keyof typeof CHARGED

/** A charge whose subject and cost are written anew for each question. */
interface OpenCharge extends LimitCharge {
  subject: string
  cost: number
}

/** One rule with what it counts by. */
export interface Slot {
  readonly charge: OpenCharge
  readonly scope: LimitScope
  /** Added to the subject: the credential whose own share this is; else empty. */
  readonly holder: string
  readonly isBytes: boolean
}

/** Charges and slots of one kind of work, in the same order. */
export interface ChargeSet {
  readonly charges: readonly LimitCharge[]
  readonly slots: readonly Slot[]
}

/** Whose limits these are: enough for events and the audit. */
export interface LimitOwner {
  readonly tenantId: string
  readonly appId: string
  /** Of the app's record, for the audit. */
  readonly region: string
}

/** A rule that only the holder of one credential is charged to. */
export interface HeldRule {
  readonly rule: LimitRule
  /** Id of the credential or token; empty: everybody's. */
  readonly holder: string
}

/** @returns what something of an app is counted by: other apps never share it. */
export function ownSubject(appId: string, id: string): string {
  return `${appId}:${id}`
}

const EMPTY: ChargeSet = { charges: [], slots: [] }

export class AppLimits {
  readonly owner: LimitOwner
  readonly effective: EffectiveLimits
  readonly #rules: readonly HeldRule[]
  /** Made when they are asked for first: a token is used for one or two of them. */
  readonly #sets = new Map<ChargedWork, ChargeSet>()
  readonly #withoutUser = new Map<ChargedWork, ChargeSet>()
  #lastId = ''
  #lastSubject = ''

  /** @param held narrower ones of a credential: its share of what the app has. */
  constructor(owner: LimitOwner, effective: EffectiveLimits, held: readonly HeldRule[] = []) {
    this.owner = owner
    this.effective = effective
    const rules = windowRules(effective).map((rule) => ({ rule, holder: '' }))
    this.#rules = [...rules, ...held]
    this.#lastSubject = ownSubject(owner.appId, this.#lastId)
  }

  /** @param hasUser false: who asks is nobody's user, so none is charged. */
  setOf(work: ChargedWork, hasUser: boolean): ChargeSet {
    const sets = hasUser ? this.#sets : this.#withoutUser
    return sets.get(work) ?? this.#layOut(work, { hasUser, sets })
  }

  #layOut(
    work: ChargedWork,
    of: { readonly hasUser: boolean; readonly sets: Map<ChargedWork, ChargeSet> },
  ): ChargeSet {
    const rules = of.hasUser
      ? this.#rules
      : this.#rules.filter(({ rule }) => !rule.name.endsWith('.user'))
    const set = setOf(work, rules)
    of.sets.set(work, set)
    return set
  }

  /**
   * @param id of a channel, user or endpoint of the app.
   * @returns what it is counted by; the last one is kept, so that a stream on one channel makes no
   * text for each message.
   */
  subjectOf(id: string): string {
    if (id !== this.#lastId) {
      this.#lastId = id
      this.#lastSubject = ownSubject(this.owner.appId, id)
    }
    return this.#lastSubject
  }

  /** Of things that are open at a time: counted where they are kept. */
  concurrent(name: ConcurrentLimitName): readonly ConcurrentLimit[] {
    return this.effective.concurrent[name]
  }
}

export function windowRules({ rules }: EffectiveLimits): readonly WindowLimit[] {
  // One cast: the values of a record of lists of these.
  return Object.values<readonly LimitRule[]>(rules).flat() as readonly WindowLimit[]
}

function setOf(work: ChargedWork, all: readonly HeldRule[]): ChargeSet {
  const names: readonly WindowLimitName[] = CHARGED[work]
  const slots = names.flatMap((name) => {
    const { scope, unit } = limitKind(name)
    const isBytes = unit === 'content-bytes'
    const named = all.filter(({ rule }) => rule.name === name)
    return named.map(({ rule, holder }) => {
      const charge = { rule, subject: '', cost: 1 }
      return { charge, scope, holder: holder === '' ? '' : `/${holder}`, isBytes }
    })
  })
  return slots.length === 0 ? EMPTY : { charges: slots.map(({ charge }) => charge), slots }
}
