/**
 * What each refusal is on the MQTT wire. Contract CloudSignal 3.4 and 3.5: 0x86 and 0x87 in CONNACK
 * make clients give up and ask their application for new credentials, so nothing that passes by
 * itself may be told with them; all that ends a live connection because of who it is, is 0x87.
 */
import { REASON, type ReasonCode } from '@lockgate/protocol/mqtt/reason-codes'
import type { RefusalCode } from '../../core/refusals.ts'

export interface MqttRefusal {
  /** In CONNACK (§3.2.2.2); 3.1.1 clients get what `returnCodeOf` makes of it. */
  readonly connack: ReasonCode
  /** In DISCONNECT (§3.14.2.1); 3.1.1 clients see the connection close. */
  readonly disconnect: ReasonCode
}

/** Who asks is not known, or is no longer: a new credential may help. */
const CREDENTIAL = told(REASON.badUserNameOrPassword, REASON.notAuthorized)
/** Who asks is known and may not. */
const FORBIDDEN = told(REASON.notAuthorized, REASON.notAuthorized)
const QUOTA = both(REASON.quotaExceeded)
const BUSY = both(REASON.serverBusy)
/** Nothing an MQTT client can cause: codes of other protocols. */
const FOREIGN = both(REASON.implementationSpecificError)

export const MQTT_REFUSALS = {
  unauthenticated: CREDENTIAL,
  app_unknown: CREDENTIAL,
  app_disabled: FORBIDDEN,
  tenant_inactive: FORBIDDEN,
  plan_missing: FORBIDDEN,
  credential_missing: CREDENTIAL,
  credential_invalid: CREDENTIAL,
  token_expired: CREDENTIAL,
  credential_revoked: CREDENTIAL,
  authority_revoked: CREDENTIAL,
  replayed: CREDENTIAL,
  tls_required: FORBIDDEN,
  origin_refused: FORBIDDEN,
  password_in_browser: FORBIDDEN,
  host_refused: FORBIDDEN,
  signature_invalid: CREDENTIAL,
  not_channel_owner: FORBIDDEN,
  sign_in_invalid: CREDENTIAL,
  signed_in_already: FOREIGN,
  authorization_overdue: FORBIDDEN,
  user_terminated: told(REASON.notAuthorized, REASON.administrativeAction),
  operation_denied: FORBIDDEN,
  path_unknown: FOREIGN,
  protocol_missing: FOREIGN,
  protocol_unsupported: told(REASON.unsupportedProtocolVersion, REASON.protocolError),
  version_malformed: FOREIGN,
  request_malformed: FOREIGN,
  media_type_unsupported: FOREIGN,
  method_unknown: FOREIGN,
  protocol_violated: both(REASON.protocolError),
  packet_large: both(REASON.packetTooLarge),
  client_id_invalid: told(REASON.clientIdentifierNotValid, REASON.protocolError),
  authentication_method_unknown: told(REASON.badAuthenticationMethod, REASON.protocolError),
  topic_invalid: both(REASON.topicNameInvalid),
  frame_malformed: both(REASON.malformedPacket),
  frames_malformed_repeatedly: both(REASON.malformedPacket),
  event_unknown: FOREIGN,
  event_reserved: FOREIGN,
  event_name_invalid: FOREIGN,
  channel_name_empty: FOREIGN,
  channel_name_long: FOREIGN,
  channel_name_character: FOREIGN,
  channel_kind_unfit: FOREIGN,
  channel_invalid: FOREIGN,
  action_unknown: FOREIGN,
  history_off: FOREIGN,
  history_gap: FOREIGN,
  resume_failed: FOREIGN,
  document_name_invalid: FOREIGN,
  document_elsewhere: FOREIGN,
  update_malformed: FOREIGN,
  user_id_invalid: FOREIGN,
  member_malformed: FOREIGN,
  client_events_off: FORBIDDEN,
  client_event_kind: FORBIDDEN,
  not_subscribed: FORBIDDEN,
  body_large: both(REASON.packetTooLarge),
  body_slow: FOREIGN,
  event_data_large: QUOTA,
  member_large: FOREIGN,
  members_full: QUOTA,
  channels_too_many: FOREIGN,
  batch_too_large: FOREIGN,
  subscriptions_full: QUOTA,
  channels_full: QUOTA,
  topics_full: QUOTA,
  connections_full: QUOTA,
  user_connections_full: QUOTA,
  client_id_taken: told(REASON.clientIdentifierNotValid, REASON.notAuthorized),
  sessions_full: QUOTA,
  message_large: FOREIGN,
  documents_full: FOREIGN,
  document_users_full: FOREIGN,
  document_large: FOREIGN,
  watchlist_long: FOREIGN,
  rate_limited: told(REASON.connectionRateExceeded, REASON.messageRateTooHigh),
  overloaded: BUSY,
  slow_consumer: QUOTA,
  connect_overdue: told(REASON.unspecifiedError, REASON.unspecifiedError),
  keep_alive_missed: told(REASON.unspecifiedError, REASON.keepAliveTimeout),
  session_taken_over: told(REASON.unspecifiedError, REASON.sessionTakenOver),
  pong_missing: told(REASON.unspecifiedError, REASON.keepAliveTimeout),
  idle: told(REASON.unspecifiedError, REASON.keepAliveTimeout),
  draining: told(REASON.serverUnavailable, REASON.serverShuttingDown),
  replay_memory_full: BUSY,
  unavailable: told(REASON.serverUnavailable, REASON.serverBusy),
  internal: told(REASON.unspecifiedError, REASON.unspecifiedError),
} as const satisfies Record<RefusalCode, MqttRefusal>

function told(connack: ReasonCode, disconnect: ReasonCode): MqttRefusal {
  return { connack, disconnect }
}

function both(reason: ReasonCode): MqttRefusal {
  return told(reason, reason)
}
