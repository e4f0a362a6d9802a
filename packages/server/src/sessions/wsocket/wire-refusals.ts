/**
 * What each refusal is on the wSocket wire. Contract wSocket 1 has the close codes, part 3 the
 * texts and codes of `error` frames. No client looks at close codes: all lead to a reconnect.
 */
import { errorFrame } from '@lockgate/protocol/wsocket/frames'
import { REFUSALS, type RefusalCode } from '../../core/refusals.ts'

export interface WSocketRefusal {
  /** SDKs hand it to the application. */
  readonly error: string
  readonly code: string
  /** When the connection ends for this reason. */
  readonly closeCode: number
}

/** RFC 6455 §7.4.1, and the contract's own from 4000 on. */
export const CLOSE = {
  goingAway: 1001,
  unacceptable: 1003,
  policy: 1008,
  internal: 1011,
  credential: 4401,
  forbidden: 4403,
  idle: 4408,
  rate: 4429,
} as const

export const WSOCKET_REFUSALS = {
  unauthenticated: own('unauthenticated', CLOSE.credential),
  app_unknown: own('app_unknown', CLOSE.forbidden),
  app_disabled: own('app_disabled', CLOSE.forbidden),
  tenant_inactive: own('tenant_inactive', CLOSE.forbidden),
  plan_missing: own('plan_missing', CLOSE.forbidden),
  credential_missing: own('credential_missing', CLOSE.credential),
  credential_invalid: own('credential_invalid', CLOSE.credential),
  token_expired: own('token_expired', CLOSE.credential),
  credential_revoked: own('credential_revoked', CLOSE.credential),
  authority_revoked: own('authority_revoked', CLOSE.credential),
  replayed: own('replayed', CLOSE.credential),
  tls_required: own('tls_required', CLOSE.forbidden),
  origin_refused: own('origin_refused', CLOSE.forbidden),
  password_in_browser: own('password_in_browser', CLOSE.forbidden),
  host_refused: own('host_refused', CLOSE.forbidden),
  signature_invalid: own('signature_invalid', CLOSE.credential),
  not_channel_owner: own('not_channel_owner', CLOSE.forbidden),
  sign_in_invalid: own('sign_in_invalid', CLOSE.credential),
  signed_in_already: own('signed_in_already', CLOSE.forbidden),
  authorization_overdue: own('authorization_overdue', CLOSE.credential),
  user_terminated: own('user_terminated', CLOSE.forbidden),
  operation_denied: row('Not permitted', 'forbidden', CLOSE.forbidden),
  path_unknown: own('path_unknown'),
  protocol_missing: own('protocol_missing'),
  protocol_unsupported: own('protocol_unsupported'),
  version_malformed: own('version_malformed'),
  request_malformed: own('request_malformed'),
  media_type_unsupported: own('media_type_unsupported'),
  method_unknown: own('method_unknown'),
  protocol_violated: own('protocol_violated'),
  packet_large: row('Message too large', 'message_too_large'),
  client_id_invalid: own('client_id_invalid'),
  authentication_method_unknown: own('authentication_method_unknown'),
  topic_invalid: own('topic_invalid'),
  frame_malformed: row('Malformed message', 'invalid_frame', CLOSE.unacceptable),
  frames_malformed_repeatedly: row('Malformed message', 'invalid_frame', CLOSE.policy),
  event_unknown: own('event_unknown'),
  event_reserved: own('event_reserved'),
  event_name_invalid: own('event_name_invalid'),
  channel_name_empty: row('Invalid channel name', 'invalid_channel'),
  channel_name_long: row('Invalid channel name', 'invalid_channel'),
  channel_name_character: row('Invalid channel name', 'invalid_channel'),
  channel_kind_unfit: own('channel_kind_unfit'),
  channel_invalid: row('Invalid channel name', 'invalid_channel'),
  action_unknown: row('Unknown action', 'unknown_action'),
  history_off: row('History is disabled', 'history_disabled'),
  history_gap: row('Messages were missed', 'history_gap'),
  resume_failed: row('Resume failed', 'resume_failed'),
  document_name_invalid: own('document_name_invalid'),
  document_elsewhere: own('document_elsewhere'),
  update_malformed: own('update_malformed'),
  user_id_invalid: own('user_id_invalid'),
  member_malformed: own('member_malformed'),
  client_events_off: own('client_events_off'),
  client_event_kind: own('client_event_kind'),
  not_subscribed: row('Presence needs a subscription', 'not_subscribed'),
  rate_limited: row('Rate limit exceeded', 'rate_limited', CLOSE.rate),
  body_large: row('Message too large', 'message_too_large'),
  body_slow: own('body_slow'),
  event_data_large: row('Message too large', 'message_too_large'),
  member_large: row('Presence data too large', 'message_too_large'),
  members_full: row('Channel limit reached', 'limit_exceeded'),
  channels_too_many: row('Channel limit reached', 'limit_exceeded'),
  batch_too_large: own('batch_too_large'),
  subscriptions_full: row('Channel limit reached', 'limit_exceeded'),
  channels_full: row('Channel limit reached', 'limit_exceeded'),
  topics_full: row('Channel limit reached', 'limit_exceeded'),
  connections_full: row('Connection limit reached', 'limit_exceeded', CLOSE.rate),
  user_connections_full: row('Connection limit reached', 'limit_exceeded', CLOSE.rate),
  client_id_taken: own('client_id_taken'),
  sessions_full: row('Channel limit reached', 'limit_exceeded'),
  message_large: row('Message too large', 'message_too_large'),
  documents_full: row('Channel limit reached', 'limit_exceeded'),
  document_users_full: row('Channel limit reached', 'limit_exceeded'),
  document_large: own('document_large'),
  watchlist_long: own('watchlist_long'),
  overloaded: row('Rate limit exceeded', 'rate_limited', CLOSE.rate),
  slow_consumer: own('slow_consumer', CLOSE.rate),
  connect_overdue: own('connect_overdue', CLOSE.idle),
  keep_alive_missed: own('keep_alive_missed', CLOSE.idle),
  session_taken_over: own('session_taken_over'),
  pong_missing: own('pong_missing', CLOSE.idle),
  idle: own('idle', CLOSE.idle),
  draining: own('draining', CLOSE.goingAway),
  replay_memory_full: row('Temporarily unavailable', 'unavailable', CLOSE.internal),
  unavailable: row('Temporarily unavailable', 'unavailable', CLOSE.internal),
  internal: row('Internal error', 'internal', CLOSE.internal),
} as const satisfies Record<RefusalCode, WSocketRefusal>

/** How a connection that ends is told why. */
export interface Farewell {
  readonly code: number
  readonly reason: string
  readonly frame: string
}

/** Of every refusal at most once: ten thousand connections may end for the same one. */
const farewells = new Map<RefusalCode, Farewell>()

/** @returns the `error` frame and the close that follows it. */
export function farewell(refusal: RefusalCode): Farewell {
  const known = farewells.get(refusal)
  if (known !== undefined) return known
  const { error, code, closeCode } = WSOCKET_REFUSALS[refusal]
  const reason = REFUSALS[refusal].text
  const made = { code: closeCode, reason, frame: errorFrame({ error, code, detail: reason }) }
  farewells.set(refusal, made)
  return made
}

function row(error: string, code: string, closeCode: number = CLOSE.policy): WSocketRefusal {
  return { error, code, closeCode }
}

/** For what the contract has no words. */
function own(code: RefusalCode, closeCode: number = CLOSE.policy): WSocketRefusal {
  return { error: REFUSALS[code].text, code, closeCode }
}
