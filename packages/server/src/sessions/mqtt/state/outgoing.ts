/**
 * The QoS 1 and 2 messages from the server to one client: those that wait, in order, behind those
 * in flight. Made with the first such message. The queue of a kept session is in the store; memory
 * has its beginning while there is a connection. Bounded in count and bytes; what is in flight is
 * never dropped.
 */
import type { ReasonCode } from '@lockgate/protocol/mqtt/reason-codes'
import type { TopicDelivery } from '../../../core/topics/topic-subscriber.ts'
import type { ClientLink } from './client-link.ts'
import { messageBytes } from './message-size.ts'
import { type MayReceive, OutgoingFlows } from './outgoing-flows.ts'
import { isExpired, readPage } from './queue-pages.ts'
import type { DropReason } from './session-figures.ts'
import type { SessionHome } from './session-home.ts'
import { type Waiting, WaitingMessages } from './waiting-messages.ts'

const NOTHING_STORED = { queuedCount: 0, queuedBytes: 0, sentCount: 0, lastSeq: 0 }

export class Outgoing {
  readonly #home: SessionHome
  /** Undefined: it ends with its connection, and nothing of it is written. */
  readonly #sessionId: string | undefined
  readonly #flows: OutgoingFlows
  readonly #waiting: WaitingMessages
  #isReading = false
  /** Holds for seqs up to `#checkedSeq`: those that came under other rules. */
  #mayReceive: MayReceive | undefined
  #checkedSeq = 0

  /** @param stored what a start found of it. */
  constructor(home: SessionHome, sessionId: string | undefined, stored = NOTHING_STORED) {
    this.#home = home
    this.#sessionId = sessionId
    const pump = () => this.pump()
    this.#flows = new OutgoingFlows(home, sessionId, { storedCount: stored.sentCount, pump })
    this.#waiting = new WaitingMessages(stored.lastSeq - stored.queuedCount + 1)
    this.#waiting.restore(stored.queuedCount, stored.queuedBytes)
    this.#count(stored.queuedCount, this.#waiting.bytes)
  }

  /** Whether the next message would be sent at once. */
  get isReady(): boolean {
    return this.#waiting.count === 0 && this.#flows.hasPlaceFor(0)
  }

  get isLoadDue(): boolean {
    return this.#flows.isLoadDue
  }

  get waitingCount(): number {
    return this.#waiting.count
  }

  get inFlightCount(): number {
    return this.#flows.count
  }

  deliver(delivery: TopicDelivery, qos: 1 | 2): void {
    const { journal, figures } = this.#home
    if (this.#sessionId !== undefined && !journal.isAccepting) {
      journal.refused()
      figures.dropped('store')
      return
    }
    const bytes = messageBytes(delivery.message)
    if (this.#waiting.count === 0 && this.#flows.hasPlaceFor(bytes)) {
      const seq = this.#waiting.pass()
      this.#queued(delivery, qos, seq)
      this.#flows.send(delivery, qos, { seq, bytes })
      return
    }
    if (!this.#makeRoomFor(bytes)) return
    const isKept = this.#sessionId === undefined || this.#isKeptInMemory(bytes)
    const seq = this.#waiting.add(isKept ? delivery : undefined, bytes)
    this.#count(1, bytes)
    this.#queued(delivery, qos, seq)
  }

  /**
   * Reads what is in flight back, before the client is told that its session is there.
   * @returns false when the store does not answer.
   */
  load(): Promise<boolean> {
    return this.#flows.load()
  }

  /** What was queued until now is sent only where `mayReceive` still says so. */
  restrict(mayReceive: MayReceive): void {
    this.#mayReceive = mayReceive
    this.#checkedSeq = this.#waiting.headSeq + this.#waiting.count - 1
    this.#flows.restrict(mayReceive)
  }

  /** The client is told that it is connected: sends what is due again, then what waits. */
  open(link: ClientLink): void {
    this.#flows.open(link)
    this.pump()
  }

  /** Sends as much as the client and its outbox take. */
  pump(): void {
    this.#flows.sendDue()
    if (this.#flows.link === undefined) return
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      const why = this.#whyNot(next)
      if (why === undefined && !this.#flows.hasPlaceFor(messageBytes(next.message))) return
      const taken = this.#shift()
      if (why === undefined) this.#flows.send(next, next.qos === 2 ? 2 : 1, taken)
      else this.#drop(taken.seq, why)
    }
    if (this.#waiting.isNextStored) void this.#read()
  }

  /** PUBACK. @returns false when no such flow is open. */
  acknowledged(packetId: number): boolean {
    const isKnown = this.#flows.acknowledged(packetId)
    if (isKnown) this.pump()
    return isKnown
  }

  /** PUBREC. @returns false when no such flow is open: the answer is 0x92. */
  received(packetId: number, reason: ReasonCode): boolean {
    const isKnown = this.#flows.received(packetId, reason)
    if (isKnown) this.pump()
    return isKnown
  }

  /** PUBCOMP. @returns false when no such flow is open. */
  completed(packetId: number): boolean {
    const isKnown = this.#flows.completed(packetId)
    if (isKnown) this.pump()
    return isKnown
  }

  /** The connection is gone. */
  close(): void {
    this.#flows.close()
    this.#waiting.unload()
  }

  /** The session is over. */
  end(): void {
    this.#flows.close()
    const { figures } = this.#home
    this.#count(-this.#waiting.count, -this.#waiting.bytes)
    figures.dropped('session_ended', this.#waiting.count + this.#flows.count)
  }

  #isKeptInMemory(bytes: number): boolean {
    return this.#flows.link !== undefined && this.#waiting.hasMemoryFor(bytes)
  }

  /**
   * Room is made in this queue alone: nobody loses a message for one that waits for somebody else.
   * @returns false when it is the new message that goes.
   */
  #makeRoomFor(bytes: number): boolean {
    const { settings, figures } = this.#home
    const { queueBytesMax, queueDrops } = settings
    while (this.#isFull(bytes)) {
      if (queueDrops === 'newest' || this.#waiting.count === 0 || bytes > queueBytesMax) {
        figures.dropped('queue_full')
        return false
      }
      this.#drop(this.#shift().seq, 'queue_full')
    }
    return true
  }

  /** Whether there is no room for so much more: in this queue, in those of the app, in memory. */
  #isFull(bytes: number): boolean {
    const { settings, figures, queues } = this.#home
    const { queueCountMax, queueBytesMax, appQueueBytesMax, memoryQueueBytesMax } = settings
    if (this.#waiting.count >= queueCountMax) return true
    if (this.#waiting.bytes + bytes > queueBytesMax) return true
    if (queues.bytes + bytes > appQueueBytesMax) return true
    return this.#sessionId === undefined && figures.memoryQueuedBytes + bytes > memoryQueueBytesMax
  }

  #count(messages: number, bytes: number): void {
    const { figures, queues } = this.#home
    figures.queuedCount += messages
    figures.queuedBytes += bytes
    queues.bytes += bytes
    if (this.#sessionId === undefined) figures.memoryQueuedBytes += bytes
  }

  /** Why the next message that waits is not to be sent. */
  #whyNot({ message, qos }: TopicDelivery): DropReason | undefined {
    if (isExpired(message, this.#home.clock)) return 'expired'
    const mayReceive = this.#waiting.headSeq <= this.#checkedSeq ? this.#mayReceive : undefined
    return mayReceive?.(message.topic, qos === 2 ? 2 : 1) === false ? 'not_allowed' : undefined
  }

  #drop(seq: number, why: DropReason): void {
    this.#home.figures.dropped(why)
    const sessionId = this.#sessionId
    if (sessionId !== undefined) this.#home.journal.add({ kind: 'done', sessionId, seq })
  }

  #queued({ message, retain, subscriptionIds }: TopicDelivery, qos: 1 | 2, seq: number): void {
    const sessionId = this.#sessionId
    if (sessionId === undefined) return
    this.#home.journal.addQueued(message, { sessionId, seq, qos, retain, subscriptionIds })
  }

  #shift(): Waiting {
    const first = this.#waiting.shift()
    if (first === undefined) throw new Error('nothing waits')
    this.#count(-1, -first.bytes)
    return first
  }

  /** One page of what is in the store alone; new messages keep their order behind it. */
  async #read(): Promise<void> {
    const sessionId = this.#sessionId
    if (this.#isReading || sessionId === undefined) return
    this.#isReading = true
    const lastSeq = this.#waiting.headSeq + this.#waiting.count - 1
    const page = await readPage(this.#home, sessionId, this.#waiting.headSeq - 1)
    this.#isReading = false
    if (this.#flows.link === undefined) return
    if (page === undefined) {
      this.#home.stalled.add(this)
      return
    }
    // What the store does not have any more is not waited for.
    const firstSeq = Math.min(page[0]?.seq ?? Number.POSITIVE_INFINITY, lastSeq + 1)
    while (this.#waiting.isNextStored && this.#waiting.headSeq < firstSeq) this.#shift()
    const bytesBefore = this.#waiting.bytes
    for (const { seq, delivery, bytes } of page) this.#waiting.load(seq, delivery, bytes)
    this.#count(0, this.#waiting.bytes - bytesBefore)
    this.pump()
  }
}
