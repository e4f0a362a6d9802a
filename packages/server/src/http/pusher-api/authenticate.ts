/**
 * Who signed a call of the Pusher HTTP API. Contract 1G.1. Unknown app, unknown key, wrong
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
import type { RefusalCode } from '../../core/refusals.ts'
import type { AppDirectory, LoadedApp } from '../../credentials/app-directory.ts'
import { isMd5Of, isSignedBy } from '../../credentials/signature.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ReplayMemory } from './replay-memory.ts'

export interface SignedCall {
  readonly appId: string
  readonly method: string
  /** Raw, prefix included: what the caller signed. */
  readonly fullPath: string
  readonly query: string
  readonly body: Uint8Array
}

export interface AuthenticateDeps {
  readonly directory: AppDirectory
  readonly clock: Clock
  readonly replays: ReplayMemory
  readonly authTimestampWindowMs: number
}

export interface AuthenticatedCall {
  readonly loaded: LoadedApp
  readonly principal: ServerPrincipal
  readonly query: SignedQuery
}

export function authenticate(
  call: SignedCall,
  deps: AuthenticateDeps,
): Result<AuthenticatedCall, RefusalCode> {
  const loaded = deps.directory.findById(call.appId)
  const parsed = parseSignedQuery(call.query)
  const query: SignedQuery = parsed.ok ? parsed.value : new Map()
  const signature = query.get('auth_signature') ?? ''
  const auth = { key: query.get('auth_key') ?? '', signature }
  const isSigned = isSignedBy(loaded, auth, httpStringToSign(call.method, call.fullPath, query))
  const isFresh = isTimely(query.get('auth_timestamp'), deps.clock.nowMs(), deps)
  const isWhole = parsed.ok && isSignature(signature) && query.get('auth_version') === '1.0'
  if (loaded === undefined || !isSigned || !isWhole || !isFresh) return refuse('unauthenticated')
  // Last: a digest costs as much as the body is long, and only the holder of a secret gets here.
  if (!isBodyCovered(query.get('body_md5'), call.body)) return refuse('unauthenticated')
  const { settings } = loaded.app
  if (!settings.enabled || loaded.tenant.state !== 'active') return refuse('app_disabled')
  if (settings.rejectReplays && call.method !== 'GET') {
    const remembered = deps.replays.remember(signature, deps.clock.nowMs())
    if (remembered !== 'new') return refuse(remembered)
  }
  return ok({ loaded, principal: { kind: 'server', settings }, query })
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
