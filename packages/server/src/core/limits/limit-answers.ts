/**
 * One reading of a limit in the words of every protocol: what the sessions of wSocket, MQTT and
 * Yjs say, beside those that are here. Pure; contracts wSocket part 4, CloudSignal (CONNACK),
 * WireSocket 5.1.
 */
import type { LimitReading } from '../../ports/limit-engine.ts'
import { limitFields, type LimitFields, limitText, scopeOf, waitSeconds } from './limit-refusal.ts'

/** The three tiers wSocket knows. */
export type LimitTier = 'app' | 'channel' | 'user'

export interface LimitAnswer {
  readonly pusher: {
    /** In a `pusher:error` frame only: a close of 43xx makes clients stop for ever. */
    readonly errorCode: 4301
    readonly message: string
    readonly fields: LimitFields
  }
  readonly http: { readonly status: 429; readonly retryAfterSeconds: number }
  /** The fields of an `error` action; the text is exact, clients compare it. */
  readonly wsocket: {
    readonly error: 'Rate limit exceeded'
    readonly code: 'rate_limited'
    readonly tier: LimitTier
    /** Seconds. */
    readonly retryAfter: number
  }
  readonly mqtt: {
    /** MQTT 5 §2.4: connection rate exceeded (0x9F) or quota exceeded (0x97). */
    readonly reasonCode: 0x9f | 0x97
    /** MQTT 3.1.1 §3.2.2.3: server unavailable, which clients try again after. */
    readonly connectReturnCode: 3
  }
  readonly yjs: { readonly closeCode: 4006 | 4004; readonly reason: string }
}

/** @returns how a refusal by this limit is told. */
export function limitAnswer(reading: LimitReading): LimitAnswer {
  const { name, quota, windowMs } = reading.rule
  const isConnecting = name.startsWith('connect.') || name.startsWith('auth.')
  const retryAfterSeconds = waitSeconds(reading)
  const isConcurrent = windowMs === 0
  return {
    pusher: { errorCode: 4301, message: limitText(reading), fields: limitFields(reading) },
    http: { status: 429, retryAfterSeconds },
    wsocket: {
      error: 'Rate limit exceeded',
      code: 'rate_limited',
      tier: tierOf(scopeOf(reading)),
      retryAfter: retryAfterSeconds,
    },
    mqtt: { reasonCode: isConnecting ? 0x9f : 0x97, connectReturnCode: 3 },
    yjs: isConcurrent
      ? { closeCode: 4004, reason: `Connection limit exceeded: ${quota}` }
      : { closeCode: 4006, reason: `Rate limit exceeded: ${perMinute(reading)} ops/min` },
  }
}

/** What belongs to one person is the user's; what belongs to nobody we know is the app's. */
function tierOf(scope: string): LimitTier {
  if (scope === 'channel') return 'channel'
  return scope === 'user' || scope === 'connection' ? 'user' : 'app'
}

const MINUTE_MS = 60_000

function perMinute({ rule: { quota, windowMs } }: LimitReading): number {
  return Math.floor((quota * MINUTE_MS) / windowMs)
}
