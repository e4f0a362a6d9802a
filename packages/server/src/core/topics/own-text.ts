/** Copies of text that is cut out of longer text. Pure. */

/** Below, what a cut keeps alive is not worth a copy. */
const SHARED_LENGTH_MAX = 256

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * A piece of text keeps all of the text it was cut out of in memory, for as long as it lives: a
 * filter of 64 KiB that has gone, for one letter of it.
 * @param whole well formed, as the codec makes sure.
 * @returns the same as `piece`, on its own where it matters.
 */
export function ownText(piece: string, whole: string): string {
  if (whole.length <= SHARED_LENGTH_MAX) return piece
  return decoder.decode(encoder.encode(piece))
}
