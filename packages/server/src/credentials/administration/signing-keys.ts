/** The keys tenants sign tokens with: made with the tenant, rotated on a schedule or in need. */
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { TenantRecord } from '../../ports/records/tenant.ts'
import { createCredential, type VersionDraft } from '../engine/rotation.ts'
import { rulesOf } from '../engine/kind-rules.ts'
import { newId } from '../identifiers.ts'
import { sealedMaterial } from '../material.ts'
import { makeSigningMaterial } from '../tokens/signing-material.ts'
import type { AdministrationDeps, Caller } from './context.ts'

type Deps = Pick<AdministrationDeps, 'clock' | 'random' | 'masterKey' | 'keys'>

/** @returns the first signing key of a tenant; nothing is stored yet. */
export async function makeSigningKey(
  tenant: Pick<TenantRecord, 'id' | 'signingAlgorithm'>,
  caller: Pick<Caller, 'actor'>,
  deps: Deps,
): Promise<CredentialRecord> {
  const id = newId('cred', deps.random)
  const created = createCredential(
    {
      id,
      kind: 'tenant_signing_key',
      tenantId: tenant.id,
      appId: undefined,
      name: 'token signing key',
      attributes: { algorithms: [tenant.signingAlgorithm] },
      policy: rulesOf('tenant_signing_key').policy,
      version: await makeSigningVersion({ id, tenant }, caller, deps),
    },
    deps.clock.nowMs(),
  )
  if (!created.ok) throw new Error(`a signing key was refused: ${created.refusal}`)
  return created.value
}

/** @returns a version of a signing key with a fresh private key. */
export async function makeSigningVersion(
  of: { readonly id: string; readonly tenant: Pick<TenantRecord, 'signingAlgorithm'> },
  { actor }: Pick<Caller, 'actor'>,
  deps: Deps,
): Promise<VersionDraft> {
  const versionId = newId('ver', deps.random)
  const { masterKey, random, keys } = deps
  const material = sealedMaterial(
    await makeSigningMaterial(of.tenant.signingAlgorithm),
    { kind: 'tenant_signing_key', credentialId: of.id, versionId },
    { masterKey, random, fingerprintKey: keys.fingerprint },
  )
  return {
    id: versionId,
    keyId: undefined,
    material,
    hint: '',
    origin: 'generated',
    createdBy: `${actor.kind}:${actor.id}`,
    expiresAtMs: undefined,
  }
}
