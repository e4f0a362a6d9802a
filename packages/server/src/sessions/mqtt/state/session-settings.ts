/** What operators say of MQTT sessions, and how long one is kept. Pure. */
import type { ProtocolLevel } from '@lockgate/protocol/mqtt/packets'

export interface SessionSettings {
  /** Messages that wait for one session; those in flight are not counted. */
  readonly queueCountMax: number
  readonly queueBytesMax: number
  /** Which message goes when a queue is full. */
  readonly queueDrops: 'oldest' | 'newest'
  /** Of all sessions of one app together; a message counts once for each it waits for. */
  readonly appQueueBytesMax: number
  /** Of all sessions of this node that end with their connection: it waits in memory. */
  readonly memoryQueueBytesMax: number
  /** Sessions that outlive connections, over all apps of this node. */
  readonly sessionCountMax: number
  readonly appSessionCountMax: number
  /** Of one user, key or MQTT user of an app. */
  readonly ownerSessionCountMax: number
  /** The longest a session is kept after its connection. */
  readonly sessionExpirySecondsMax: number
}

/**
 * @param asked `expirySeconds`: Session Expiry Interval of MQTT 5, 0 where it is absent
 * (§3.1.2.11.2), 0xFFFFFFFF for "never". A client of MQTT 3.1.1 can only say "clean" or "for
 * ever" (§3.1.2.4 there).
 * @returns seconds a session is kept; less than was asked has to be told (§3.2.2.3.2).
 */
export function grantedExpirySeconds(
  asked: {
    readonly level: ProtocolLevel
    readonly cleanStart: boolean
    readonly expirySeconds: number | undefined
  },
  { sessionExpirySecondsMax }: Pick<SessionSettings, 'sessionExpirySecondsMax'>,
): number {
  if (asked.level === 4) return asked.cleanStart ? 0 : sessionExpirySecondsMax
  return Math.min(asked.expirySeconds ?? 0, sessionExpirySecondsMax)
}
