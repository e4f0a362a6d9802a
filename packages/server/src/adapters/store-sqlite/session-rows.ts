/**
 * Messages and deliveries as columns of a session file, and back. Pure. Payloads travel to the
 * Worker and back as hexadecimal digits: what is said there is text.
 */
import type {
  StoredDelivery,
  StoredMessage,
  StoredSession,
  StoredWill,
} from '../../ports/session-store.ts'

/** A message as it is bound. */
export interface MessageColumns {
  /** JSON of everything but the payload. */
  readonly head: string
  /** Hexadecimal. */
  readonly payload: string
  /** Of topic and payload. */
  readonly bytes: number
}

export interface DeliveryColumns {
  readonly seq: number
  readonly qos: 1 | 2
  readonly retain: 0 | 1
  readonly subscription_ids: string
  readonly packet_id: number | null
  readonly is_received: 0 | 1
  readonly head: string | null
  readonly payload: string | null
}

export function columnsOf(message: StoredMessage): MessageColumns {
  const { payload, properties, ...rest } = message
  const { correlationData } = properties
  const written = correlationData === undefined ? {} : { correlationData: hexOf(correlationData) }
  return {
    head: JSON.stringify({ ...rest, properties: { ...properties, ...written } }),
    payload: hexOf(payload),
    bytes: Buffer.byteLength(message.topic) + payload.length,
  }
}

/** Only {@link columnsOf} writes such a head. Absent fields read as undefined. */
export function messageOf({ head, payload }: Omit<MessageColumns, 'bytes'>): StoredMessage {
  const read = JSON.parse(head) as Omit<StoredMessage, 'payload' | 'properties'> & {
    readonly properties: Omit<StoredMessage['properties'], 'correlationData'> & {
      readonly correlationData?: string
    }
  }
  const { correlationData, ...properties } = read.properties
  const own = correlationData === undefined ? {} : { correlationData: bytesOf(correlationData) }
  const { expiresAtMs } = read
  return { ...read, expiresAtMs, payload: bytesOf(payload), properties: { ...properties, ...own } }
}

export function deliveryOf(row: DeliveryColumns): StoredDelivery {
  const { seq, qos, head, payload } = row
  const isKept = head !== null && payload !== null
  return {
    seq,
    message: isKept ? messageOf({ head, payload }) : goneMessage(qos),
    qos,
    retain: row.retain === 1,
    subscriptionIds: JSON.parse(row.subscription_ids) as readonly number[],
    packetId: row.packet_id ?? undefined,
    isReceived: row.is_received === 1,
  }
}

/** JSON of a session, with the message of its will. */
export function sessionDocument(session: StoredSession): string {
  const { will } = session
  if (will === undefined) return JSON.stringify(session)
  return JSON.stringify({ ...session, will: { ...will, message: columnsOf(will.message) } })
}

/** Only {@link sessionDocument} writes this. */
export function sessionOf(document: string): StoredSession {
  const read = JSON.parse(document) as Omit<StoredSession, 'will'> & {
    readonly will?: Omit<StoredWill, 'message'> & { readonly message: MessageColumns }
  }
  const { will, disconnectedAtMs } = read
  const own = will && { ...will, message: messageOf(will.message) }
  return { ...read, disconnectedAtMs, will: own }
}

/** In the place of a message that is no longer kept. */
function goneMessage(qos: 1 | 2): StoredMessage {
  const payload = new Uint8Array(0)
  return { topic: '', payload, qos, retain: false, properties: {}, expiresAtMs: undefined }
}

function hexOf({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('hex')
}

function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}
