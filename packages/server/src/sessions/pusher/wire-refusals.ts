/**
 * What each refusal is on the Pusher wire. Contract 1A.4: the close code decides what pusher-js
 * does next, and codes of 4300 and above never close.
 */
import * as code from '@lockgate/protocol/pusher/close-codes'
import { errorFrame } from '@lockgate/protocol/pusher/frames'
import {
  type Limited,
  limitFields,
  type LimitRefusal,
  readingOf,
} from '../../core/limits/limit-refusal.ts'
import { REFUSALS, type RefusalCode } from '../../core/refusals.ts'

export interface PusherRefusal {
  /** In a `pusher:error` frame. */
  readonly errorCode: number | null
  /** When the connection ends for this reason. */
  readonly closeCode: number
}

export const PUSHER_REFUSALS = {
  unauthenticated: both(code.UNAUTHORIZED),
  app_unknown: both(code.APP_UNKNOWN),
  app_disabled: both(code.APP_DISABLED),
  tenant_inactive: both(code.APP_DISABLED),
  plan_missing: both(code.APP_DISABLED),
  credential_missing: both(code.UNAUTHORIZED),
  credential_invalid: both(code.UNAUTHORIZED),
  token_expired: both(code.RECONNECT_NOW),
  // The app key still lives: clients come back and authorize anew.
  credential_revoked: both(code.RECONNECT_NOW),
  authority_revoked: both(code.UNAUTHORIZED),
  replayed: both(code.UNAUTHORIZED),
  tls_required: both(code.TLS_ONLY),
  origin_refused: both(code.UNAUTHORIZED),
  password_in_browser: both(code.UNAUTHORIZED),
  host_refused: told(null),
  signature_invalid: both(code.UNAUTHORIZED),
  not_channel_owner: both(code.UNAUTHORIZED),
  sign_in_invalid: both(code.UNAUTHORIZED),
  signed_in_already: both(code.UNAUTHORIZED),
  authorization_overdue: both(code.UNAUTHORIZED),
  user_terminated: both(code.UNAUTHORIZED),
  operation_denied: both(code.UNAUTHORIZED),
  path_unknown: both(code.PATH_UNKNOWN),
  protocol_missing: both(code.PROTOCOL_MISSING),
  protocol_unsupported: both(code.PROTOCOL_UNSUPPORTED),
  version_malformed: both(code.VERSION_MALFORMED),
  request_malformed: told(null),
  media_type_unsupported: told(null),
  method_unknown: told(null),
  frame_malformed: told(code.RECONNECT_NOW),
  // A client that keeps sending garbage waits a second before it comes back.
  frames_malformed_repeatedly: both(code.OVER_CAPACITY),
  event_unknown: told(null),
  event_reserved: told(null),
  event_name_invalid: told(null),
  channel_name_empty: told(null),
  channel_name_long: told(null),
  channel_name_character: told(null),
  channel_kind_unfit: told(null),
  channel_invalid: told(null),
  action_unknown: told(null),
  history_off: told(null),
  history_gap: told(null),
  resume_failed: told(null),
  document_name_invalid: told(null),
  document_elsewhere: told(null),
  update_malformed: told(null),
  user_id_invalid: told(null),
  member_malformed: told(null),
  client_events_off: told(code.UNAUTHORIZED),
  client_event_kind: told(code.UNAUTHORIZED),
  not_subscribed: told(code.UNAUTHORIZED),
  body_large: told(null),
  body_slow: told(null),
  event_data_large: told(null),
  member_large: told(null),
  members_full: told(code.OVER_QUOTA),
  channels_too_many: told(null),
  batch_too_large: told(null),
  subscriptions_full: told(code.OVER_QUOTA),
  channels_full: told(code.OVER_CAPACITY),
  topics_full: told(null),
  connections_full: both(code.OVER_QUOTA),
  user_connections_full: both(code.OVER_QUOTA),
  // Of MQTT alone.
  client_id_taken: told(null),
  sessions_full: told(null),
  protocol_violated: told(null),
  packet_large: told(null),
  client_id_invalid: told(null),
  authentication_method_unknown: told(null),
  topic_invalid: told(null),
  connect_overdue: told(null),
  keep_alive_missed: told(null),
  session_taken_over: told(null),
  message_large: told(null),
  documents_full: told(null),
  document_users_full: told(null),
  document_large: told(null),
  watchlist_long: told(code.WATCHLIST_LONG),
  rate_limited: told(code.CLIENT_EVENT_RATE),
  overloaded: both(code.OVER_CAPACITY),
  slow_consumer: both(code.OVER_CAPACITY),
  pong_missing: both(code.PONG_MISSING),
  idle: both(code.IDLE),
  draining: both(code.RECONNECT_NOW),
  replay_memory_full: told(code.OVER_CAPACITY),
  unavailable: both(code.OVER_CAPACITY),
  internal: both(code.OVER_CAPACITY),
} as const satisfies Record<RefusalCode, PusherRefusal>

/** How a connection that ends is told why. */
export interface Farewell {
  readonly code: number
  readonly reason: string
  readonly frame: string
}

/** Of every refusal at most once: ten thousand connections may end for the same one. */
const farewells = new Map<RefusalCode, Farewell>()

/** @returns the `pusher:error` frame and the close that follows it. */
export function farewell(refusal: RefusalCode): Farewell {
  const known = farewells.get(refusal)
  if (known !== undefined) return known
  const { errorCode, closeCode } = PUSHER_REFUSALS[refusal]
  const reason = REFUSALS[refusal].text
  const made = { code: closeCode, reason, frame: errorFrame(errorCode, reason) }
  farewells.set(refusal, made)
  return made
}

/** @returns what `pusher:subscription_error` carries; of a limit, all there is to know about it. */
export function subscriptionErrorData(refused: Extract<Limited<unknown>, { readonly ok: false }>): {
  readonly type: string
  readonly status: number
  readonly error: string
} {
  const kind = subscriptionErrorKind(refused.refusal)
  const error = refused.detail ?? REFUSALS[refused.refusal].text
  const reading = readingOf(refused)
  return { ...kind, error, ...(reading === undefined ? {} : limitFields(reading)) }
}

/** @returns the same for a limit, with what it reads. */
export function limitFarewell({ refusal, detail, reading }: LimitRefusal): Farewell {
  const { errorCode, closeCode } = PUSHER_REFUSALS[refusal]
  const frame = errorFrame(errorCode, detail, limitFields(reading))
  return { code: closeCode, reason: REFUSALS[refusal].text, frame }
}

/** The payload of `pusher:subscription_error`: values clients already know, not close codes. */
function subscriptionErrorKind(refusal: RefusalCode): { type: string; status: number } {
  switch (refusal) {
    case 'channel_name_long':
      return { type: 'LimitReached', status: 4009 }
    case 'members_full':
    case 'subscriptions_full':
    case 'channels_full':
      return { type: 'LimitReached', status: 4100 }
    case 'member_large':
    case 'rate_limited':
      return { type: 'LimitReached', status: 4301 }
    case 'unavailable':
    case 'internal':
    case 'overloaded':
      return { type: 'ServerError', status: 4302 }
    case 'channel_name_empty':
    case 'channel_name_character':
    case 'member_malformed':
      return { type: 'InvalidRequest', status: 400 }
    default:
      return { type: 'AuthError', status: 401 }
  }
}

/** The same code in the frame and, if it comes to that, in the close. */
function both(value: number): PusherRefusal {
  return { errorCode: value, closeCode: value }
}

/** Told in a frame while the connection stays; a close for this reason would be a retry. */
function told(errorCode: number | null): PusherRefusal {
  return { errorCode, closeCode: code.OVER_CAPACITY }
}
