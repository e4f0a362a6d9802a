/**
 * Frames of Hocuspocus: the name of a document, a type, a body, so that one socket carries several
 * documents. Contract WireSocket 7. Pure. Behind the name may stand NUL and a session id: answers
 * carry the same text, whole.
 */
import { ok, type Result, refuse } from '../result.ts'
import { type AwarenessItem, encodeAwareness } from './awareness.ts'
import { ByteReader, ByteWriter, utf8, varBytesLength, varUintLength } from './bytes.ts'
import {
  type DocumentMessage,
  readAwareness,
  readSync,
  SYNC,
  type SyncMessage,
} from './messages.ts'

export const HOCUSPOCUS = {
  sync: 0,
  awareness: 1,
  auth: 2,
  queryAwareness: 3,
  syncReply: 4,
  stateless: 5,
  broadcastStateless: 6,
  close: 7,
  syncStatus: 8,
  ping: 9,
  pong: 10,
} as const
/** Second number of an auth message. */
const AUTH = { token: 0, denied: 1, authenticated: 2 } as const

/** A name of 255, NUL, and a session id: ours. */
export const ADDRESS_BYTES_MAX = 400
/** As for tokens in headers. */
export const AUTH_TOKEN_BYTES_MAX = 8_192
const VERSION_BYTES_MAX = 64
/** Nobody reads them here, so the frame is their bound. */
const STATELESS_BYTES_MAX = Number.MAX_SAFE_INTEGER

export type AddressedBody =
  | DocumentMessage
  /** A sync message that asks for no answer. */
  | { readonly kind: 'sync_reply'; readonly message: SyncMessage }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'stateless' }
  | { readonly kind: 'close' }
  /** Of types that only servers send, or that came after this was written. */
  | { readonly kind: 'unknown' }

export type HocuspocusFrame =
  | { readonly kind: 'ping' | 'pong' }
  | {
      readonly kind: 'addressed'
      /** The name with all that stands behind it: what answers begin with. */
      readonly address: string
      /** Not yet checked to be a name. */
      readonly documentName: string
      readonly body: AddressedBody
    }

/** @param frame untrusted; its size is bounded by the transport. Updates are views of it. */
export function decodeHocuspocus(frame: Uint8Array): Result<HocuspocusFrame, 'frame_malformed'> {
  if (frame.length === 1) {
    if (frame[0] === HOCUSPOCUS.ping) return ok({ kind: 'ping' })
    return frame[0] === HOCUSPOCUS.pong ? ok({ kind: 'pong' }) : MALFORMED
  }
  const reader = new ByteReader(frame)
  const address = reader.varText(ADDRESS_BYTES_MAX)
  const type = reader.varUint()
  if (address === undefined || type === undefined) return MALFORMED
  const body = readBody(type, reader)
  if (!body.ok) return body
  const cut = address.indexOf('\0')
  const documentName = cut < 0 ? address : address.slice(0, cut)
  return ok({ kind: 'addressed', address, documentName, body: body.value })
}

function readBody(type: number, reader: ByteReader): Result<AddressedBody, 'frame_malformed'> {
  switch (type) {
    case HOCUSPOCUS.sync:
      return readSync(reader)
    case HOCUSPOCUS.syncReply: {
      const message = readSync(reader)
      return message.ok ? ok({ kind: 'sync_reply', message: message.value }) : message
    }
    case HOCUSPOCUS.awareness:
      return readAwareness(reader)
    case HOCUSPOCUS.auth:
      return readToken(reader)
    case HOCUSPOCUS.queryAwareness:
      return ok({ kind: 'query_awareness' })
    case HOCUSPOCUS.stateless:
    case HOCUSPOCUS.broadcastStateless: {
      const text = reader.varText(STATELESS_BYTES_MAX)
      return text === undefined ? MALFORMED : ok({ kind: 'stateless' })
    }
    case HOCUSPOCUS.close:
      return ok({ kind: 'close' })
    default:
      return ok({ kind: 'unknown' })
  }
}

/** The version of the client follows the token since 3.0; nothing depends on it. */
function readToken(reader: ByteReader): Result<AddressedBody, 'frame_malformed'> {
  if (reader.varUint() !== AUTH.token) return MALFORMED
  const token = reader.varText(AUTH_TOKEN_BYTES_MAX)
  if (token === undefined) return MALFORMED
  const isWhole = reader.isAtEnd || reader.varText(VERSION_BYTES_MAX) !== undefined
  return isWhole ? ok({ kind: 'token', token }) : MALFORMED
}

export const PONG_FRAME = Uint8Array.of(HOCUSPOCUS.pong)
/** Answered by clients since 4.8 with a pong; it counts as a message. */
export const PING_FRAME = Uint8Array.of(HOCUSPOCUS.ping)

/** Frames of one document on the way to those who address it by the same text. */
export class HocuspocusFrames {
  /** The address with its length. */
  readonly #opening: Uint8Array

  constructor(address: string) {
    const text = utf8(address)
    this.#opening = new ByteWriter(varBytesLength(text.length)).varBytes(text).bytes
  }

  step1(stateVector: Uint8Array): Uint8Array {
    return this.#sync(SYNC.step1, stateVector)
  }

  step2(update: Uint8Array): Uint8Array {
    return this.#sync(SYNC.step2, update)
  }

  update(update: Uint8Array): Uint8Array {
    return this.#sync(SYNC.update, update)
  }

  awareness(items: readonly AwarenessItem[]): Uint8Array {
    const body = encodeAwareness(items)
    const length = varBytesLength(body.length)
    return this.#open(HOCUSPOCUS.awareness, length).varBytes(body).bytes
  }

  authenticated(scope: 'read-write' | 'readonly'): Uint8Array {
    return this.#auth(AUTH.authenticated, scope)
  }

  denied(reason: string): Uint8Array {
    return this.#auth(AUTH.denied, reason)
  }

  close(reason: string): Uint8Array {
    const text = utf8(reason)
    return this.#open(HOCUSPOCUS.close, varBytesLength(text.length)).varBytes(text).bytes
  }

  /** @param status of one update: 1 applied, 0 refused. */
  syncStatus(status: 0 | 1): Uint8Array {
    return this.#open(HOCUSPOCUS.syncStatus, 1).varUint(status).bytes
  }

  #sync(type: number, body: Uint8Array): Uint8Array {
    const length = 1 + varBytesLength(body.length)
    return this.#open(HOCUSPOCUS.sync, length).varUint(type).varBytes(body).bytes
  }

  #auth(type: number, text: string): Uint8Array {
    const bytes = utf8(text)
    const length = 1 + varBytesLength(bytes.length)
    return this.#open(HOCUSPOCUS.auth, length).varUint(type).varBytes(bytes).bytes
  }

  #open(type: number, bodyLength: number): ByteWriter {
    const length = this.#opening.length + varUintLength(type) + bodyLength
    return new ByteWriter(length).raw(this.#opening).varUint(type)
  }
}

const MALFORMED = refuse('frame_malformed')
