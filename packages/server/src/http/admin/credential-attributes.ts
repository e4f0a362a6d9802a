/** What a new credential is for, from the fields of the call. Fields of other kinds are refused. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { newAppKey } from '../../credentials/identifiers.ts'
import type { Random } from '../../ports/random.ts'
import type { CredentialAttributes, CredentialKind } from '../../ports/records/credential.ts'

export interface CredentialFields {
  readonly kind: CredentialKind
  readonly prefix?: string | undefined
  readonly scopes?: readonly string[] | undefined
}

const HMAC_ALGORITHMS = ['HS256', 'HS384', 'HS512']

export function attributesOf(
  { kind, prefix, scopes }: CredentialFields,
  random: Random,
): Result<CredentialAttributes, 'input_invalid'> {
  if (kind === 'api_key') {
    return ok({ prefix: prefix ?? 'sk', ...(scopes === undefined ? {} : { scopes }) })
  }
  if (prefix !== undefined || scopes !== undefined) {
    return refuse('input_invalid', 'Only API keys have a prefix and scopes.')
  }
  if (kind === 'jwt_secret') return ok({ algorithms: HMAC_ALGORITHMS })
  return ok(kind === 'signing_secret' ? { appKey: newAppKey(random) } : {})
}
