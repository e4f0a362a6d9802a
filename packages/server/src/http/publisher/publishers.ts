/**
 * Who publishes over HTTP: by a key or a signed token in a header. A secret key may; one for
 * browsers or of few rights only if its scopes say so.
 */
import { ok, type Result } from '@lockgate/protocol/result'
import { limitSubject } from '../../core/limits/address-subject.ts'
import { ownSubject } from '../../core/limits/charges.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Source } from '../../core/source.ts'
import { namedBearer } from '../../credentials/audit/denied-access.ts'
import type { KeyIdentity } from '../../credentials/bearers.ts'
import { isApiKey } from '../../credentials/key-format.ts'
import { identityOfKey, identityOfToken } from '../../credentials/mqtt/identities.ts'
import type { MqttIdentity } from '../../credentials/mqtt/mqtt-identity.ts'
import { isOriginAllowed } from '../../credentials/origin-policy.ts'
import { bearerToken } from '../bearer-header.ts'
import type { PublishRefusal } from './answers.ts'
import type { PublisherDeps } from './deps.ts'

export interface Publisher {
  readonly identity: MqttIdentity
  /** Whose requests are counted together: those of one key, or of whom a token is for. */
  readonly subject: string
  /** It proved itself by what pages may hold: a signed token or a public key. */
  readonly isOfPage: boolean
}

export type Proven =
  | { readonly ok: true; readonly publisher: Publisher }
  | {
      readonly ok: false
      readonly refused: PublishRefusal
      /** The app of a credential that holds, and may not do this. */
      readonly appId?: string
    }

/** Proofs that do not hold, each of which is charged to its address. */
const FAILURES: ReadonlySet<RefusalCode> = new Set([
  'credential_missing',
  'credential_invalid',
  'credential_revoked',
  'token_expired',
])

const CHALLENGE = { 'www-authenticate': 'Bearer realm="lockgate"' }

/** @param source of protocol `http`. */
export async function provePublisher(
  { headers }: Request,
  source: Source,
  deps: PublisherDeps,
): Promise<Proven> {
  const token = bearerToken(headers) ?? headers.get('x-api-key') ?? ''
  if (token === '') return failed('credential_missing', source, deps)
  const proven = await prove(token, source, deps)
  if (!proven.ok) return failed(proven.refusal, source, deps)
  const { identity, hasGrant } = proven.value
  const { app } = identity.loaded
  const isOfPage = !isApiKey(token) || token.startsWith('pk_')
  const reason = hasGrant ? unfitOrigin(identity, headers, isOfPage) : 'operation_denied'
  if (reason === undefined) {
    const subject = ownSubject(app.id, identity.owner)
    return { ok: true, publisher: { identity, subject, isOfPage } }
  }
  const denied = { action: 'auth.denied', reason, source, target: namedBearer(token) } as const
  deps.recordDenial(denied, app)
  const detail = reason === 'operation_denied' ? GRANT_TEXT : undefined
  return { ok: false, refused: { refusal: reason, detail }, appId: app.id }
}

async function prove(
  token: string,
  source: Source,
  { bearers, directory }: PublisherDeps,
): Promise<Result<{ readonly identity: MqttIdentity; readonly hasGrant: boolean }, RefusalCode>> {
  if (isApiKey(token)) {
    const key = await bearers.authenticateKey(token, source)
    if (!key.ok) return key
    return ok({ identity: identityOfKey(key.value, directory), hasGrant: isGranted(key.value) })
  }
  const bearer = await bearers.authenticate(token, source)
  // What a token may do stands in its permissions, which rules are bound by.
  return bearer.ok ? ok({ identity: identityOfToken(bearer.value, token), hasGrant: true }) : bearer
}

/** A key without scopes may publish if it is a server's; else its scopes have to say so. */
function isGranted({ credential }: KeyIdentity): boolean {
  const { prefix, scopes } = credential.attributes
  if (scopes === undefined) return prefix === 'sk'
  return scopes.some((scope) => scope === 'publish' || scope.startsWith('publish:'))
}

/** @returns why a page may not do this; undefined where none asks, or it may. */
function unfitOrigin(
  { loaded }: MqttIdentity,
  headers: Headers,
  isOfPage: boolean,
): RefusalCode | undefined {
  const origin = headers.get('origin')
  if (origin === null) return undefined
  const { settings } = loaded.app
  if (!isOriginAllowed(settings, origin)) return 'origin_refused'
  if (isOfPage || settings.mqttUsersInBrowsers === 'allow') return undefined
  return 'password_in_browser'
}

/** Charged after the check, so that a right key always passes. */
function failed(refusal: RefusalCode, source: Source, { guard }: PublisherDeps): Proven {
  const headers = refusal.startsWith('credential') || refusal === 'token_expired' ? CHALLENGE : {}
  if (!FAILURES.has(refusal)) return { ok: false, refused: { refusal } }
  const { refused } = guard.authenticate(limitSubject(source.ip), undefined, source)
  if (refused === undefined) return { ok: false, refused: { refusal, headers } }
  return { ok: false, refused: { refusal: 'rate_limited', reading: refused } }
}

const GRANT_TEXT =
  'This key may not publish. Use a secret key (sk_), or one with the scope publish.'
