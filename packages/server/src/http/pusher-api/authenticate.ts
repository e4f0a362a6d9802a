/**
 * Who makes a call of the Pusher HTTP API: the holder of a signing secret (contract 1G.1), or of an
 * API key or token in the Authorization header (RFC 6750 §2.1). Unknown app, unknown key, wrong
 * signature and stale time are one answer after the same work.
 */
import {
  httpStringToSign,
  isSignature,
  parseSignedQuery,
  type SignedQuery,
} from '@lockgate/protocol/pusher/signature'
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import type { ServerPrincipal } from '../../core/acl.ts'
import type { CredentialLimits } from '../../core/limits/narrowed-limits.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Source } from '../../core/source.ts'
import { admitApp, type AppDirectory, type LoadedApp } from '../../credentials/app-directory.ts'
import {
  type DeniedAttempt,
  namedAppKey,
  namedBearer,
  NO_OWNER,
  type RecordDenial,
  retiredAttempt,
} from '../../credentials/audit/denied-access.ts'
import type { Bearers } from '../../credentials/bearers.ts'
import { isMd5Of, signerOf } from '../../credentials/signature.ts'
import type { RecordUse } from '../../credentials/use-recorder.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ReplayMemory } from './replay-memory.ts'

/** What is signed but for the body, which the signature covers by its digest. */
export interface CallHead {
  readonly appId: string
  readonly method: string
  /** Raw, prefix included: what the caller signed. */
  readonly fullPath: string
  readonly query: string
  readonly source: () => Omit<Source, 'protocol'>
}

export interface SignedCall extends CallHead {
  readonly body: Uint8Array
}

export interface AuthenticateDeps {
  readonly directory: AppDirectory
  readonly bearers: Bearers
  readonly recordUse: RecordUse
  readonly recordDenial: RecordDenial
  readonly clock: Clock
  readonly replays: ReplayMemory
  readonly authTimestampWindowMs: number
}

export interface AuthenticatedCall {
  readonly loaded: LoadedApp
  readonly principal: ServerPrincipal
  readonly query: SignedQuery
  /** Who calls, for the audit. */
  readonly caller: DeniedAttempt['target']
  /** Of a token that was made for one. */
  readonly userId: string | undefined
  /** What the key or token says of its limits. */
  readonly limits: CredentialLimits | undefined
}

export function authenticate(
  call: SignedCall,
  deps: AuthenticateDeps,
): Result<AuthenticatedCall, RefusalCode> {
  const vouched = authenticateHead(call, deps)
  if (!vouched.ok) return vouched
  const { loaded, query, caller, signature } = vouched.value
  const fail = failing(call, { loaded, caller }, deps)
  // Last: a digest costs as much as the body is long, and only the holder of a secret gets here.
  if (!isBodyCovered(query.get('body_md5'), call.body)) return fail('unauthenticated')
  const nowMs = deps.clock.nowMs()
  const admitted = admitApp(loaded, nowMs)
  if (!admitted.ok) return fail(admitted.refusal, { action: 'auth.denied' })
  const { settings } = loaded.app
  if (settings.rejectReplays && call.method !== 'GET') {
    const remembered = deps.replays.remember(signature, nowMs)
    if (remembered !== 'new') return fail(remembered)
  }
  const principal = { kind: 'server' as const, settings, permissions: undefined }
  return ok({ loaded, principal, query, caller, userId: undefined, limits: undefined })
}

/** Who vouches for a call whose body is not known yet. */
interface VouchedHead extends Pick<AuthenticatedCall, 'loaded' | 'query' | 'caller'> {
  readonly signature: string
}

/** Asked before much of a body is kept. It is no leave to do anything: {@link authenticate} is. */
export function authenticateHead(
  call: CallHead,
  deps: AuthenticateDeps,
): Result<VouchedHead, RefusalCode> {
  const loaded = deps.directory.findById(call.appId)
  const parsed = parseSignedQuery(call.query)
  const query: SignedQuery = parsed.ok ? parsed.value : new Map()
  const signature = query.get('auth_signature') ?? ''
  const entry = deps.directory.findByAppKey(query.get('auth_key') ?? '')
  const nowMs = deps.clock.nowMs()
  const text = httpStringToSign(call.method, call.fullPath, query)
  // A key of another app signs nothing here, after the same work.
  const credential = entry?.loaded === loaded ? entry?.credential : undefined
  const signer = signerOf(credential, { signature, text }, nowMs)
  const isFresh = isTimely(query.get('auth_timestamp'), nowMs, deps)
  const isWhole = parsed.ok && isSignature(signature) && query.get('auth_version') === '1.0'
  const caller = namedAppKey(entry?.loaded === loaded ? entry : undefined)
  const fail = failing(call, { loaded, caller }, deps)
  if (loaded === undefined || signer === undefined || !isWhole || !isFresh) {
    return fail('unauthenticated')
  }
  deps.recordUse(signer, { ...call.source(), protocol: 'http' }, loaded.app)
  if (signer.outcome !== 'accepted') return fail('unauthenticated', retiredAttempt(signer))
  return ok({ loaded, query, caller, signature })
}

/** @returns what writes a refusal into the audit of whom it is about. */
function failing(
  call: CallHead,
  of: { readonly loaded: LoadedApp | undefined; readonly caller: DeniedAttempt['target'] },
  deps: AuthenticateDeps,
) {
  return <R extends RefusalCode>(refusal: R, attempt: Partial<DeniedAttempt> = {}) => {
    const source = { ...call.source(), protocol: 'http' }
    const denied = { action: 'auth.failed', reason: refusal, target: of.caller, source } as const
    deps.recordDenial({ ...denied, ...attempt }, of.loaded?.app ?? NO_OWNER)
    return refuse(refusal)
  }
}

/**
 * @param token what stands after `Bearer `.
 * @returns another app's credential is as wrong as none: this app is not there for it.
 */
export async function authenticateBearer(
  token: string,
  call: CallHead,
  deps: AuthenticateDeps,
): Promise<Result<AuthenticatedCall, RefusalCode>> {
  const source = { ...call.source(), protocol: 'http' }
  const addressed = deps.directory.findById(call.appId)?.app
  const identity = await deps.bearers.authenticate(token, source, addressed)
  if (!identity.ok) return identity
  const { loaded, permissions, userId, limits } = identity.value
  const caller = namedBearer(token)
  if (loaded.app.id !== call.appId) {
    const reason = 'credential_invalid' as const
    deps.recordDenial({ action: 'auth.denied', reason, source, target: caller }, loaded.app)
    return refuse(reason)
  }
  const parsed = parseSignedQuery(call.query)
  if (!parsed.ok) return refuse('request_malformed')
  const { settings } = loaded.app
  const principal = { kind: 'server' as const, settings, permissions }
  return ok({ loaded, principal, query: parsed.value, caller, userId, limits })
}

/** The digest is mandatory with a body; where it is given without one it still has to hold. */
function isBodyCovered(digest: string | undefined, body: Uint8Array): boolean {
  return digest === undefined ? body.length === 0 : isMd5Of(digest, body)
}

function isTimely(
  text: string | undefined,
  nowMs: number,
  { authTimestampWindowMs }: AuthenticateDeps,
): boolean {
  if (text === undefined || !/^\d{1,12}$/.test(text)) return false
  return Math.abs(nowMs - Number(text) * 1000) <= authTimestampWindowMs
}
