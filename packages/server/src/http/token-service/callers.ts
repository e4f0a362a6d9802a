/** Who calls: by a secret key of an app, in the body or in a header. */
import type { KeyIdentity } from '../../credentials/bearers.ts'
import { MINT_SCOPE } from '../../ports/records/scope.ts'
import { bearerToken } from '../bearer-header.ts'
import { limitSubject } from '../../core/limits/address-subject.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { WindowLimitName } from '../../core/limits/limit-names.ts'
import { limitRefusal, refusal, type ServiceRefusal } from './answers.ts'
import type { ServiceCall } from './deps.ts'

export type Called =
  | { readonly ok: true; readonly key: KeyIdentity }
  | { readonly ok: false; readonly refused: ServiceRefusal }

/** @returns the key of the header; undefined where there is none. */
export function headerKey({ headers }: Request): string | undefined {
  return bearerToken(headers) ?? headers.get('x-api-key') ?? undefined
}

/**
 * @param organization untrusted; undefined where the key alone says it.
 * @returns one refusal for every way in which key and organization do not go together: nobody
 *   learns which organizations there are.
 */
export async function byKey(
  value: string,
  organization: string | undefined,
  call: ServiceCall,
): Promise<Called> {
  const { bearers, tenants } = call.deps
  const answer = await bearers.authenticateKey(value, call.source)
  if (!answer.ok) {
    if (answer.refusal === 'credential_invalid') return { ok: false, refused: WRONG_KEY }
    return { ok: false, refused: DISABLED }
  }
  const { loaded } = answer.value
  const named = organization === undefined ? undefined : tenants.findOrganization(organization)
  if (organization !== undefined && named?.tenant.id !== loaded.tenant.id) {
    denied('credential_invalid', answer.value, call)
    return { ok: false, refused: WRONG_KEY }
  }
  if (!call.concerns(loaded.app.id)) {
    denied('origin_refused', answer.value, call)
    return { ok: false, refused: FOREIGN_ORIGIN }
  }
  return { ok: true, key: answer.value }
}

/** A good key in the wrong place is told to the audit of its app. */
export function denied(reason: RefusalCode, key: KeyIdentity, call: ServiceCall): void {
  const { version, loaded } = key
  const { source, deps } = call
  const target = { kind: 'key', id: version.keyId ?? 'unknown' }
  deps.recordDenial({ action: 'auth.denied', reason, source, target }, loaded.app)
}

/** A key that may give out and manage tokens: a server's, or one that has the scope. */
export function mayMint({ credential }: KeyIdentity): boolean {
  const { prefix, scopes } = credential.attributes
  return scopes === undefined ? prefix === 'sk' : scopes.includes(MINT_SCOPE)
}

/** By the key of a header, which may manage tokens. */
export async function byManager(call: ServiceCall): Promise<Called> {
  const value = headerKey(call.request)
  if (value === undefined) return { ok: false, refused: NO_KEY }
  const called = await byKey(value, undefined, call)
  if (!called.ok || mayMint(called.key)) return called
  denied('operation_denied', called.key, call)
  return { ok: false, refused: NARROW }
}

/** @returns what is told where the limit is used up; undefined where it was charged. */
export function overLimit(
  name: WindowLimitName,
  subject: string,
  call: ServiceCall,
): ServiceRefusal | undefined {
  const about = { owner: undefined, source: () => call.source }
  const { refused } = call.deps.guard.charge([{ name, subject }], about)
  return refused === undefined ? undefined : limitRefusal(refused)
}

export function addressOf({ source }: ServiceCall): string {
  return limitSubject(source.ip)
}

export const FOREIGN_ORIGIN = refusal(
  'origin_refused',
  'Pages of this origin may not call. Add it to allowedOrigins of the app.',
)
const WRONG_KEY = refusal(
  'invalid_secret_key',
  'The secret key is not one of this organization, or it is not valid any more.',
)
const NO_KEY = refusal('unauthorized', 'Send a secret key: Authorization: Bearer sk_...', {
  'www-authenticate': 'Bearer realm="lockgate"',
})
export const NARROW = refusal(
  'insufficient_scope',
  'This key may not give out tokens. Use a secret key (sk_), or one with the scope mint.',
)
export const DISABLED = refusal(
  'organization_disabled',
  'The organization or its app is not active at the moment.',
)
