/** What a declared JWT secret, public key or key set is as a credential, and which one it is. */
import { fingerprintOf } from '../material.ts'
import type { AdministrationDeps } from '../administration/context.ts'
import { HMAC_ALGORITHMS } from '../foreign-keys/algorithms.ts'
import { readRegisteredKey } from '../foreign-keys/registered-key.ts'
import type { DeclaredApp } from './declared.ts'
import { hasValue, type Wanted } from './wanted.ts'

interface Context {
  readonly owner: { readonly tenantId: string; readonly appId: string }
  readonly keys: AdministrationDeps['keys']
}

/** Another name, issuer or audience makes another credential: its tokens are held to them. */
export function wantedJwt(
  secret: DeclaredApp['jwtSecrets'][number],
  index: number,
  { owner, keys }: Context,
): Wanted {
  const { value, jwk, jwksUrl, kid, issuer, audience } = secret
  const kind = 'jwt_secret' as const
  const attributes = {
    ...(value === undefined ? {} : { algorithms: HMAC_ALGORITHMS }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  }
  const key = value === undefined ? { jwk, jwksUrl } : undefined
  const registered = readRegisteredKey(key ?? {}, undefined)
  const material = registered.ok ? JSON.stringify(registered.value) : undefined
  const fingerprint = value === undefined ? undefined : fingerprintOf(value, keys.fingerprint)
  return {
    request: { ...owner, kind, name: kid ?? `declared ${index + 1}`, attributes, value, key },
    isMeant: (record) =>
      record.kind === kind &&
      (kid === undefined || record.name === kid) &&
      record.attributes.issuer === issuer &&
      JSON.stringify(record.attributes.audience) === JSON.stringify(audience) &&
      (fingerprint === undefined
        ? record.versions.some((version) => JSON.stringify(version.material) === material)
        : hasValue(record, fingerprint)),
  }
}
