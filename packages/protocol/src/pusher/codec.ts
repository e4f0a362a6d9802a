/**
 * Decodes what a Pusher client sends. Contract parts 1A.5, 1B.3, 1D and 1E.
 * Pure and total: any text gives a frame or a refusal, never an exception. Bounds are ours.
 */
import { isJsonObject, parseJsonObject } from '../bytes.ts'
import { ok, refuse, type Result } from '../result.ts'
import { CHANNEL_NAME_LENGTH_MAX } from './channel-name.ts'
import type { ClientFrame } from './frames.ts'

/**
 * Our bound on nesting: deeper JSON is of no use to a client and costs a recursive writer its
 * stack.
 */
export const JSON_DEPTH_MAX = 32

/** Pusher's bound. */
export const EVENT_NAME_LENGTH_MAX = 200

/**
 * `frame_malformed`: not one JSON object of the protocol's shape. `event_unknown`: well formed, but
 * no event a client may send. `event_reserved`: a name that only the server may use.
 */
export type FrameRefusal = 'frame_malformed' | 'event_unknown' | 'event_reserved'

/** @param text decoded UTF-8 of one message, its length already bounded by the transport. */
export function decodeClientFrame(text: string): Result<ClientFrame, FrameRefusal> {
  const frame = parseJsonObject(text, JSON_DEPTH_MAX)
  if (frame === undefined) return refuse('frame_malformed', 'Send one JSON object per message.')
  const event = frame['event']
  if (typeof event !== 'string' || event === '' || event.length > EVENT_NAME_LENGTH_MAX) {
    return refuse('frame_malformed', 'Name the event: a string of 1 to 200 characters.')
  }
  switch (event) {
    case 'pusher:ping':
      return ok({ kind: 'ping' })
    case 'pusher:pong':
      return ok({ kind: 'pong' })
    case 'pusher:subscribe':
      return decodeSubscribe(frame['data'])
    case 'pusher:unsubscribe':
      return decodeUnsubscribe(frame['data'])
    case 'pusher:signin':
      return decodeSignin(frame['data'])
    default:
      return decodeOther(event, frame)
  }
}

function decodeSubscribe(value: unknown): Result<ClientFrame, FrameRefusal> {
  const data = dataObject(value)
  const channel = data?.['channel']
  const auth = data?.['auth'] ?? undefined
  const channelData = data?.['channel_data'] ?? undefined
  if (!isChannelText(channel) || !isOptionalText(auth) || !isOptionalText(channelData)) {
    return refuse(
      'frame_malformed',
      'pusher:subscribe takes channel, auth and channel_data as text.',
    )
  }
  return ok({ kind: 'subscribe', channel, auth, channelData })
}

function decodeUnsubscribe(value: unknown): Result<ClientFrame, FrameRefusal> {
  const channel = dataObject(value)?.['channel']
  if (!isChannelText(channel)) {
    return refuse('frame_malformed', 'pusher:unsubscribe takes the channel as text.')
  }
  return ok({ kind: 'unsubscribe', channel })
}

function decodeSignin(value: unknown): Result<ClientFrame, FrameRefusal> {
  const data = dataObject(value)
  const auth = data?.['auth']
  const userData = data?.['user_data']
  if (typeof auth !== 'string' || typeof userData !== 'string') {
    return refuse('frame_malformed', 'pusher:signin takes auth and user_data as text.')
  }
  return ok({ kind: 'signin', auth, userData })
}

function decodeOther(
  event: string,
  frame: Record<string, unknown>,
): Result<ClientFrame, FrameRefusal> {
  if (event.startsWith('client-')) {
    const channel = frame['channel']
    if (!isChannelText(channel)) {
      return refuse('frame_malformed', 'A client event names its channel as text.')
    }
    const data = JSON.stringify(frame['data'] ?? null)
    return ok({ kind: 'client_event', event, channel, data })
  }
  return event.startsWith('pusher_internal:')
    ? refuse('event_reserved', 'Only the server sends pusher_internal events.')
    : refuse(
        'event_unknown',
        'A client sends pusher:subscribe, unsubscribe, signin, ping or client-*.',
      )
}

/** The `data` of every `pusher:*` event may be an object or a JSON string of one. */
function dataObject(value: unknown): Record<string, unknown> | undefined {
  if (typeof value === 'string') return parseJsonObject(value, JSON_DEPTH_MAX)
  return isJsonObject(value) ? value : undefined
}

/** Longer text is malformed here, so that a refusal never carries a long name back. */
function isChannelText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= CHANNEL_NAME_LENGTH_MAX * 2
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}
