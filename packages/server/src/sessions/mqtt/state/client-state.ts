/**
 * The state of one MQTT session (MQTT 5 §4.1): its subscriptions, the messages on the way both
 * ways, its will. It lives as long as its connection, or is kept for its time after it. Little
 * while nothing happens: everything but the fields is made when it is first needed.
 */
import { refuse } from '@lockgate/protocol/result'
import type { ReasonCode } from '@lockgate/protocol/mqtt/reason-codes'
import { splitShared } from '@lockgate/protocol/mqtt/topic'
import type { AppSpace } from '../../../core/app-space.ts'
import type { TopicRules } from '../../../core/rules/topic-rules.ts'
import type { TopicDelivery, TopicGrant } from '../../../core/topics/topic-subscriber.ts'
import type { TopicSubscriber } from '../../../core/topics/topic-subscriber.ts'
import type { StoredSessions } from '../../../ports/session-store.ts'
import type { ClientLink } from './client-link.ts'
import { type ClientWill, willMessage } from './client-will.ts'
import { grantsIn, type HeldGrants, isIn, withGrant, withoutGrant } from './held-grants.ts'
import { IncomingIds, type Taken } from './incoming-ids.ts'
import { Outgoing } from './outgoing.ts'
import { deliverOnce } from './qos-zero.ts'
import type { SessionJournal } from './session-journal.ts'
import { type Connecting, type Detaching, type KeptSession, SessionLife } from './session-life.ts'
import type { SessionHome, Subscribed } from './session-home.ts'

export class ClientState implements TopicSubscriber {
  readonly clientId: string
  /** Whose it is: nobody else takes it over. */
  readonly owner: string
  readonly #home: SessionHome
  readonly #life: SessionLife
  #link: ClientLink | undefined
  /** From CONNACK on: nothing is delivered before it. */
  #isOpen = false
  #grants: HeldGrants
  #outgoing: Outgoing | undefined
  #incoming: IncomingIds | undefined
  #isEnded = false

  constructor(
    home: SessionHome,
    who: { readonly clientId: string; readonly owner: string },
    kept: KeptSession | undefined,
  ) {
    this.#home = home
    this.clientId = who.clientId
    this.owner = who.owner
    this.#life = new SessionLife(kept, home.figures)
  }

  get space(): AppSpace {
    return this.#home.space
  }

  get grants(): ReadonlyMap<string, TopicGrant> {
    return grantsIn(this.#grants)
  }

  get held(): HeldGrants {
    return this.#grants
  }

  /** Where its writes go: what it promises is acknowledged once they are durable. */
  get journal(): SessionJournal {
    return this.#home.journal
  }

  get isConnected(): boolean {
    return this.#link !== undefined
  }

  /** Outlives its connection. */
  get isKept(): boolean {
    return this.#life.kept !== undefined
  }

  /** QoS 2 messages of the client that are taken and not released. */
  get takenCount(): number {
    return this.#incoming?.count ?? 0
  }

  /** QoS 1 and 2 messages for the client that are not acknowledged. */
  get waitingCount(): number {
    return (this.#outgoing?.waitingCount ?? 0) + (this.#outgoing?.inFlightCount ?? 0)
  }

  get isReady(): boolean {
    const link = this.#openLink
    return link !== undefined && (this.#outgoing?.isReady ?? link.hasRoom)
  }

  deliver(delivery: TopicDelivery): void {
    if (this.#isEnded) return
    if (delivery.qos === 0) deliverOnce(this.#home, this.#openLink, delivery)
    else this.#makeOutgoing().deliver(delivery, delivery.qos)
  }

  /** Replaces a subscription of the same filter [MQTT-3.8.4-3]. Written if the session is kept. */
  subscribe(grant: TopicGrant): Subscribed {
    const { journal, topics, space } = this.#home
    if (this.#life.kept !== undefined && !journal.isAccepting) return refuse('unavailable')
    const done = topics.subscribe(space, this, grant)
    if (!done.ok) return done
    this.#grants = withGrant(this.#grants, grant)
    const sessionId = this.#life.kept?.id
    if (sessionId !== undefined) journal.add({ kind: 'subscribed', sessionId, grant })
    return done
  }

  /** @returns false when there was none (§3.11.3). */
  unsubscribe(filter: string): boolean {
    const { journal, topics, space } = this.#home
    if (!isIn(this.#grants, filter)) return false
    this.#grants = withoutGrant(this.#grants, filter)
    topics.unsubscribe(space, this, filter)
    const sessionId = this.#life.kept?.id
    if (sessionId !== undefined) journal.add({ kind: 'unsubscribed', sessionId, filter })
    return true
  }

  /**
   * Drops what `rules` do not allow: subscriptions, and messages that were queued under others.
   * @returns the filters that were dropped.
   */
  narrow(rules: Pick<TopicRules, 'maySubscribe'>): readonly string[] {
    const lost = [...this.grants.values()].filter(({ filter, qos }) => {
      return !rules.maySubscribe(splitShared(filter)?.filter ?? filter, qos)
    })
    for (const { filter } of lost) this.unsubscribe(filter)
    // A topic name is a filter that matches itself alone.
    this.#outgoing?.restrict((topic, qos) => rules.maySubscribe(topic, qos))
    return lost.map(({ filter }) => filter)
  }

  /**
   * After CONNACK: drops what the client may no longer have, sends again what is in flight
   * [MQTT-4.4.0-1], then what waits.
   * @returns the filters that were dropped.
   */
  resume(link: ClientLink, rules: Pick<TopicRules, 'maySubscribe'>): readonly string[] {
    if (this.#link !== link || this.#isOpen) return []
    const lost = this.narrow(rules)
    this.#isOpen = true
    this.#outgoing?.open(link)
    return lost
  }

  /** The outbox has room again. */
  pump(): void {
    this.#outgoing?.pump()
  }

  /** PUBACK, whatever it says: the flow is over. @returns false when its packet id is unknown. */
  acknowledged(packetId: number, _reason?: ReasonCode): boolean {
    return this.#outgoing?.acknowledged(packetId) ?? false
  }

  /**
   * PUBREC; the PUBREL follows by itself.
   * @returns false when its packet id is unknown: the answer is PUBREL with 0x92 (§4.3.3).
   */
  received(packetId: number, reason: ReasonCode): boolean {
    return this.#outgoing?.received(packetId, reason) ?? false
  }

  /** PUBCOMP. @returns false when its packet id is unknown. */
  completed(packetId: number): boolean {
    return this.#outgoing?.completed(packetId) ?? false
  }

  /**
   * A QoS 2 PUBLISH of the client; called before the message is published, in one turn with it, so
   * that both are one commit. PUBREC waits for the journal, for a repetition too.
   */
  take(packetId: number): Taken {
    this.#incoming ??= new IncomingIds(this.#home.journal, this.#life.kept?.id)
    return this.#incoming.take(packetId)
  }

  /**
   * PUBREL of the client, or PUBREC with a failure code from us: the packet id is free. PUBCOMP
   * waits for the journal: a message under the same id would be taken for a repetition.
   * @returns false when it was not taken: PUBCOMP says 0x92.
   */
  release(packetId: number): boolean {
    this.#incoming ??= new IncomingIds(this.#home.journal, this.#life.kept?.id)
    return this.#incoming.release(packetId)
  }

  /**
   * The connection of `link` is gone; does nothing when another has the session. It is kept for its
   * time or ends; its will is published now, later, or not.
   */
  detach(link: ClientLink, how: Detaching): void {
    if (this.#link !== link) return
    this.#link = undefined
    this.#isOpen = false
    this.#home.figures.connectedCount--
    this.#life.disconnected(how, this.#home.clock.nowMs())
    this.#outgoing?.close()
    this.#home.detached(this)
  }

  // What follows is for the registry of sessions alone.

  get link(): ClientLink | undefined {
    return this.#link
  }

  /** Reads back what a connection needs. @returns false when the store does not answer. */
  load(): Promise<boolean> | true {
    return this.#outgoing === undefined || !this.#outgoing.isLoadDue || this.#outgoing.load()
  }

  attach(link: ClientLink, connecting: Connecting): void {
    this.#link = link
    this.#life.connected(connecting)
    this.#home.figures.connectedCount++
    this.save()
  }

  /** Brings back what a start found. */
  restore(stored: StoredSessions['sessions'][number], nowMs: number): void {
    this.#life.restore(stored, nowMs)
    if (stored.takenPacketIds.length > 0) {
      this.#incoming = new IncomingIds(this.#home.journal, stored.id, stored.takenPacketIds)
    }
    if (stored.queuedCount + stored.sentCount > 0) {
      this.#outgoing = new Outgoing(this.#home, stored.id, stored)
    }
    const { topics, space } = this.#home
    for (const grant of stored.grants) {
      this.#grants = withGrant(this.#grants, grant)
      topics.subscribe(space, this, grant)
    }
  }

  /** @returns when it has to be looked at, epoch; undefined while it is connected. */
  dueAtMs(): number | undefined {
    return this.#isEnded ? undefined : this.#life.dueAtMs()
  }

  /** Whether its time is over, whoever has noticed. */
  isOver(nowMs: number): boolean {
    return (this.#life.endsAtMs() ?? nowMs + 1) <= nowMs
  }

  /** Publishes its will if its delay is over. */
  publishDueWill(): void {
    const will = this.#life.takeDueWill(this.#home.clock.nowMs())
    if (will === undefined) return
    this.#publish(will)
    this.save()
  }

  /** Nobody is to hear of it. */
  dropWill(): void {
    this.#life.takeWill()
  }

  /** The session is over: what of its will was not published is now [MQTT-3.1.3-9]. */
  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    const { topics, space, journal } = this.#home
    topics.removeSubscriber(space, this)
    if (this.#link !== undefined) this.#home.figures.connectedCount--
    this.#link = undefined
    this.#outgoing?.end()
    const will = this.#life.takeWill()
    if (will !== undefined) this.#publish(will)
    const sessionId = this.#life.kept?.id
    if (sessionId !== undefined) journal.add({ kind: 'session_removed', sessionId })
  }

  /** Writes what the store keeps of the session itself. */
  save(): void {
    const { kept, expirySeconds, disconnectedAtMs, will } = this.#life
    if (kept === undefined) return
    const { space, journal } = this.#home
    const who = { ...kept, appId: space.app.id, clientId: this.clientId, owner: this.owner }
    const session = { ...who, expirySeconds, disconnectedAtMs, will }
    journal.add({ kind: 'session_saved', session })
  }

  get #openLink(): ClientLink | undefined {
    return this.#isOpen ? this.#link : undefined
  }

  #makeOutgoing(): Outgoing {
    if (this.#outgoing !== undefined) return this.#outgoing
    this.#outgoing = new Outgoing(this.#home, this.#life.kept?.id)
    if (this.#openLink !== undefined) this.#outgoing.open(this.#openLink)
    return this.#outgoing
  }

  #publish(will: ClientWill): void {
    const { figures, clock } = this.#home
    figures.willCount++
    this.#home.publishWill(this, willMessage(will, clock.nowMs()))
  }
}
