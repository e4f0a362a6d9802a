/**
 * Every public "no" of the server, once. A protocol maps each code in its own `wire-refusals.ts`;
 * HTTP uses `status`. Codes are never reused after removal. Texts are public: no secret, no foreign
 * id.
 */

/** Whether trying again can help: not at all, after a while, or with new credentials. */
export type Retry = 'no' | 'later' | 'new_credentials'

export interface RefusalText {
  readonly status: number
  readonly retry: Retry
  /** What is wrong and what to do next. */
  readonly text: string
}

export const REFUSALS = {
  // Who is asking.
  unauthenticated: no(401, 'new_credentials', 'The signature of this request does not hold.'),
  app_unknown: no(404, 'no', 'No app has this key. Check the app key and the host.'),
  app_disabled: no(403, 'no', 'This app is disabled. Enable it to accept connections and calls.'),
  tenant_inactive: no(403, 'no', 'This tenant is not active. Activate it to use its apps.'),
  plan_missing: no(403, 'no', 'no active plan: assign one to this app, the free one included.'),
  credential_missing: no(401, 'new_credentials', 'Send a credential: Authorization: Bearer <key>.'),
  credential_invalid: no(401, 'new_credentials', 'This credential is not valid here.'),
  token_expired: no(401, 'new_credentials', 'This token has expired. Get a new one.'),
  credential_revoked: no(401, 'new_credentials', 'The credential behind this was revoked.'),
  authority_revoked: no(403, 'no', 'The key, user, app or tenant behind this was revoked.'),
  replayed: no(401, 'new_credentials', 'This signed request was used before. Sign a new one.'),
  tls_required: no(403, 'no', 'This app accepts TLS connections only. Connect with wss.'),
  origin_refused: no(403, 'no', 'Pages of this origin may not connect. Add it to allowedOrigins.'),
  password_in_browser: no(
    403,
    'no',
    'Pages may not connect with permanent passwords and server keys. Mint a token for them.',
  ),
  host_refused: no(
    403,
    'no',
    'This host name is none of the server. Use its IP address, or add the name to allowedHosts.',
  ),
  signature_invalid: no(
    401,
    'new_credentials',
    'The auth signature does not hold for this channel.',
  ),
  not_channel_owner: no(401, 'no', 'Only the signed-in user itself may join its user channel.'),
  sign_in_invalid: no(401, 'new_credentials', 'The sign-in signature or user data does not hold.'),
  signed_in_already: no(409, 'no', 'This connection is signed in as another user.'),
  authorization_overdue: no(401, 'new_credentials', 'No sign-in or authorized channel in time.'),
  user_terminated: no(403, 'no', 'The application ended the connections of this user.'),
  operation_denied: no(403, 'no', 'This principal may not do that here.'),
  // What is asked.
  path_unknown: no(404, 'no', 'Nothing is served at this path. Pusher clients use /app/{key}.'),
  protocol_missing: no(400, 'no', 'Name the protocol version: ?protocol=7.'),
  protocol_unsupported: no(400, 'no', 'Protocol versions 5 to 7 are served.'),
  version_malformed: no(400, 'no', 'The client version is malformed.'),
  request_malformed: no(400, 'no', 'The request is malformed.'),
  media_type_unsupported: no(415, 'no', 'Send the body as application/json.'),
  method_unknown: no(405, 'no', 'This path does not take that method.'),
  protocol_violated: no(400, 'no', 'The message is well formed and not allowed at this point.'),
  packet_large: no(413, 'no', 'The packet is larger than the server takes.'),
  client_id_invalid: no(
    400,
    'no',
    'A client id has 1 to 256 characters; without one, start clean.',
  ),
  authentication_method_unknown: no(400, 'no', 'The authentication method is not known here.'),
  topic_invalid: no(400, 'no', 'The topic is none, or one that clients do not publish to.'),
  frame_malformed: no(400, 'no', 'The message is malformed.'),
  frames_malformed_repeatedly: no(400, 'later', 'Too many malformed messages on one connection.'),
  event_unknown: no(400, 'no', 'The protocol has no such event.'),
  event_reserved: no(400, 'no', 'Only the server sends events of this name.'),
  event_name_invalid: no(400, 'no', 'An event name has 1 to 200 characters.'),
  channel_name_empty: no(400, 'no', 'The channel name is empty.'),
  channel_name_long: no(400, 'no', 'A channel name has at most 200 characters.'),
  channel_name_character: no(400, 'no', 'Channel names use A-Z a-z 0-9 and _ - = @ , . ; only.'),
  channel_kind_unfit: no(400, 'no', 'Channels of this kind do not have that.'),
  channel_invalid: no(
    400,
    'no',
    'A channel has 1 to 200 of A-Z a-z 0-9 : _ - . @ = , and no colon at either end.',
  ),
  action_unknown: no(400, 'no', 'The protocol has no such action.'),
  history_off: no(403, 'no', 'Messages of this channel are not kept. See the setting history.'),
  history_gap: no(410, 'no', 'Older messages were missed than are kept. Load what you show anew.'),
  resume_failed: no(400, 'no', 'This resume token says nothing. Subscribe to your channels.'),
  document_name_invalid: no(400, 'no', 'A document name has 1 to 255 of A-Z a-z 0-9 _ -'),
  document_elsewhere: no(421, 'later', 'Another region has this document. Connect there.'),
  update_malformed: no(400, 'no', 'The update of the document is malformed.'),
  user_id_invalid: no(400, 'no', 'A user id has 1 to 128 of A-Z a-z 0-9 _ - = @ , . ;'),
  member_malformed: no(400, 'no', 'channel_data is JSON with a user_id and an optional user_info.'),
  client_events_off: no(403, 'no', 'Client events are off. Set clientMessages for this app.'),
  client_event_kind: no(403, 'no', 'Client events work on private and presence channels only.'),
  not_subscribed: no(403, 'no', 'Subscribe to the channel before sending events on it.'),
  // How much of it.
  rate_limited: no(429, 'later', 'Too many requests. Wait as long as Retry-After says.'),
  body_large: no(413, 'no', 'The request body is too large.'),
  body_slow: no(408, 'later', 'The request body took too long. Send it faster, or less of it.'),
  event_data_large: no(413, 'no', 'The data of this event is larger than the app allows.'),
  member_large: no(413, 'no', 'The member data is larger than the app allows.'),
  members_full: no(403, 'later', 'The presence channel has as many members as the app allows.'),
  channels_too_many: no(400, 'no', 'An event goes to at most 100 channels.'),
  batch_too_large: no(400, 'no', 'A batch holds at most 10 events.'),
  subscriptions_full: no(403, 'no', 'This connection holds as many subscriptions as it may.'),
  channels_full: no(503, 'later', 'This app has as many channels open as it may.'),
  topics_full: no(503, 'later', 'There is no room for more subscriptions or retained messages.'),
  connections_full: no(429, 'later', 'This app has as many connections as it may.'),
  user_connections_full: no(429, 'later', 'This user has as many connections as it may.'),
  client_id_taken: no(403, 'no', 'A session of somebody else has this client id. Use another.'),
  sessions_full: no(
    403,
    'later',
    'This app keeps as many sessions as it may. Connect without one.',
  ),
  message_large: no(413, 'no', 'The data of this message is larger than the app allows.'),
  documents_full: no(429, 'later', 'This app has as many documents open as its plan allows.'),
  document_users_full: no(429, 'later', 'This document has as many users as the plan allows.'),
  document_large: no(413, 'no', 'The document would be larger than the app allows.'),
  watchlist_long: no(400, 'no', 'A watch-list holds at most 100 users; the first 100 are watched.'),
  // When.
  overloaded: no(503, 'later', 'The server is at its limit. Try again in a moment.'),
  slow_consumer: no(503, 'later', 'This connection does not read as fast as messages arrive.'),
  connect_overdue: no(408, 'later', 'The first packet did not come in time.'),
  keep_alive_missed: no(408, 'later', 'Nothing was heard for one and a half times the keep alive.'),
  session_taken_over: no(409, 'no', 'The same client connected anew.'),
  pong_missing: no(408, 'later', 'No sign of life after a ping.'),
  idle: no(408, 'later', 'Nothing was heard for a day.'),
  draining: no(503, 'later', 'The server is shutting down. Connect again.'),
  replay_memory_full: no(503, 'later', 'Too many signed calls are remembered. Try again later.'),
  unavailable: no(503, 'later', 'Something the server needs failed. Try again in a moment.'),
  internal: no(500, 'later', 'The server made a mistake. It is logged.'),
} as const satisfies Record<string, RefusalText>

export type RefusalCode = keyof typeof REFUSALS

/** @returns a row of a table of refusals. */
export function no(status: number, retry: Retry, text: string): RefusalText {
  return { status, retry, text }
}
