/**
 * Frames of a wSocket server. Contract wSocket 3: one superset of what both families of SDKs read.
 * No `null` stands in a frame but in what was published, because SDKs that read by type throw on
 * it; ids and channels are text, times and sequences whole numbers. Pure; text is put together,
 * and what is JSON text already is never written anew.
 */
import { isJsonObject, parseJsonObject } from '../bytes.ts'
import { JSON_DEPTH_MAX } from './codec.ts'

export interface WireMessage {
  readonly channel: string
  readonly id: string
  /** JSON text. */
  readonly data: string
  /** Empty where nobody is named. */
  readonly publisherId: string
  readonly timestampMs: number
  readonly sequence: number
}

export interface WireMember {
  readonly clientId: string
  /** JSON text of an object. */
  readonly data: string | undefined
  readonly joinedAtMs: number
}

export const PONG = '{"action":"pong"}'

export function messageFrame(message: WireMessage): string {
  return `{"action":"message",${messageMembers(message)}}`
}

export function subscribedFrame(channel: string): string {
  return `{"action":"subscribed","channel":${quoted(channel)}}`
}

export function unsubscribedFrame(channel: string): string {
  return `{"action":"unsubscribed","channel":${quoted(channel)}}`
}

/** @param id the client's own, by which it knows what is acknowledged. */
export function publishAckFrame(
  id: string,
  { channel, timestampMs }: Pick<WireMessage, 'channel' | 'timestampMs'>,
): string {
  const about = `"id":${quoted(id)},"channel":${quoted(channel)}`
  return `{"action":"ack",${about},"timestamp":${timestampMs}}`
}

export interface ResumeAck {
  /** False: of what was missed, some is not there any more, or a channel was refused. */
  readonly recovered: boolean
  /** Those that are subscribed. */
  readonly channels: readonly string[]
  /** Undefined: the client goes on with the token it makes itself. */
  readonly resumeToken: string | undefined
}

/** Told once everything was replayed. */
export function resumeAckFrame({ recovered, channels, resumeToken }: ResumeAck): string {
  return JSON.stringify({
    action: 'ack',
    id: RESUME_ACK_ID,
    channel: '',
    data: { ...(resumeToken === undefined ? {} : { resumeToken }), recovered, channels },
  })
}

/** A token that holds from now on; SDKs take it unasked (contract 6.7). */
export function resumeTokenFrame(resumeToken: string): string {
  return JSON.stringify({ action: 'ack', id: RESUME_ACK_ID, channel: '', data: { resumeToken } })
}

/** By this id SDKs know an `ack` that carries a resume token. */
const RESUME_ACK_ID = 'resume'

export interface WireError {
  readonly error: string
  readonly code: string
  /** What it is about, as the client called it. */
  readonly channel?: string | undefined
  readonly id?: string | undefined
  /** Seconds. */
  readonly retryAfter?: number | undefined
  readonly tier?: string | undefined
  /** What is wrong and what to do next. */
  readonly detail?: string | undefined
}

/** What is not known is left out. */
export function errorFrame(error: WireError): string {
  return JSON.stringify({ action: 'error', ...error })
}

export type PresenceAction = 'presence.enter' | 'presence.leave' | 'presence.update'

/** Family A reads the member in `data`, family B at the top, and the state in its `data`. */
export function presenceFrame(action: PresenceAction, channel: string, member: WireMember): string {
  const own = `"clientId":${quoted(member.clientId)},"joinedAt":${member.joinedAtMs}`
  const state = member.data ?? '{}'
  const told = `{${own},"data":${state}${mergedMembers(state)}}`
  return `{"action":"${action}","channel":${quoted(channel)},${own},"data":${told}}`
}

/** Both lists, also where they are empty. */
export function membersFrame(channel: string, members: readonly WireMember[]): string {
  const list = `[${members.map(memberObject).join(',')}]`
  const lists = `"members":${list},"data":${list}`
  return `{"action":"presence.members","channel":${quoted(channel)},${lists}}`
}

export interface WirePage {
  readonly channel: string
  readonly messages: readonly WireMessage[]
  readonly hasMore: boolean
}

/** Family A reads the page in `data`, family B at the top. */
export function historyFrame({ channel, messages, hasMore }: WirePage): string {
  const list = messages.map((message) => `{${messageMembers(message)}}`).join(',')
  const page = `"channel":${quoted(channel)},"messages":[${list}],"hasMore":${hasMore}`
  return `{"action":"history",${page},"data":{${page}}}`
}

function messageMembers(message: WireMessage): string {
  const { channel, id, data, publisherId, timestampMs, sequence } = message
  return (
    `"channel":${quoted(channel)},"id":${quoted(id)},"data":${data},` +
    `"publisherId":${quoted(publisherId)},"timestamp":${timestampMs},"sequence":${sequence}`
  )
}

function memberObject({ clientId, data, joinedAtMs }: WireMember): string {
  return `{"clientId":${quoted(clientId)},"joinedAt":${joinedAtMs},"data":${data ?? '{}'}}`
}

/** Names that a state may have and a frame cannot repeat beside its own. */
const RESERVED = ['clientId', 'joinedAt', 'data'] as const
const MAY_NAME_RESERVED = /"(?:clientId|joinedAt|data)"|\\/

/** @returns the members of a state to stand beside those of the frame, each with its comma. */
function mergedMembers(state: string): string {
  const members = MAY_NAME_RESERVED.test(state) ? withoutReserved(state) : state
  const inner = members.slice(members.indexOf('{') + 1, members.lastIndexOf('}')).trim()
  return inner === '' ? '' : `,${inner}`
}

function withoutReserved(state: string): string {
  const members = parseJsonObject(state, JSON_DEPTH_MAX)
  if (!isJsonObject(members)) return '{}'
  const rest = Object.entries(members).filter(([name]) => !RESERVED.some((each) => each === name))
  // Built of entries, so that a name such as `__proto__` stays one like any other.
  const texts = rest.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
  return `{${texts.join(',')}}`
}

/** Most texts are names and ids that need no escape. */
const PLAIN = /^[\w\-.:@=,]*$/

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
}
