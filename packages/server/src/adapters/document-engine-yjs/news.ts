/** Finds updates that are plainly new: they begin where their clients are and lack nothing. */
import { type LiveDocument, type NewUpdate, RELAYED_DELETE_COUNT_MAX } from './live-document.ts'
import { shapeOfUpdate, type UpdateShape } from './update-shape.ts'

/** Ours: of updates that are applied in one go. */
const TOGETHER_COUNT_MAX = 64
export const TOGETHER_BYTES_MAX = 262_144

export interface NewsBounds {
  /** Of those that have written in the document, afterwards. */
  readonly clientCountMax: number
  /** Of all the updates. */
  readonly bytesMax: number
}

/** @returns those at the front of `updates`, each after the ones before it; maybe none. */
export function newsAtFront(
  updates: readonly Uint8Array[],
  live: LiveDocument,
  { clientCountMax, bytesMax }: NewsBounds,
): readonly NewUpdate[] {
  const ends = new Map<number, number>()
  const endOf = (client: number) => ends.get(client) ?? live.clock(client)
  const news: NewUpdate[] = []
  let byteCount = 0
  for (const update of updates) {
    byteCount += update.length
    if (news.length === TOGETHER_COUNT_MAX) break
    if (byteCount > Math.min(TOGETHER_BYTES_MAX, bytesMax)) break
    const shape = shapeOfUpdate(update)
    if (shape === undefined || !isNew(shape, endOf)) break
    if (live.clientCount(shape) + ends.size > clientCountMax) break
    for (const [client, end] of shape.ends) ends.set(client, end)
    news.push({ update, shape })
  }
  return news
}

/** @param endOf how far a client has come. */
function isNew(
  { starts, ends, needs, tickCount, deleteCount, hasSkip }: UpdateShape,
  endOf: (client: number) => number,
): boolean {
  // Deletions alone may all be known, which only Yjs can tell.
  if (tickCount === 0 || hasSkip || deleteCount > RELAYED_DELETE_COUNT_MAX) return false
  for (const [client, start] of starts) if (start !== endOf(client)) return false
  for (const [client, end] of needs) if (end > (ends.get(client) ?? endOf(client))) return false
  return true
}
