/**
 * What stands in a message of documents after its type, alike in both framings: sync and awareness.
 * Contract WireSocket 6. Pure; updates and vectors are views of the frame, and nobody looks into
 * them here.
 */
import { ok, type Result, refuse } from '../result.ts'
import { type AwarenessItem, decodeAwareness } from './awareness.ts'
import type { ByteReader } from './bytes.ts'

/** First number of a message. */
export const MESSAGE = { sync: 0, awareness: 1, auth: 2, queryAwareness: 3 } as const
/** Second number of a sync message. */
export const SYNC = { step1: 0, step2: 1, update: 2 } as const

export type SyncMessage =
  | { readonly kind: 'step1'; readonly stateVector: Uint8Array }
  /** What a peer lacked, or news: the two differ in nothing but when they come. */
  | { readonly kind: 'step2' | 'update'; readonly update: Uint8Array }

export type DocumentMessage =
  | SyncMessage
  | { readonly kind: 'awareness'; readonly items: readonly AwarenessItem[] }
  | { readonly kind: 'query_awareness' }

export function readSync(reader: ByteReader): Result<SyncMessage, 'frame_malformed'> {
  const type = reader.varUint()
  const body = reader.varBytes()
  if (body === undefined) return MALFORMED
  switch (type) {
    case SYNC.step1:
      return ok({ kind: 'step1', stateVector: body })
    case SYNC.step2:
      return ok({ kind: 'step2', update: body })
    case SYNC.update:
      return ok({ kind: 'update', update: body })
    default:
      return MALFORMED
  }
}

export function readAwareness(
  reader: ByteReader,
): Result<Extract<DocumentMessage, { kind: 'awareness' }>, 'frame_malformed'> {
  const body = reader.varBytes()
  const items = body === undefined ? MALFORMED : decodeAwareness(body)
  return items.ok ? ok({ kind: 'awareness', items: items.value }) : items
}

/** Whether an update (v1) says nothing: no structs and no deletions. */
export function isEmptyUpdate(update: Uint8Array): boolean {
  return update.length === 2 && update[0] === 0 && update[1] === 0
}

const MALFORMED = refuse('frame_malformed')
