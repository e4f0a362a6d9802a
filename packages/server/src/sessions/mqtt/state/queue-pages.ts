/** Reading the queue of one session from the store: in pages, an outage as undefined. */
import type { TopicMessage } from '../../../core/topics/topic-message.ts'
import type { TopicDelivery } from '../../../core/topics/topic-subscriber.ts'
import type { Clock } from '../../../ports/clock.ts'
import { Outage } from '../../../ports/outage.ts'
import type { StoredDelivery } from '../../../ports/session-store.ts'
import type { InFlight } from './in-flight-window.ts'
import { messageBytes } from './message-size.ts'
import type { SessionHome } from './session-home.ts'
import { MEMORY_COUNT_MAX } from './waiting-messages.ts'

/** Messages of one page. */
const QUEUE_PAGE_COUNT = MEMORY_COUNT_MAX

export interface PagedDelivery {
  readonly seq: number
  readonly delivery: TopicDelivery
  readonly bytes: number
}

/** Whether its message expiry is over [MQTT-3.3.2-5]. */
export function isExpired({ expiresAtMs }: TopicMessage, clock: Clock): boolean {
  return expiresAtMs !== undefined && expiresAtMs <= clock.nowMs()
}

/** @returns what is left of its life [MQTT-3.3.2-6], in whole seconds, upwards. */
export function expirySecondsOf({ expiresAtMs }: TopicMessage, clock: Clock): number | undefined {
  if (expiresAtMs === undefined) return undefined
  return Math.max(0, Math.ceil((expiresAtMs - clock.nowMs()) / 1_000))
}

type Ports = Pick<SessionHome, 'journal' | 'store'>

/** @returns what waits after `afterSeq`; undefined when the store does not answer. */
export async function readPage(
  ports: Ports,
  sessionId: string,
  afterSeq: number,
): Promise<readonly PagedDelivery[] | undefined> {
  const page = await read(ports, sessionId, afterSeq)
  return page?.map((stored) => ({ seq: stored.seq, ...deliveryOf(stored) }))
}

/**
 * @returns all that was sent and is not done, in order; undefined: the store does not answer.
 */
export async function readInFlight(
  ports: Ports,
  { sessionId, count }: { readonly sessionId: string; readonly count: number },
): Promise<readonly InFlight[] | undefined> {
  const sent: InFlight[] = []
  for (let afterSeq = 0; sent.length < count; ) {
    const page = await read(ports, sessionId, afterSeq)
    if (page === undefined) return undefined
    for (const stored of page) {
      // Messages are sent in order: behind the first that was not, none was.
      if (stored.packetId === undefined) return sent
      sent.push(inFlightOf(stored, stored.packetId))
    }
    // A page may be shorter than was asked for; an empty one is the end.
    const last = page.at(-1)
    if (last === undefined) return sent
    afterSeq = last.seq
  }
  return sent
}

/** Writes of this session that wait would not be seen: they are waited for first. */
async function read(
  { journal, store }: Ports,
  sessionId: string,
  afterSeq: number,
): Promise<readonly StoredDelivery[] | undefined> {
  if (journal.isDegraded || !(await journal.settled())) return undefined
  try {
    return await store.listQueued({ sessionId, afterSeq, countMax: QUEUE_PAGE_COUNT })
  } catch (error) {
    if (error instanceof Outage) return undefined
    throw error
  }
}

function deliveryOf(stored: StoredDelivery): { delivery: TopicDelivery; bytes: number } {
  const { qos, retain, subscriptionIds } = stored
  // Who published is of no use any more: No Local was decided when it was delivered.
  const message: TopicMessage = { ...stored.message, publisherId: undefined }
  return { delivery: { message, qos, retain, subscriptionIds }, bytes: messageBytes(message) }
}

function inFlightOf(stored: StoredDelivery, packetId: number): InFlight {
  const { seq, qos, isReceived } = stored
  const { delivery, bytes } = deliveryOf(stored)
  return {
    packetId,
    seq,
    qos,
    bytes,
    delivery: isReceived ? undefined : delivery,
    phase: isReceived ? 'received' : 'again',
    batchNumber: 0,
    isCounted: false,
  }
}
