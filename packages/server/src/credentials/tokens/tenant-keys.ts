/**
 * The signing keys of tenants as they count now: which one signs, and which are published. A key
 * whose tail is over is gone at the moment it is asked for, whatever a schedule has written down.
 */
import type { webcrypto } from 'node:crypto'
import type { CredentialRecord, VersionRecord } from '../../ports/records/credential.ts'
import type { LoadedCredential } from '../app-directory.ts'
import { isAccepted } from '../engine/reading.ts'
import type { LoadedTenant, TenantDirectory } from '../tenant-directory.ts'
import { readSigningMaterial, type SigningKeyPair } from './signing-material.ts'

export interface SigningKey {
  readonly pair: SigningKeyPair
  readonly version: VersionRecord
  readonly credentialId: string
  /** The whole protected header of an access token, encoded (RFC 9068 §2.1). */
  readonly accessTokenHeader: string
}

export interface KeySet {
  readonly keys: readonly webcrypto.JsonWebKey[]
}

export class TenantKeys {
  readonly #tenants: TenantDirectory
  /** Opened once for each read of the store. */
  readonly #opened = new WeakMap<LoadedCredential, readonly SigningKey[]>()

  constructor(tenants: TenantDirectory) {
    this.#tenants = tenants
  }

  /** @returns undefined where every key was revoked and none was made yet. */
  signer(tenantId: string, nowMs: number): SigningKey | undefined {
    return this.all(tenantId).find(
      ({ version }) => version.state === 'current' && isAccepted(version, nowMs),
    )
  }

  /**
   * @param kid untrusted; it only chooses among the keys of this one tenant.
   * @returns a key that may verify now.
   */
  verifier(tenantId: string, kid: unknown, nowMs: number): SigningKey | undefined {
    return this.all(tenantId).find(
      ({ pair, version }) => pair.kid === kid && isAccepted(version, nowMs),
    )
  }

  /** RFC 7517 §5: at most two keys. @returns undefined for a tenant that does not exist. */
  keySet(tenantId: string, nowMs: number): KeySet | undefined {
    if (this.#tenants.find(tenantId) === undefined) return undefined
    const published = this.all(tenantId).filter(({ version }) => isAccepted(version, nowMs))
    return { keys: published.map(({ pair }) => pair.jwk) }
  }

  /** Every key of the tenant with a private part, also those that no longer count. */
  all(tenantId: string): readonly SigningKey[] {
    const credential = signingCredentialOf(this.#tenants.find(tenantId))
    return credential === undefined ? [] : this.#open(credential)
  }

  #open(credential: LoadedCredential): readonly SigningKey[] {
    const known = this.#opened.get(credential)
    if (known !== undefined) return known
    const keys = credential.record.versions.flatMap((version) => {
      const material = credential.secrets.get(version.id)
      if (material === undefined) return []
      const credentialId = credential.record.id
      return [{ ...signingKey(version, readSigningMaterial(material)), credentialId }]
    })
    this.#opened.set(credential, keys)
    return keys
  }
}

/** @returns the credential that holds the signing keys of a tenant: there is one. */
export function signingCredentialOf(
  loaded: LoadedTenant | undefined,
): (LoadedCredential & { readonly record: CredentialRecord }) | undefined {
  return loaded?.credentials.find(({ record }) => record.kind === 'tenant_signing_key')
}

function signingKey(version: VersionRecord, pair: SigningKeyPair) {
  const header = { alg: pair.algorithm, typ: 'at+jwt', kid: pair.kid }
  const accessTokenHeader = Buffer.from(JSON.stringify(header)).toString('base64url')
  return { pair, version, accessTokenHeader }
}
