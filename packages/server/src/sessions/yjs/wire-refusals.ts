/**
 * What each refusal is to an editor: a close code and its reason. Contract WireSocket 5.1. Texts of
 * limits are exact, clients show them; y-websocket stops on 4400 to 4499 and on nothing else.
 */
import type { DocumentRefusal } from '../../core/documents/documents.ts'
import { limitAnswer } from '../../core/limits/limit-answers.ts'
import type { LimitRefusal } from '../../core/limits/limit-refusal.ts'
import { REFUSALS, type RefusalCode } from '../../core/refusals.ts'
import type { DocumentSettings } from '../../ports/records/app-settings.ts'

export interface YjsRefusal {
  /** As WireSocket has it. */
  readonly wiresocket: number
  /** For clients that shall stop where trying again cannot help. */
  readonly http: number
}

/** RFC 6455 §7.4.1, and 1012 to 1014 of its registry. */
const CLOSE = { goingAway: 1001, notBytes: 1003, malformed: 1007, policy: 1008, large: 1009 }
const CLOSE_BUG = 1011
const CLOSE_RESTART = 1012
const CLOSE_LATER = 1013

const MISSING = told(4001, 4401)
const INVALID = told(4002, 4401)
const FORBIDDEN = told(4003, 4403)
const CONNECTIONS = told(4004, 4429)
const RATE = told(4006, 4429)
const NAME = told(4007, 4400)
const LATER = told(CLOSE_LATER)
/** Nothing an editor can cause: codes of other protocols. */
const FOREIGN = told(CLOSE.policy)

export const YJS_REFUSALS = {
  unauthenticated: INVALID,
  app_unknown: FORBIDDEN,
  app_disabled: FORBIDDEN,
  tenant_inactive: FORBIDDEN,
  plan_missing: FORBIDDEN,
  credential_missing: MISSING,
  credential_invalid: INVALID,
  token_expired: INVALID,
  credential_revoked: INVALID,
  authority_revoked: INVALID,
  replayed: INVALID,
  tls_required: FORBIDDEN,
  origin_refused: FORBIDDEN,
  password_in_browser: FORBIDDEN,
  host_refused: FORBIDDEN,
  signature_invalid: INVALID,
  not_channel_owner: FORBIDDEN,
  sign_in_invalid: INVALID,
  signed_in_already: FOREIGN,
  authorization_overdue: FORBIDDEN,
  user_terminated: FORBIDDEN,
  operation_denied: FORBIDDEN,
  path_unknown: NAME,
  protocol_missing: FOREIGN,
  protocol_unsupported: FOREIGN,
  version_malformed: FOREIGN,
  request_malformed: FOREIGN,
  media_type_unsupported: FOREIGN,
  method_unknown: FOREIGN,
  protocol_violated: told(CLOSE.notBytes),
  packet_large: told(CLOSE.large),
  client_id_invalid: FOREIGN,
  authentication_method_unknown: FOREIGN,
  topic_invalid: FOREIGN,
  frame_malformed: told(CLOSE.malformed),
  frames_malformed_repeatedly: told(CLOSE.malformed),
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
  document_name_invalid: NAME,
  document_elsewhere: told(4009),
  update_malformed: told(CLOSE.malformed),
  user_id_invalid: FOREIGN,
  member_malformed: FOREIGN,
  client_events_off: FORBIDDEN,
  client_event_kind: FORBIDDEN,
  not_subscribed: FORBIDDEN,
  rate_limited: RATE,
  body_large: told(CLOSE.large),
  body_slow: FOREIGN,
  event_data_large: told(CLOSE.large),
  member_large: FOREIGN,
  members_full: FOREIGN,
  channels_too_many: FOREIGN,
  batch_too_large: FOREIGN,
  subscriptions_full: FOREIGN,
  channels_full: LATER,
  topics_full: LATER,
  connections_full: CONNECTIONS,
  user_connections_full: CONNECTIONS,
  client_id_taken: FOREIGN,
  sessions_full: LATER,
  message_large: told(CLOSE.large),
  documents_full: told(4005, 4429),
  document_users_full: told(4008, 4429),
  document_large: told(CLOSE.large),
  watchlist_long: FOREIGN,
  overloaded: LATER,
  slow_consumer: LATER,
  connect_overdue: MISSING,
  keep_alive_missed: told(CLOSE.goingAway),
  session_taken_over: FOREIGN,
  pong_missing: told(CLOSE.goingAway),
  idle: told(CLOSE.goingAway),
  draining: told(CLOSE_RESTART),
  replay_memory_full: LATER,
  unavailable: LATER,
  internal: told(CLOSE_BUG),
} as const satisfies Record<RefusalCode, YjsRefusal>

export type CloseStyle = DocumentSettings['documentCloseCodes']

/** A refusal with what its text needs. */
export interface Refused {
  readonly refusal: RefusalCode
  readonly about?: DocumentRefusal | undefined
  /** Of a limit that refused: it says more than `about`. */
  readonly limited?: LimitRefusal | undefined
}

export interface Farewell {
  readonly code: number
  /** At most 123 bytes (RFC 6455 §5.5). */
  readonly reason: string
}

/** RFC 6455 §5.5: 125 bytes with the code. Reasons are ASCII. */
export const REASON_BYTES_MAX = 123

/** @param documentName where it is known: a redirection names it as long as it fits. */
export function yjsFarewell(
  refused: Refused,
  style: CloseStyle = 'wiresocket',
  documentName?: string,
): Farewell {
  const code = YJS_REFUSALS[refused.refusal][style]
  return { code, reason: reasonOf(refused, documentName).slice(0, REASON_BYTES_MAX) }
}

/** Whether a client that comes back at once is kept waiting first (contract WireSocket 5.1). */
export function isHeldBack(code: number): boolean {
  return (code >= 4001 && code <= 4008) || code === CLOSE.large || (code >= 4400 && code < 4500)
}

/** @param draw uniform in [0, 2^32). @returns 1 to 2 seconds. */
export function holdMsOf(draw: number): number {
  return HOLD_MS_MIN + (draw % HOLD_MS_MIN)
}

const HOLD_MS_MIN = 1_000

function reasonOf({ refusal, about, limited }: Refused, documentName: string | undefined): string {
  const limit = about?.limit ?? limited?.reading.rule.quota
  switch (refusal) {
    case 'connections_full':
    case 'user_connections_full':
      return limit === undefined ? REFUSALS[refusal].text : `Connection limit exceeded: ${limit}`
    case 'documents_full':
      return `Document limit exceeded: ${limit ?? 0} (active: ${about?.active ?? 0})`
    case 'document_users_full':
      return `Document user limit exceeded: ${limit ?? 0}`
    case 'rate_limited':
      return limited === undefined
        ? REFUSALS[refusal].text
        : limitAnswer(limited.reading).yjs.reason
    case 'document_elsewhere':
      return redirection(about?.redirect, documentName)
    default:
      return REFUSALS[refusal].text
  }
}

/** A long name does not fit; whoever is redirected knows it anyway. */
function redirection(url: string | undefined, documentName: string | undefined): string {
  if (url === undefined) return REFUSALS.document_elsewhere.text
  const full = `REDIRECT:${url}/${documentName ?? ''}`
  return documentName === undefined || full.length > REASON_BYTES_MAX ? `REDIRECT:${url}` : full
}

function told(wiresocket: number, http: number = wiresocket): YjsRefusal {
  return { wiresocket, http }
}
