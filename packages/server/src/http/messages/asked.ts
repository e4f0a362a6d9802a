/** What calls for channels with history ask for; each refusal names its field. Pure. */
import {
  JSON_DEPTH_MAX,
  JSON_KEY_COUNT_MAX,
  MESSAGE_ID_LENGTH_MAX,
} from '@lockgate/protocol/wsocket/codec'
import { memberText } from '@lockgate/protocol/wsocket/json-text'
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import { HISTORY_PAGE_COUNT_DEFAULT, HISTORY_PAGE_COUNT_MAX } from '../../core/messages/messages.ts'
import { isClientId } from '../../credentials/messages/shown-credentials.ts'
import { decodeUtf8, parseJsonBody } from '../json-body.ts'

type Read<T> = Result<T, 'request_malformed'>

export interface AskedPublish {
  /** JSON text, as it was written. */
  readonly data: string
  readonly id: string | undefined
  readonly isKept: boolean
  readonly clientId: string | undefined
}

export interface AskedHistory {
  readonly direction: 'forward' | 'backward'
  readonly beforeMs: number | undefined
  readonly afterMs: number | undefined
  readonly countMax: number
}

/** The envelope is one level more than a frame has. */
const JSON_BOUNDS = { depthMax: JSON_DEPTH_MAX, memberCountMax: JSON_KEY_COUNT_MAX }

export function readPublish(body: Uint8Array): Read<AskedPublish> {
  const parsed = parseJsonBody(body, JSON_BOUNDS)
  if (!parsed.ok) return parsed
  const { id, persist = true, clientId } = parsed.value
  const isId = typeof id === 'string' && id !== '' && id.length <= MESSAGE_ID_LENGTH_MAX
  if (id !== undefined && (!isId || !id.isWellFormed())) return malformed(ID_TEXT)
  if (typeof persist !== 'boolean') return malformed('persist is true or false.')
  if (clientId !== undefined && !isClientId(clientId)) return malformed('clientId is no client id.')
  const data = memberText(decodeUtf8(body) ?? '', 'data')
  if (data === undefined) return malformed('data is missing.')
  return ok({ data, id, isKept: persist, clientId })
}

/** @param query raw, without the `?`. */
export function readHistoryQuery(query: string): Read<AskedHistory> {
  const given = new URLSearchParams(query)
  const direction = given.get('direction') ?? 'backward'
  if (direction !== 'forward' && direction !== 'backward') return malformed(DIRECTION_TEXT)
  const countMax = readCount(given.get('limit')) ?? HISTORY_PAGE_COUNT_DEFAULT
  if (!(countMax >= 1 && countMax <= HISTORY_PAGE_COUNT_MAX)) return malformed(LIMIT_TEXT)
  const [beforeMs, afterMs] = [readCount(given.get('before')), readCount(given.get('after'))]
  if (Number.isNaN(beforeMs) || Number.isNaN(afterMs)) return malformed(TIME_TEXT)
  return ok({ direction, beforeMs, afterMs, countMax })
}

/** @returns NaN for what is no count; undefined where nothing was given. */
function readCount(text: string | null): number | undefined {
  if (text === null) return undefined
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
}

function malformed(detail: string) {
  return refuse('request_malformed' as const, detail)
}

const ID_TEXT = `id is a text of 1 to ${MESSAGE_ID_LENGTH_MAX} characters.`
const DIRECTION_TEXT = 'direction is forward or backward.'
const LIMIT_TEXT = `limit is 1 to ${HISTORY_PAGE_COUNT_MAX}.`
const TIME_TEXT = 'before and after are milliseconds since 1970.'
