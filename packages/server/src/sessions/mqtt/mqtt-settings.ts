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
/** Decision 16: clocks differ and renewals are late, so a connection outlives its token so long. */
export const EXPIRY_SKEW_MS = 30_000
/** Where an app holds connections to their handshake only, they last so long all the same. */
export const HANDSHAKE_LIFE_MS_MAX = 24 * 60 * 60 * 1_000
/**
 * Our bound on CONNECT, from somebody who is nobody yet: a will of 64 KiB and 16 KiB of all else.
 */
export const CONNECT_BYTES_MAX = 80 * 1_024
