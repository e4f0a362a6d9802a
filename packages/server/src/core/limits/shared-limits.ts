/**
 * Limits that several nodes hold together: each decides by what it knows, in memory, and tells the
 * others several times a second what was used. So a quota holds on each node at once, and over all
 * of them as soon as they have heard each other: until then each may give out what is left. A node
 * that is alone asks its engine and does nothing else.
 *
 * Out of touch is a node whose bus takes nothing, or that heard none of the nodes it knows for
 * {@link SILENT_MS}. Then each rule does what it says: `open` lets through, `closed` refuses,
 * `local` goes on with what this node counts. It is logged and counted when that begins and ends.
 */
import type { Broker } from '../../ports/broker.ts'
import type { Clock } from '../../ports/clock.ts'
import type {
  LimitCharge,
  LimitCounts,
  LimitEngine,
  LimitReading,
  LimitRule,
  LimitVerdict,
} from '../../ports/limit-engine.ts'
import type { Log } from '../../ports/log.ts'
import type { MetricDefinitions } from '../../ports/metrics.ts'
import { Outage } from '../../ports/outage.ts'
import {
  decodeLimitMessage,
  encodeLimitMessage,
  LIMIT_TOPIC,
  type LimitMessage,
} from './limit-messages.ts'
import { PendingUses } from './pending-uses.ts'

/** How often a node that is not alone is heard, and one that is looks for others. */
export const BEAT_MS = 1_000
const LOOK_MS = 10_000
/** Heard no longer than this ago: in touch. */
export const SILENT_MS = 5_000
/** Gone for good, or started again under another name. */
export const FORGET_MS = 30_000
/** Our bound on the nodes that are known. */
const NODE_COUNT_MAX = 256

export interface SharedLimitsPorts {
  /** Of this node alone. */
  readonly engine: LimitEngine & LimitCounts
  readonly broker: Broker
  readonly clock: Clock
  readonly log: Log
  /** Fresh and unique for each start. */
  readonly nodeId: string
}

export class SharedLimits implements LimitEngine {
  readonly #ports: SharedLimitsPorts
  /** Other nodes, and when each was last heard. */
  readonly #nodes = new Map<string, number>()
  readonly #pending = new PendingUses()
  readonly #stopListening: () => void
  readonly #counts = { outages: 0, refusedInOutage: 0, sent: 0, absorbed: 0, malformed: 0 }
  #isBusDown = false
  #isOut = false
  #beatAtMs = Number.NEGATIVE_INFINITY

  constructor(ports: SharedLimitsPorts) {
    this.#ports = ports
    this.#stopListening = ports.broker.subscribe(LIMIT_TOPIC, (payload) => this.#receive(payload))
    this.tick()
  }

  take(charges: readonly LimitCharge[]): LimitVerdict {
    const { engine } = this.#ports
    if (this.#nodes.size === 0 && !this.#isOut) return engine.take(charges)
    if (this.#isOut) return this.#takeInOutage(charges)
    const verdict = engine.take(charges)
    if (verdict.isAllowed) this.#pending.add(charges, verdict.shadowed)
    if (this.#pending.isFull) this.#share()
    return verdict
  }

  read(rule: LimitRule, subject: string): LimitReading {
    return this.#ports.engine.read(rule, subject)
  }

  /** Here and on every node that is in touch. */
  reset(name: string, subject: string): void {
    this.#ports.engine.reset(name, subject)
    this.#pending.forget(name, subject)
    this.#send({ kind: 'reset', from: this.#ports.nodeId, name, subject })
  }

  /** Called about ten times a second: tells what was used, and that this node is there. */
  tick(): void {
    const nowMs = this.#ports.clock.monotonicMs()
    for (const [node, heardAtMs] of this.#nodes) {
      if (nowMs - heardAtMs > FORGET_MS) this.#nodes.delete(node)
    }
    if (this.#pending.size > 0) this.#share()
    // While the bus is down every look is one whether it is up again.
    const everyMs = this.#nodes.size === 0 && !this.#isBusDown ? LOOK_MS : BEAT_MS
    if (nowMs - this.#beatAtMs >= everyMs) {
      this.#beatAtMs = nowMs
      this.#send({ kind: 'uses', from: this.#ports.nodeId, uses: [] })
    }
    this.#look(nowMs)
  }

  /** Tells the last uses; the others go on without waiting for this node. */
  close(): void {
    if (this.#pending.size > 0) this.#share()
    if (this.#nodes.size > 0) this.#send({ kind: 'bye', from: this.#ports.nodeId })
    this.#stopListening()
  }

  metrics(): MetricDefinitions {
    const counts = this.#counts
    const counter = (name: string, help: string, read: () => number) =>
      ({ name: `lockgate_limit_${name}_total`, help, kind: 'counter', read }) as const
    return {
      plain: [
        counter('outages', 'Times this node lost touch with the others', () => counts.outages),
        counter('outage_refusals', 'Refused by rules that close when out of touch', () => {
          return counts.refusedInOutage
        }),
        counter('uses_sent', 'Counts told to other nodes', () => counts.sent),
        counter('uses_absorbed', 'Counts heard from other nodes', () => counts.absorbed),
        counter('uses_lost', 'Counts that could not wait for the bus', () => {
          return this.#pending.lostCount
        }),
        counter('messages_malformed', 'Messages no node would write', () => counts.malformed),
        {
          name: 'lockgate_limits_out_of_touch',
          help: '1 while limits are held without the counts of other nodes',
          kind: 'gauge',
          read: () => (this.#isOut ? 1 : 0),
        },
      ],
      labelled: [],
    }
  }

  #takeInOutage(charges: readonly LimitCharge[]): LimitVerdict {
    const { engine } = this.#ports
    const held = charges.filter(({ rule }) => rule.onOutage === 'local')
    const closed = charges.filter(({ rule }) => rule.onOutage === 'closed')
    const refused = closed.find(({ rule }) => !rule.isShadow)
    const shadowed = closed.filter(({ rule }) => rule.isShadow).map(closedReading)
    if (refused !== undefined) {
      this.#counts.refusedInOutage++
      return { isAllowed: false, refused: closedReading(refused), warned: [], shadowed }
    }
    const verdict = engine.take(held)
    if (verdict.isAllowed) this.#pending.add(held, verdict.shadowed)
    if (shadowed.length === 0) return verdict
    return { ...verdict, shadowed: [...verdict.shadowed, ...shadowed] }
  }

  #share(): void {
    const batch = this.#pending.next()
    if (batch.length === 0) return
    if (!this.#send({ kind: 'uses', from: this.#ports.nodeId, uses: batch })) return
    this.#counts.sent += batch.length
    this.#pending.drop(batch)
    this.#share()
  }

  /** @returns whether the bus took it. */
  #send(message: LimitMessage): boolean {
    try {
      this.#ports.broker.publish(LIMIT_TOPIC, encodeLimitMessage(message))
      this.#isBusDown = false
      return true
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      this.#isBusDown = true
      return false
    } finally {
      this.#look(this.#ports.clock.monotonicMs())
    }
  }

  #receive(payload: string): void {
    const message = decodeLimitMessage(payload)
    if (message === undefined) {
      this.#counts.malformed++
      return
    }
    const { from } = message
    if (from === this.#ports.nodeId) return
    if (message.kind === 'bye') {
      this.#nodes.delete(from)
      return
    }
    const isNew = !this.#nodes.has(from)
    if (isNew && this.#nodes.size >= NODE_COUNT_MAX) return
    this.#nodes.set(from, this.#ports.clock.monotonicMs())
    // Whoever is new has not heard this node either.
    if (isNew) this.#send({ kind: 'uses', from: this.#ports.nodeId, uses: [] })
    if (message.kind === 'reset') this.#ports.engine.reset(message.name, message.subject)
    else this.#absorb(message.uses)
  }

  #absorb(uses: Extract<LimitMessage, { kind: 'uses' }>['uses']): void {
    for (const { rule, subject, cost } of uses) {
      const whole: LimitRule = { ...rule, isShadow: false, onOutage: 'local' }
      this.#ports.engine.absorb({ rule: whole, subject, cost })
    }
    this.#counts.absorbed += uses.length
  }

  /** Notices when touch is lost and found, and says so once each time. */
  #look(nowMs: number): void {
    const heard = [...this.#nodes.values()]
    const isSilent = heard.length > 0 && heard.every((atMs) => nowMs - atMs > SILENT_MS)
    const isOut = this.#isBusDown || isSilent
    if (isOut === this.#isOut) return
    this.#isOut = isOut
    const fields = { nodes: this.#nodes.size, reason: this.#isBusDown ? 'bus_down' : 'silence' }
    if (!isOut) {
      this.#ports.log.info('limits_in_touch', { nodes: this.#nodes.size })
      return
    }
    this.#counts.outages++
    this.#ports.log.warn('limits_out_of_touch', fields)
  }
}

/** When it ends is not known; asking again after a beat is soon enough. */
function closedReading({ rule, subject }: LimitCharge): LimitReading {
  return { rule, subject, used: rule.quota, remaining: 0, resetMs: BEAT_MS }
}
