/**
 * The QoS 1 and 2 flows from the server to one client: each step from the first PUBLISH to PUBACK
 * or PUBCOMP (MQTT 5 §4.3, §4.4, §4.6, §4.9). Where the session is kept every step is written: the
 * packet id of QoS 2 is durable before its PUBLISH leaves, and PUBREC before PUBREL, so that after
 * `kill -9` no message is taken for another. QoS 1 may leave first: it may come twice.
 */
import { FAILURE_FROM, type ReasonCode } from '@lockgate/protocol/mqtt/reason-codes'
import type { TopicDelivery } from '../../../core/topics/topic-subscriber.ts'
import type { ClientLink, Sending } from './client-link.ts'
import { type InFlight, InFlightWindow } from './in-flight-window.ts'
import { expirySecondsOf, readInFlight } from './queue-pages.ts'
import type { SessionHome } from './session-home.ts'

/** Our bound, whatever the client's receive maximum: each of them is kept in memory. */
export const IN_FLIGHT_COUNT_MAX = 1_024
/** The same in bytes; a single larger message goes all the same. */
export const IN_FLIGHT_BYTES_MAX = 4 * 1024 * 1024

const FIRST: Sending = { isDuplicate: false, expirySeconds: undefined }
const AGAIN: Sending = { isDuplicate: true, expirySeconds: undefined }

/** Whether its client may (still) have a message of this topic. */
export type MayReceive = (topic: string, qos: 1 | 2) => boolean

export class OutgoingFlows {
  readonly #home: SessionHome
  /** Undefined: it ends with its connection, and nothing of it is written. */
  readonly #sessionId: string | undefined
  readonly #window = new InFlightWindow()
  /** Set from `open` to `close`. */
  #link: ClientLink | undefined
  /** Publishes of an earlier connection that are due again, in their order [MQTT-4.6.0-1]. */
  #again: InFlight[] = []
  /** In the order in which their writes become durable. */
  #held: InFlight[] = []
  #isReleaseDue = false
  /** Of those in the store alone. */
  #storedCount: number
  readonly #pump: () => void

  /** @param parts `pump` calls `sendDue`, and then sends what has a place. */
  constructor(
    home: SessionHome,
    sessionId: string | undefined,
    parts: { readonly storedCount: number; readonly pump: () => void },
  ) {
    this.#home = home
    this.#sessionId = sessionId
    this.#storedCount = parts.storedCount
    this.#pump = parts.pump
  }

  get link(): ClientLink | undefined {
    return this.#link
  }

  get count(): number {
    return this.#window.size + this.#storedCount
  }

  /** Whether some are in the store alone. */
  get isLoadDue(): boolean {
    return this.#storedCount > 0
  }

  /** Whether a new message may be sent now: what is due again goes first. */
  hasPlaceFor(bytes: number): boolean {
    const link = this.#link
    if (link === undefined || this.#again.length > 0) return false
    if (this.#window.usedCount >= link.receiveMaximum) return false
    if (this.#window.size >= IN_FLIGHT_COUNT_MAX) return false
    const bytesMax = Math.min(IN_FLIGHT_BYTES_MAX, this.#home.settings.queueBytesMax)
    const isLight = this.#window.bytes + bytes <= bytesMax
    return link.hasRoom && (isLight || this.#window.size === 0)
  }

  /** @returns false when the store does not answer. */
  async load(): Promise<boolean> {
    const sessionId = this.#sessionId
    if (sessionId === undefined) return true
    const sent = await readInFlight(this.#home, { sessionId, count: this.#storedCount })
    if (sent === undefined) return false
    for (const entry of sent) this.#window.add(entry)
    this.#home.figures.inFlightCount += this.#window.size
    this.#storedCount = 0
    return true
  }

  /** What did not go out on this connection yet goes only where `mayReceive` says so. */
  restrict(mayReceive: MayReceive): void {
    for (const entry of [...this.#window.entries()]) {
      const { delivery, phase, qos } = entry
      if (delivery === undefined || (phase !== 'again' && phase !== 'held')) continue
      if (mayReceive(delivery.message.topic, qos)) continue
      this.#home.figures.dropped('not_allowed')
      // Its client may hold the packet id already: only PUBREL frees it for another message.
      if (phase === 'again' && qos === 2) this.#toRelease(entry)
      else this.#finish(entry)
    }
  }

  open(link: ClientLink): void {
    this.#link = link
    const entries = [...this.#window.entries()]
    this.#again = entries.filter(({ phase }) => phase === 'again')
    this.#held = entries.filter(({ phase }) => phase === 'received')
    this.sendDue()
    if (this.#held.length > 0) this.#releaseWhenDurable()
  }

  /** Sends what is durable now, and again what is due again. */
  sendDue(): void {
    this.#releaseHeld()
    while (this.#mayRepeat()) {
      const entry = this.#again.shift()
      if (entry === undefined) return
      // It may have been acknowledged before it was its turn.
      if (entry.phase !== 'again' || this.#window.find(entry.packetId) !== entry) continue
      this.#window.count(entry)
      entry.phase = 'sent'
      this.#transmit(entry, AGAIN)
    }
  }

  /** Begins a flow; only where there is a place for it. */
  send(
    delivery: TopicDelivery,
    qos: 1 | 2,
    { seq, bytes }: { readonly seq: number; readonly bytes: number },
  ): void {
    const { journal, figures } = this.#home
    const sessionId = this.#sessionId
    const isHeld = qos === 2 && sessionId !== undefined
    const entry: InFlight = {
      packetId: this.#window.freePacketId(),
      seq,
      qos,
      bytes,
      delivery,
      phase: isHeld ? 'held' : 'sent',
      batchNumber: journal.batchNumber,
      isCounted: true,
    }
    this.#window.add(entry)
    figures.inFlightCount++
    const { packetId } = entry
    if (sessionId !== undefined) journal.add({ kind: 'sent', sessionId, seq, packetId })
    if (isHeld) this.#hold(entry)
    else this.#transmit(entry, FIRST)
  }

  /** PUBACK. @returns false when no such flow is open. */
  acknowledged(packetId: number): boolean {
    const entry = this.#window.find(packetId)
    if (entry?.qos !== 1) return false
    this.#finish(entry)
    return true
  }

  /** PUBREC (§4.3.3). @returns false when no such flow is open. */
  received(packetId: number, reason: ReasonCode): boolean {
    const entry = this.#window.find(packetId)
    if (entry?.qos !== 2 || entry.phase === 'held') return false
    // A failure ends the flow, and the packet id is free again (§4.4).
    if (reason >= FAILURE_FROM) this.#finish(entry)
    else if (entry.phase === 'released') this.#link?.sendPubrel(packetId)
    else if (entry.phase !== 'received') {
      this.#toRelease(entry)
      this.#releaseHeld()
    }
    return true
  }

  /** PUBCOMP. @returns false when no such flow is open. */
  completed(packetId: number): boolean {
    const entry = this.#window.find(packetId)
    if (entry?.phase !== 'released') return false
    this.#finish(entry)
    return true
  }

  /** The connection is gone: what the store has leaves memory. */
  close(): void {
    this.#link = undefined
    this.#again = []
    this.#held = []
    this.#storedCount += this.#window.size
    this.#home.figures.inFlightCount -= this.#window.size
    this.#window.clear()
  }

  #mayRepeat(): boolean {
    const link = this.#link
    return link?.hasRoom === true && this.#window.usedCount < link.receiveMaximum
  }

  #transmit(entry: InFlight, sending: Sending): void {
    const { delivery, packetId } = entry
    if (delivery === undefined || this.#link === undefined) return
    const expirySeconds = expirySecondsOf(delivery.message, this.#home.clock)
    const how = expirySeconds === undefined ? sending : { ...sending, expirySeconds }
    if (this.#link.sendPublish(delivery, packetId, how)) return
    // As if it had been sent and acknowledged [MQTT-3.1.2-25].
    this.#home.figures.dropped('packet_large')
    this.#finish(entry)
  }

  /** PUBREC is written; PUBREL follows once that is durable. */
  #toRelease(entry: InFlight): void {
    const { journal } = this.#home
    this.#window.forgetMessage(entry)
    entry.phase = 'received'
    entry.batchNumber = journal.batchNumber
    const sessionId = this.#sessionId
    if (sessionId !== undefined) journal.add({ kind: 'received', sessionId, seq: entry.seq })
    this.#hold(entry)
  }

  #hold(entry: InFlight): void {
    this.#held.push(entry)
    this.#releaseWhenDurable()
  }

  #releaseWhenDurable(): void {
    if (this.#isReleaseDue || this.#sessionId === undefined) return
    this.#isReleaseDue = true
    this.#home.journal.whenDurable(() => {
      this.#isReleaseDue = false
      this.#pump()
      if (this.#held.length > 0 && this.#link !== undefined) this.#releaseWhenDurable()
    })
  }

  #releaseHeld(): void {
    for (let entry = this.#held[0]; entry !== undefined; entry = this.#held[0]) {
      if (this.#link === undefined || !this.#isWritten(entry)) return
      this.#held.shift()
      if (this.#window.find(entry.packetId) !== entry) continue
      if (entry.phase === 'held') {
        entry.phase = 'sent'
        this.#transmit(entry, FIRST)
      } else if (entry.phase === 'received') {
        entry.phase = 'released'
        this.#link.sendPubrel(entry.packetId)
      }
    }
  }

  #isWritten({ batchNumber }: InFlight): boolean {
    return this.#sessionId === undefined || this.#home.journal.isDurable(batchNumber)
  }

  #finish(entry: InFlight): void {
    this.#window.remove(entry)
    this.#home.figures.inFlightCount--
    const sessionId = this.#sessionId
    if (sessionId === undefined) return
    this.#home.journal.add({ kind: 'done', sessionId, seq: entry.seq })
  }
}
