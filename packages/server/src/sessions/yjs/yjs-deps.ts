/** What connections of editors work with, and their bounds. */
import type { Documents } from '../../core/documents/documents.ts'
import type { Hub } from '../../core/hub.ts'
import type { Tally } from '../../core/tally.ts'
import type { RecordDenial } from '../../credentials/audit/denied-access.ts'
import type { DocumentDoor } from '../../credentials/documents/editor-identity.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Random } from '../../ports/random.ts'
import type { HocuspocusEncoders } from './document-frames.ts'
import type { ClientLimitsDeps } from '../client-limits.ts'

export interface YjsDeps extends ClientLimitsDeps {
  readonly hub: Hub
  readonly documents: Documents
  readonly door: DocumentDoor
  /** Paths below which documents are named, such as `/ws`. */
  readonly prefixes: readonly string[]
  readonly encoders: HocuspocusEncoders
  readonly tally: Tally
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly recordDenial: RecordDenial
}

/** Contract WireSocket 6. */
export const FRAME_BYTES_MAX = 5 * 1_024 * 1_024
/** How long a connection without a token waits for one (contract WireSocket 5.1). */
export const AUTH_MS_MAX = 10_000
/** What came before its document was open: an update and a vector, or a burst of them. */
export const WAITING_COUNT_MAX = 1_000
export const WAITING_BYTES_MAX = FRAME_BYTES_MAX
/** Documents on one socket. */
export const POOLED_COUNT_MAX = 100
/**
 * What costs more than it counts as an operation: a vector, a state of awareness for everybody, a
 * token. A connection is not read for the rest of a second in which it has had so many answered;
 * what was read already may be the burst of a network that stood still, but no more than that.
 */
export const SPENT_COUNT_MAX = 400
export const SPENT_COUNT_END = 4_000
/** Of awareness, that count as one. */
export const SPENT_CHARACTERS = 4_096
/** Tokens in a second, and refusals at all, of one socket: each document twice. */
export const TOKEN_COUNT_MAX = 2 * 100
export const REFUSED_COUNT_MAX = 2 * 100
/** All who are present may be megabytes. */
export const QUERY_MS_MIN = 1_000
/** Clients give up a connection that is silent for 30 s, and look only every 3 s. */
export const SILENCE_MS_MAX = 17_000
/** Who names a document and a token and says nothing is taken for y-websocket after this. */
export const FRAMING_MS_MAX = 1_000
