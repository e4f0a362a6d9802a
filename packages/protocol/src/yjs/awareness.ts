/**
 * Awareness: who is in a document, and where the cursors are. Contract WireSocket 6. States are
 * JSON text and stay it; that it is JSON is checked, because every client parses what others sent.
 * Pure; entries, bytes and depth of a message are bounded.
 */
import { nestsDeeperThan } from '../bytes.ts'
import { ok, type Result, refuse } from '../result.ts'
import { ByteReader, ByteWriter, utf8, varBytesLength, varUintLength } from './bytes.ts'

/** What one client of awareness says. */
export interface AwarenessItem {
  readonly clientId: number
  readonly clock: number
  /** JSON text; undefined: gone. */
  readonly state: string | undefined
}

/** Our bounds: a client announces itself, or all it knows of when it echoes. */
export const AWARENESS_ENTRY_COUNT_MAX = 1_000
export const AWARENESS_STATE_BYTES_MAX = 65_536
export const AWARENESS_DEPTH_MAX = 32

const GONE = 'null'

/** @param bytes what stands in a message of awareness, without its length. */
export function decodeAwareness(
  bytes: Uint8Array,
): Result<readonly AwarenessItem[], 'frame_malformed'> {
  const reader = new ByteReader(bytes)
  const count = reader.varUint()
  if (count === undefined || count > AWARENESS_ENTRY_COUNT_MAX) return MALFORMED
  const items: AwarenessItem[] = []
  for (let index = 0; index < count; index++) {
    const clientId = reader.varUint()
    const clock = reader.varUint()
    const text = reader.varText(AWARENESS_STATE_BYTES_MAX)
    if (clientId === undefined || clock === undefined || text === undefined) return MALFORMED
    if (!isJson(text)) return MALFORMED
    items.push({ clientId, clock, state: text === GONE ? undefined : text })
  }
  return reader.isAtEnd ? ok(items) : MALFORMED
}

/** @returns what stands in a message of awareness, without its length. */
export function encodeAwareness(items: readonly AwarenessItem[]): Uint8Array {
  const states = items.map(({ state }) => (state === undefined ? NULL : utf8(state)))
  let length = varUintLength(items.length)
  for (const [index, { clientId, clock }] of items.entries()) {
    const stateLength = varBytesLength(states[index]?.length ?? 0)
    length += varUintLength(clientId) + varUintLength(clock) + stateLength
  }
  const writer = new ByteWriter(length).varUint(items.length)
  for (const [index, { clientId, clock }] of items.entries()) {
    writer
      .varUint(clientId)
      .varUint(clock)
      .varBytes(states[index] ?? NULL)
  }
  return writer.bytes
}

const MALFORMED = refuse('frame_malformed')
const NULL = utf8(GONE)

function isJson(text: string): boolean {
  if (text === GONE) return true
  if (nestsDeeperThan(text, AWARENESS_DEPTH_MAX)) return false
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}
