/**
 * The one place that charges limits. It writes down who asks for what, asks the engine once for all
 * tiers together, and has told what came of it. Synchronous, never waits for a store.
 */
import {
  LIMIT_CHARGE_COUNT_MAX,
  type LimitCharge,
  type LimitEngine,
  type LimitReading,
  type LimitRule,
  type LimitVerdict,
} from '../../ports/limit-engine.ts'
import type { Source } from '../source.ts'
import { rangeSubject } from './address-subject.ts'
import {
  type Asker,
  publishedCharges,
  type PublishedItem,
  type Question,
  subjectOf,
  write,
} from './charge-writing.ts'
import type { AppLimits, ChargedWork, LimitOwner } from './charges.ts'
import type { WindowLimitName } from './limit-names.ts'
import { type About, LimitTelling, type TellingPorts } from './limit-telling.ts'

export interface GuardPorts extends TellingPorts {
  readonly engine: LimitEngine
}

/** A limit of the installation, and whose count it is. */
export interface OwnCharge {
  readonly name: WindowLimitName
  readonly subject: string
}

export class Guard {
  readonly #engine: LimitEngine
  readonly #telling: LimitTelling
  readonly #installation: ReadonlyMap<string, readonly LimitRule[]>

  /** @param rules of the whole installation: those by address, and of who tries to come in. */
  constructor(rules: readonly LimitRule[], ports: GuardPorts) {
    this.#engine = ports.engine
    this.#telling = new LimitTelling(ports)
    const names = [...new Set(rules.map(({ name }) => name))]
    this.#installation = new Map(
      names.map((name) => [name, rules.filter((rule) => rule.name === name)]),
    )
  }

  /** Tells what was counted under a flood. Called about once a second. */
  tick(): void {
    this.#telling.tick()
  }

  /** At the end: the same, of all that was counted. */
  finish(): void {
    this.#telling.finish()
  }

  /**
   * Charges an attempt to connect, before anything about it is looked at.
   * @param address as `limitSubject` writes it.
   */
  connect(address: string, source: () => Source): LimitVerdict {
    const ofRange = this.#chargesOf('connect.range', rangeSubject(address))
    const charges = [...this.#chargesOf('connect.ip', address), ...ofRange]
    return this.#ask(charges, { owner: undefined, source })
  }

  /**
   * Charges a credential that did not hold, or one more token that is asked for.
   * @param name of the client, key or user it came under; undefined where none was said.
   */
  authenticate(address: string, name: string | undefined, source: Source): LimitVerdict {
    const named = name === undefined ? [] : this.#chargesOf('auth.user', name)
    const charges = [...this.#chargesOf('auth.ip', address), ...named]
    return this.#ask(charges, { owner: undefined, source: () => source })
  }

  /** Charges limits of the installation's own doors, all of them or none. */
  charge(charged: readonly OwnCharge[], about: About): LimitVerdict {
    const charges = charged.flatMap(({ name, subject }) => this.#chargesOf(name, subject))
    return this.#ask(charges, about)
  }

  /** @returns what those read, without spending. */
  readOwn(charged: readonly OwnCharge[]): LimitReading[] {
    return charged.flatMap(({ name, subject }) =>
      (this.#installation.get(name) ?? []).map((rule) => this.#engine.read(rule, subject)),
    )
  }

  /** Charges one event of a client to app, channel, user, connection and bytes. */
  clientPublish(
    limits: AppLimits,
    asker: Asker,
    { channel, data }: { readonly channel: string; readonly data: string },
  ): LimitVerdict {
    return this.#askFor('client_publish', { limits, asker, target: channel, data })
  }

  /** Charges one message of a client to a channel with history, or a topic, which counts as one. */
  topicPublish(
    limits: AppLimits,
    asker: Asker,
    { channel, data }: { readonly channel: string; readonly data: string | Uint8Array },
  ): LimitVerdict {
    return this.#askFor('topic_publish', { limits, asker, target: channel, data })
  }

  subscribe(limits: AppLimits, asker: Asker, channel: string): LimitVerdict {
    return this.#askFor('subscribe', { limits, asker, target: channel, data: '' })
  }

  /** Charges everything one request publishes, or nothing. */
  serverPublish(limits: AppLimits, asker: Asker, items: readonly PublishedItem[]): LimitVerdict {
    const set = limits.setOf('server_publish', asker.user !== undefined)
    const call = limits.setOf('http_publish', false)
    const charges: LimitCharge[] = call.slots.map((slot) => ({
      rule: slot.charge.rule,
      subject: subjectOf(slot, { limits, asker, target: '' }),
      cost: 1,
    }))
    for (const slot of set.slots) charges.push(...publishedCharges(slot, { limits, asker, items }))
    return this.#ask(charges, { owner: limits.owner, source: () => asker.source })
  }

  /** Charges one more try of a delivery that failed. */
  webhookRetry(limits: AppLimits, endpointId: string): LimitVerdict {
    const asker = { user: undefined, connection: undefined, source: OURSELVES }
    return this.#askFor('webhook_retry', { limits, asker, target: endpointId, data: '' })
  }

  /** @returns what the limits read that a request of this kind was charged to, without spending. */
  readings(limits: AppLimits, works: readonly ChargedWork[], asker: Asker): LimitReading[] {
    return works.flatMap((work) => {
      const { slots } = limits.setOf(work, asker.user !== undefined)
      // By channel is left out: a request may name a hundred.
      const told = slots.filter(({ scope }) => scope === 'app' || scope === 'user')
      return told.map((slot) =>
        this.#engine.read(slot.charge.rule, subjectOf(slot, { limits, asker, target: '' })),
      )
    })
  }

  read(rule: LimitRule, subject: string): LimitReading {
    return this.#engine.read(rule, subject)
  }

  reset(name: string, subject: string): void {
    this.#engine.reset(name, subject)
  }

  /** Tells of a limit on things that are open, which was found where they are kept. */
  full(reading: LimitReading, owner: LimitOwner, source: Source): void {
    this.#telling.exceeded(reading, { owner, source: () => source })
  }

  #chargesOf(name: WindowLimitName, subject: string): LimitCharge[] {
    return (this.#installation.get(name) ?? []).map((rule) => ({ rule, subject, cost: 1 }))
  }

  /** The path of every message: it makes nothing while there is nothing to tell. */
  #askFor(work: ChargedWork, question: Question): LimitVerdict {
    const { limits, asker } = question
    const set = limits.setOf(work, asker.user !== undefined)
    if (set.charges.length === 0) return NOTHING_TO_TELL
    write(set, question)
    const verdict = this.#engine.take(set.charges)
    if (isQuiet(verdict)) return verdict
    return this.#telling.tell(verdict, { owner: limits.owner, source: () => asker.source })
  }

  #ask(charges: readonly LimitCharge[], about: About): LimitVerdict {
    if (charges.length === 0) return NOTHING_TO_TELL
    const isMany = charges.length > LIMIT_CHARGE_COUNT_MAX
    const verdict = isMany ? this.#takeMany(charges) : this.#engine.take(charges)
    return isQuiet(verdict) ? verdict : this.#telling.tell(verdict, about)
  }

  /**
   * More than the engine takes at once: a hundred channels with many rules. Nothing else runs
   * between looking and taking, so it is one decision all the same.
   */
  #takeMany(charges: readonly LimitCharge[]): LimitVerdict {
    const [refused] = charges
      .filter(({ rule }) => !rule.isShadow)
      .map(({ rule, subject, cost }) => ({ reading: this.#engine.read(rule, subject), cost }))
      .filter(({ reading, cost }) => reading.remaining < cost)
      .map(({ reading }) => reading)
      .sort((one, other) => other.resetMs - one.resetMs)
    if (refused !== undefined) return { ...NOTHING_TO_TELL, isAllowed: false, refused }
    const verdicts: LimitVerdict[] = []
    for (let at = 0; at < charges.length; at += LIMIT_CHARGE_COUNT_MAX) {
      verdicts.push(this.#engine.take(charges.slice(at, at + LIMIT_CHARGE_COUNT_MAX)))
    }
    return {
      isAllowed: verdicts.every(({ isAllowed }) => isAllowed),
      refused: verdicts.find(({ isAllowed }) => !isAllowed)?.refused,
      warned: verdicts.flatMap(({ warned }) => warned),
      shadowed: verdicts.flatMap(({ shadowed }) => shadowed),
    }
  }
}

const OURSELVES: Source = { ip: '', agent: '', protocol: 'webhooks' }

const NOTHING_TO_TELL: LimitVerdict = {
  isAllowed: true,
  refused: undefined,
  warned: [],
  shadowed: [],
}

function isQuiet({ isAllowed, warned, shadowed }: LimitVerdict): boolean {
  return isAllowed && warned.length === 0 && shadowed.length === 0
}
