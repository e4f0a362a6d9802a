/** Records for tests of the session store. */
import type {
  QueuedFor,
  SessionStore,
  SessionWrite,
  StoredDelivery,
  StoredGrant,
  StoredMessage,
  StoredSession,
} from '../../packages/server/src/ports/session-store.ts'

/** Quotes, separators, what SQL and JSON mean something by, and text beyond the first plane. */
export const HOSTILE = 'Größe "x" \u{1f600} \'; -- \\ %_ $[#] \u0001\u2028'

/** Of a session that has nothing, and of its queue. */
export const NOTHING = { grants: [], takenPacketIds: [] }
export const EMPTY_QUEUE = { queuedCount: 0, queuedBytes: 0, sentCount: 0, lastSeq: 0 }

export function messageOf(changes: Partial<StoredMessage> = {}): StoredMessage {
  return {
    topic: 'rooms/1/chat',
    payload: new TextEncoder().encode('hello'),
    qos: 1,
    retain: false,
    properties: {},
    expiresAtMs: undefined,
    ...changes,
  }
}

/** Every field given, and every byte there is. */
export const FULL_MESSAGE = messageOf({
  topic: HOSTILE,
  payload: Uint8Array.from({ length: 256 }, (_, byte) => byte),
  qos: 2,
  retain: true,
  properties: {
    payloadFormat: 1,
    contentType: HOSTILE,
    responseTopic: HOSTILE,
    correlationData: Uint8Array.of(0, 255, 39, 34),
    userProperties: [
      [HOSTILE, ''],
      ['a', HOSTILE],
    ],
  },
  expiresAtMs: 5_000,
})

/** @param bytes of the payload. */
export function messageOfBytes(bytes: number): StoredMessage {
  return messageOf({ payload: new Uint8Array(bytes).map((_, at) => at * 31) })
}

export function sessionOf(id: string, changes: Partial<StoredSession> = {}): StoredSession {
  return {
    id,
    appId: 'app-1',
    clientId: `client ${id}`,
    owner: 'owner',
    expirySeconds: 0xffff_ffff,
    createdAtMs: 1_000,
    disconnectedAtMs: undefined,
    will: undefined,
    ...changes,
  }
}

export function grantOf(filter: string, changes: Partial<StoredGrant> = {}): StoredGrant {
  const options = { noLocal: false, retainAsPublished: false, subscriptionId: undefined }
  return { filter, qos: 1, ...options, ...changes }
}

export function receiverOf(
  sessionId: string,
  seq: number,
  changes: Partial<QueuedFor> = {},
): QueuedFor {
  return { sessionId, seq, qos: 1, retain: false, subscriptionIds: [], ...changes }
}

export function saved(id: string, changes: Partial<StoredSession> = {}): SessionWrite {
  return { kind: 'session_saved', session: sessionOf(id, changes) }
}

export function queued(message: StoredMessage, ...receivers: QueuedFor[]): SessionWrite {
  return { kind: 'queued', message, receivers }
}

/** What a receiver's delivery looks like before it was sent. */
export function waitingOf(message: StoredMessage, receiver: QueuedFor): StoredDelivery {
  const { seq, qos, retain, subscriptionIds } = receiver
  const state = { packetId: undefined, isReceived: false }
  return { seq, message, qos, retain, subscriptionIds, ...state }
}

/** Everything that waits for one session, page by page. */
export async function listAll(
  sessions: SessionStore,
  sessionId: string,
  countMax = 1_000,
): Promise<readonly StoredDelivery[]> {
  const all: StoredDelivery[] = []
  for (;;) {
    const afterSeq = all.at(-1)?.seq ?? 0
    const page = await sessions.listQueued({ sessionId, afterSeq, countMax })
    if (page.length === 0) return all
    if (page.length > countMax) throw new Error('a page has more than was asked for')
    all.push(...page)
  }
}
