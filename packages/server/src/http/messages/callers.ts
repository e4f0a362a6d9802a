/** Who calls for a channel with history, by a key or a signed token in a header. */
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import { limitSubject } from '../../core/limits/address-subject.ts'
import { type LimitRefusal, refuseByLimit } from '../../core/limits/limit-refusal.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Source } from '../../core/source.ts'
import { namedBearer } from '../../credentials/audit/denied-access.ts'
import { isApiKey } from '../../credentials/key-format.ts'
import {
  type MessageIdentity,
  messageIdentityOfKey,
  messageIdentityOfToken,
} from '../../credentials/messages/message-identity.ts'
import { isOriginAllowed } from '../../credentials/origin-policy.ts'
import { bearerToken } from '../bearer-header.ts'
import type { MessageApiDeps } from './deps.ts'

export interface Caller {
  readonly identity: MessageIdentity
  /** It may say for whom it publishes: a server, and not what pages may hold. */
  readonly isServer: boolean
}

/** Proofs that do not hold, each of which is charged to its address. */
const FAILURES: ReadonlySet<RefusalCode> = new Set([
  'credential_missing',
  'credential_invalid',
  'credential_revoked',
  'token_expired',
])

/** @param addressed the app the path names; another one's credential is denied. */
export async function proveCaller(
  { headers }: Request,
  of: { readonly addressed: string; readonly source: Source },
  deps: MessageApiDeps,
): Promise<Result<Caller, RefusalCode> | LimitRefusal> {
  const { source } = of
  const token = bearerToken(headers) ?? ''
  const proven = await prove(token, source, deps)
  if (!proven.ok) {
    if (!FAILURES.has(proven.refusal)) return proven
    // Charged after the check, so that a right key always passes.
    const { refused } = deps.guard.authenticate(limitSubject(source.ip), undefined, source)
    return refused === undefined ? proven : refuseByLimit(refused)
  }
  const { app } = proven.value.identity.loaded
  const origin = headers.get('origin')
  const isForeign = origin !== null && !isOriginAllowed(app.settings, origin)
  const reason = app.id === of.addressed ? isForeign && 'origin_refused' : 'operation_denied'
  if (reason === false) return proven
  const target = namedBearer(token)
  deps.recordDenial({ action: 'auth.denied', reason, source, target }, app)
  return refuse(reason, reason === 'operation_denied' ? OTHER_APP_TEXT : undefined)
}

async function prove(
  token: string,
  source: Source,
  { bearers, directory }: MessageApiDeps,
): Promise<Result<Caller, RefusalCode>> {
  if (token === '') return refuse('credential_missing')
  if (isApiKey(token)) {
    const key = await bearers.authenticateKey(token, source)
    if (!key.ok) return key
    const identity = messageIdentityOfKey(key.value, directory, undefined)
    return ok({ identity, isServer: !token.startsWith('pk_') })
  }
  const bearer = await bearers.authenticate(token, source)
  if (!bearer.ok) return bearer
  return ok({ identity: messageIdentityOfToken(bearer.value, token, undefined), isServer: false })
}

const OTHER_APP_TEXT = 'The credential is of another app than the path names.'
