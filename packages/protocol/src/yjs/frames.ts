/**
 * Frames of y-websocket: messages one after the other, the type first. Contract WireSocket 6. Pure.
 * Clients send one message in a frame, and read one; several are taken.
 */
import { ok, type Result, refuse } from '../result.ts'
import { type AwarenessItem, encodeAwareness } from './awareness.ts'
import { ByteReader, ByteWriter, utf8, varBytesLength } from './bytes.ts'
import { type DocumentMessage, MESSAGE, readAwareness, readSync, SYNC } from './messages.ts'

/** Our bound on messages in one frame. */
export const FRAME_MESSAGE_COUNT_MAX = 100
/** Of a reason: no client sends one, and none is shown longer. */
const REASON_BYTES_MAX = 1_024

/**
 * @param frame untrusted; its size is bounded by the transport. Messages are views of it.
 * @returns `frame_malformed` for what breaks off, announces more than is there, or has a type that
 * nobody can read past.
 */
export function decodeFrame(
  frame: Uint8Array,
): Result<readonly DocumentMessage[], 'frame_malformed'> {
  const reader = new ByteReader(frame)
  const messages: DocumentMessage[] = []
  for (let count = 0; count < FRAME_MESSAGE_COUNT_MAX; count++) {
    const read = readMessage(reader)
    if (!read.ok) return read
    if (read.value !== 'passed_over') messages.push(read.value)
    if (reader.isAtEnd) return ok(messages)
  }
  return MALFORMED
}

/** Whether the first frame of a connection is one of y-websocket: names have a length. */
export function isPlainFrame(frame: Uint8Array): boolean {
  return frame[0] === MESSAGE.sync
}

export function step1Frame(stateVector: Uint8Array): Uint8Array {
  return syncFrame(SYNC.step1, stateVector)
}

export function step2Frame(update: Uint8Array): Uint8Array {
  return syncFrame(SYNC.step2, update)
}

export function updateFrame(update: Uint8Array): Uint8Array {
  return syncFrame(SYNC.update, update)
}

export function awarenessFrame(items: readonly AwarenessItem[]): Uint8Array {
  const body = encodeAwareness(items)
  return new ByteWriter(1 + varBytesLength(body.length)).varUint(MESSAGE.awareness).varBytes(body)
    .bytes
}

/** The client logs it and does nothing else. */
export function deniedFrame(reason: string): Uint8Array {
  const text = utf8(reason)
  return new ByteWriter(2 + varBytesLength(text.length))
    .varUint(MESSAGE.auth)
    .varUint(0)
    .varBytes(text).bytes
}

/** Says nothing, but something: clients give up a connection that is silent for 30 s. */
export const SIGN_OF_LIFE = awarenessFrame([])

function syncFrame(type: number, body: Uint8Array): Uint8Array {
  return new ByteWriter(2 + varBytesLength(body.length))
    .varUint(MESSAGE.sync)
    .varUint(type)
    .varBytes(body).bytes
}

function readMessage(
  reader: ByteReader,
): Result<DocumentMessage | 'passed_over', 'frame_malformed'> {
  switch (reader.varUint()) {
    case MESSAGE.sync:
      return readSync(reader)
    case MESSAGE.awareness:
      return readAwareness(reader)
    case MESSAGE.auth: {
      const type = reader.varUint()
      const reason = reader.varText(REASON_BYTES_MAX)
      return type === 0 && reason !== undefined ? PASSED_OVER : MALFORMED
    }
    case MESSAGE.queryAwareness:
      return ok({ kind: 'query_awareness' })
    default:
      return MALFORMED
  }
}

const MALFORMED = refuse('frame_malformed')
const PASSED_OVER = ok('passed_over' as const)
