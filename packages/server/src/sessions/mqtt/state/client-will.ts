/** The Will Message of one session (MQTT 5 §3.1.2.5), and when it is due. Pure. */
import type { TopicMessage } from '../../../core/topics/topic-message.ts'
import type { StoredWill } from '../../../ports/session-store.ts'
import { messageBytes } from './message-size.ts'

export interface ClientWill {
  /** Without a time to expire at: that is counted from its publication (§3.1.3.2.4). */
  readonly message: TopicMessage
  readonly delaySeconds: number
  readonly lifetimeSeconds: number | undefined
}

/** Our bound on the wills of all sessions of one node, connected or not. */
export const WILL_BYTES_MAX = 256 * 1024 * 1024
/** A will that is no larger is taken all the same: as many as there may be sessions. */
export const WILL_BYTES_SPARED = 1_024

/** @returns bytes, about; 0 for none. */
export function willBytes(will: ClientWill | undefined): number {
  return will === undefined ? 0 : messageBytes(will.message)
}

/** Who left a will. */
export interface WillAuthor {
  readonly clientId: string
  readonly owner: string
}

/** @returns the message as it is published now. */
export function willMessage({ message, lifetimeSeconds }: ClientWill, nowMs: number): TopicMessage {
  const expiresAtMs = lifetimeSeconds === undefined ? undefined : nowMs + lifetimeSeconds * 1_000
  return { ...message, expiresAtMs }
}

/** @returns what a start found, with its author for No Local. */
export function willOf(stored: StoredWill, clientId: string): ClientWill {
  return { ...stored, message: { ...stored.message, publisherId: clientId } }
}
