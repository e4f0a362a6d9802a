/** What went wrong, as a code, and what to do next. No text and no field holds a secret. */

/** Each with the first sentence of its message: what is the case, and what helps. */
const TEXTS = {
  options_invalid: 'The options cannot work as they are.',
  auth_failed: 'The credentials are not accepted. Sign in again and connect with new ones.',
  token_expired: 'The token has expired. Get a new one from where it came from.',
  organization_not_found: 'There is no such organization. Check organizationId.',
  provider_not_found: 'No identity provider of the organization fits. Configure its integration.',
  rate_limited: 'Too much at once. Try again after retryAfterMs.',
  request_refused: 'The token service refuses the request. See reason.',
  network_error: 'The token service cannot be reached. Check tokenServiceUrl and the network.',
  answer_unexpected: 'What answered is no token service. Check tokenServiceUrl or fetchToken.',
  refresh_failed: 'The token could not be renewed. The connection lasts until it expires.',
  connection_failed: 'The broker cannot be reached. Check host and the network.',
  connection_refused: 'The broker refuses the connection. See reasonCode.',
  connection_lost: 'The connection ended before the answer came. Try again.',
  taken_over: 'Another connection uses this clientId. Give each its own.',
  not_authorized: 'The rules do not allow this topic. Ask `lockgate explain` which rule decided.',
  publish_refused: 'The broker does not take the message. See reasonCode.',
  subscribe_refused: 'The broker does not grant the subscription. See reasonCode.',
  queue_full: 'More waits for the broker than queueCountMax. Publish less, or raise it.',
  message_expired: 'The message expired before the broker could be reached.',
  too_many: 'A bound of this client is reached. See reason.',
  not_connected: 'There is no connection. Call connect or connectWithToken first.',
  request_timeout: 'Nobody answered in time. Check that a responder is subscribed.',
  destroyed: 'The client was destroyed. Make another one.',
} as const satisfies Record<string, string>

export type ClientErrorCode = keyof typeof TEXTS

export interface ClientErrorDetails {
  /** HTTP status of the token service. */
  readonly status?: number | undefined
  /** Reason code of MQTT 5.0 §2.4, or return code of MQTT 3.1.1 §3.2.2.3. */
  readonly reasonCode?: number | undefined
  readonly retryAfterMs?: number | undefined
  /** What the server said, or what to change. */
  readonly reason?: string | undefined
}

export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode
  readonly status: number | undefined
  readonly reasonCode: number | undefined
  readonly retryAfterMs: number | undefined
  readonly reason: string | undefined

  constructor(code: ClientErrorCode, details: ClientErrorDetails = {}) {
    const { status, reasonCode, retryAfterMs, reason } = details
    const shown = reasonCode === undefined ? undefined : `0x${reasonCode.toString(16)}`
    const known = [reason, status, shown].filter((each) => each !== undefined)
    super(known.length === 0 ? TEXTS[code] : `${TEXTS[code]} (${known.join(', ')})`)
    this.code = code
    this.status = status
    this.reasonCode = reasonCode
    this.retryAfterMs = retryAfterMs
    this.reason = reason
  }

  /** Whether the same call may work a little later, without anything being changed. */
  get isTemporary(): boolean {
    return ['network_error', 'rate_limited', 'connection_failed'].includes(this.code)
  }
}

/**
 * What may be said about an error of foreign code: its name and code. Its text can hold what was
 * sent.
 */
export function nameFailure(error: unknown): string {
  if (!(error instanceof Error)) return 'an unknown failure'
  const { code } = error as { readonly code?: unknown }
  const isNamed = typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code)
  return isNamed ? `${error.name} (${code})` : error.name
}
