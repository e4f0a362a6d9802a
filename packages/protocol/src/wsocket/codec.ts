/**
 * Decodes what a wSocket client sends. Contract wSocket 2: one JSON object in a text frame, named
 * by its `action`; unknown fields are ignored, unknown actions refused. Pure and total: any text
 * gives a frame or a refusal, never an exception. Bounds are ours where the contract has none.
 */
import { isJsonObject, parseJsonObject } from '../bytes.ts'
import { CHANNEL_NAME_LENGTH_MAX } from './channel-name.ts'
import { memberText, namesMoreThan } from './json-text.ts'

/** One decoded frame; nothing in it is authorized, and no channel name is checked yet. */
export type ClientFrame =
  | { readonly action: 'subscribe'; readonly channel: string; readonly rewind: number | undefined }
  | { readonly action: 'unsubscribe'; readonly channel: string }
  | {
      readonly action: 'publish'
      readonly channel: string
      /** JSON text as it was written. */
      readonly data: string
      readonly id: string | undefined
      readonly isKept: boolean
    }
  | {
      readonly action: 'history'
      readonly channel: string
      readonly limit: number | undefined
      /** Epoch, both exclusive. */
      readonly beforeMs: number | undefined
      readonly afterMs: number | undefined
      readonly direction: 'forward' | 'backward'
    }
  | {
      readonly action: 'presence.enter' | 'presence.update'
      readonly channel: string
      /** JSON text of an object as it was written; undefined: none. */
      readonly data: string | undefined
    }
  | { readonly action: 'presence.leave' | 'presence.get'; readonly channel: string }
  | { readonly action: 'ping' }
  | { readonly action: 'resume'; readonly token: string }

export type FrameRefusal = 'json_invalid' | 'frame_invalid' | 'action_unknown'

export interface RefusedFrame {
  readonly ok: false
  readonly refusal: FrameRefusal
  /** What to send instead; public. */
  readonly detail: string
  /** What the client called it, where that can be read: it goes back with the error. */
  readonly channel: string | undefined
  readonly id: string | undefined
}

export type DecodedFrame = { readonly ok: true; readonly value: ClientFrame } | RefusedFrame

/** The contract's bounds on one frame. */
export const JSON_DEPTH_MAX = 32
export const JSON_KEY_COUNT_MAX = 1_000
/** Ours: SDKs send a UUID or `<ms>-<random>`. */
export const MESSAGE_ID_LENGTH_MAX = 128

type Members = Readonly<Record<string, unknown>>
type Decoder = (members: Members, text: string) => ClientFrame | string

/** @param text decoded UTF-8 of one message, its length already bounded by the transport. */
export function decodeClientFrame(text: string): DecodedFrame {
  const members = namesMoreThan(text, JSON_KEY_COUNT_MAX)
    ? undefined
    : parseJsonObject(text, JSON_DEPTH_MAX)
  if (members === undefined) return refused('json_invalid', 'Send one JSON object per message.', {})
  const { action } = members
  if (typeof action !== 'string') return refused('frame_invalid', 'Name the action.', members)
  const decode = DECODERS.get(action)
  if (decode === undefined) return refused('action_unknown', ACTIONS_TEXT, members)
  const decoded = decode(members, text)
  return typeof decoded === 'string'
    ? refused('frame_invalid', decoded, members)
    : { ok: true, value: decoded }
}

/** @returns of each action the frame, or what is wrong with it. */
const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['subscribe', decodeSubscribe],
  [
    'unsubscribe',
    (members) => onChannel(members, (channel) => ({ action: 'unsubscribe', channel })),
  ],
  ['publish', decodePublish],
  ['history', decodeHistory],
  ['presence.enter', decodeState('presence.enter')],
  ['presence.update', decodeState('presence.update')],
  [
    'presence.leave',
    (members) => onChannel(members, (channel) => ({ action: 'presence.leave', channel })),
  ],
  [
    'presence.get',
    (members) => onChannel(members, (channel) => ({ action: 'presence.get', channel })),
  ],
  ['ping', () => ({ action: 'ping' })],
  ['resume', decodeResume],
])

const ACTIONS_TEXT = `A client sends ${[...DECODERS.keys()].join(', ')}.`
const CHANNEL_TEXT = 'Name the channel as text.'

function onChannel(
  { channel }: Members,
  decode: (channel: string) => ClientFrame | string,
): ClientFrame | string {
  return isChannelText(channel) ? decode(channel) : CHANNEL_TEXT
}

function decodeSubscribe(members: Members): ClientFrame | string {
  const rewind = countIn(members['rewind'])
  if (rewind === 'invalid') return 'rewind is a whole number.'
  return onChannel(members, (channel) => ({ action: 'subscribe', channel, rewind }))
}

function decodePublish(members: Members, text: string): ClientFrame | string {
  const { id, persist } = members
  const messageId = id === null || id === '' ? undefined : id
  if (messageId !== undefined && !isId(messageId)) return 'id is text of 1 to 128 characters.'
  const isKept = persist ?? true
  if (typeof isKept !== 'boolean') return 'persist is true or false.'
  // Contract 2: absent is null.
  const data = memberText(text, 'data') ?? 'null'
  return onChannel(members, (channel) => ({
    action: 'publish',
    channel,
    data,
    id: messageId,
    isKept,
  }))
}

function decodeHistory(members: Members): ClientFrame | string {
  const limit = countIn(members['limit'])
  const beforeMs = countIn(members['before'])
  const afterMs = countIn(members['after'])
  if (limit === 'invalid' || beforeMs === 'invalid' || afterMs === 'invalid') {
    return 'limit, before and after are whole numbers.'
  }
  const direction = members['direction'] ?? 'backward'
  if (direction !== 'forward' && direction !== 'backward') {
    return 'direction is forward or backward.'
  }
  return onChannel(members, (channel) => {
    return { action: 'history', channel, limit, beforeMs, afterMs, direction }
  })
}

function decodeState(action: 'presence.enter' | 'presence.update'): Decoder {
  return (members, text) => {
    const given = members['data'] ?? undefined
    if (given !== undefined && !isJsonObject(given)) return 'data is an object.'
    const data = given === undefined ? undefined : memberText(text, 'data')
    return onChannel(members, (channel) => ({ action, channel, data }))
  }
}

/** Family A names it `resumeToken`, family B `token` (contract 6). */
function decodeResume({ resumeToken, token }: Members): ClientFrame | string {
  const given = resumeToken ?? token
  return typeof given === 'string'
    ? { action: 'resume', token: given }
    : 'resume takes a resumeToken, or a token, as text.'
}

/** @returns undefined for 0 and null, which SDKs send for what was not given. */
function countIn(value: unknown): number | undefined | 'invalid' {
  if (value === undefined || value === null || value === 0) return undefined
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : 'invalid'
}

/** Longer text is malformed here, so that a refusal never carries a long name back. */
function isChannelText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= CHANNEL_NAME_LENGTH_MAX * 2
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MESSAGE_ID_LENGTH_MAX
}

function refused(refusal: FrameRefusal, detail: string, { channel, id }: Members): RefusedFrame {
  return {
    ok: false,
    refusal,
    detail,
    channel: isChannelText(channel) ? channel : undefined,
    id: isId(id) ? id : undefined,
  }
}
