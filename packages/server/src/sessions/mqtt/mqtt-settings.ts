/** What operators say of MQTT connections, and what is ours to say. */
import type { SessionSettings } from './state/session-settings.ts'

export interface MqttSettings extends SessionSettings {
  /** Of a packet either way, fixed header included; announced to clients. */
  readonly packetBytesMax: number
  /** What clients get that ask for none or for longer (§3.2.2.3.14). */
  readonly keepAliveSecondsMax: number
  /** Topic aliases a client may use; 0: none. */
  readonly topicAliasCountMax: number
  /** How long after the connection is up a CONNECT has to be there. */
  readonly connectTimeoutMs: number
}

/** The authentication method by which a token is shown, and renewed in place (§4.12). */
export const TOKEN_METHOD = 'lockgate-token'
/**
 * Our bound on CONNECT, from somebody who is nobody yet: a will of 64 KiB and 16 KiB of all else.
 */
export const CONNECT_BYTES_MAX = 80 * 1_024
