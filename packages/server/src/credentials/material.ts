/**
 * What is kept of a secret instead of the secret: a bcrypt hash where it is only verified, sealed
 * bytes where it is used again, and a keyed fingerprint in both cases. The fingerprint is compared
 * first, so a wrong guess costs microseconds; without its key it tells nothing about the value.
 */
import { createHmac, hash, type KeyObject, timingSafeEqual } from 'node:crypto'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { PasswordHash } from '../ports/password-hash.ts'
import type { Random } from '../ports/random.ts'
import type {
  CredentialKind,
  CredentialRecord,
  Material,
  VersionRecord,
} from '../ports/records/credential.ts'
import { resealDelivered } from './delivered-value.ts'
import type { MasterKey } from './master-key.ts'
import {
  type OpeningRefusal,
  openSecret,
  type SealingContext,
  sealedVersionOf,
  sealSecret,
} from './sealing.ts'

type Hashed = Extract<Material, { storage: 'hashed' }>
type Sealed = Extract<Material, { storage: 'sealed' }>

/** Where a sealed value belongs: it opens nowhere else. */
export interface MaterialContext {
  readonly kind: CredentialKind
  readonly credentialId: string
  readonly versionId: string
}

export interface SealingDeps {
  readonly masterKey: MasterKey
  readonly random: Random
  /** HMAC key of the installation; it outlives rotations of the master key. */
  readonly fingerprintKey: KeyObject
}

/** `not_sealed`: there is no value to open. */
export type MaterialRefusal = OpeningRefusal | 'not_sealed'

const FINGERPRINT_BYTES = 32
/** SHA-256 in base64 with its padding. */
const FINGERPRINT_LENGTH = 44

/** For secrets that are only verified. Costs one bcrypt, off the event loop. */
export async function hashedMaterial(
  value: string,
  deps: { readonly passwordHash: PasswordHash; readonly fingerprintKey: KeyObject },
): Promise<Hashed> {
  const bcrypt = await deps.passwordHash.hash(bcryptInputOf(value))
  return { storage: 'hashed', bcrypt, fingerprint: fingerprintOf(value, deps.fingerprintKey) }
}

/** For secrets that sign or are sent on. @param value its UTF-8 bytes are sealed. */
export function sealedMaterial(value: string, context: MaterialContext, deps: SealingDeps): Sealed {
  return sealBytes(Buffer.from(value), context, deps)
}

/** @returns the UTF-8 bytes of the value; they live in memory only. */
export function openMaterial(
  credential: CredentialRecord,
  version: VersionRecord,
  masterKey: MasterKey,
): Result<Uint8Array, MaterialRefusal> {
  const { material } = version
  if (material.storage !== 'sealed') return refuse('not_sealed')
  const context = contextOf(credential, version, material)
  return openSecret(Buffer.from(material.sealed, 'base64'), context, masterKey)
}

/**
 * Seals every value of a credential under the current version of the master key. One sealed by an
 * earlier release also moves to the context and gets the fingerprint of today.
 * @returns the same object when nothing was sealed under another version, else the next revision.
 */
export function resealMaterial(
  credential: CredentialRecord,
  deps: SealingDeps,
): Result<CredentialRecord, OpeningRefusal> {
  let isChanged = false
  const versions: VersionRecord[] = []
  for (const version of credential.versions) {
    const waiting = resealDelivered(version, credential.id, deps)
    if (!waiting.ok) return waiting
    const sealed = resealVersion(credential, waiting.value, deps)
    if (!sealed.ok) return sealed
    versions.push(sealed.value)
    if (sealed.value !== version) isChanged = true
  }
  if (!isChanged) return ok(credential)
  return ok({ ...credential, versions, revision: credential.revision + 1 })
}

/** @returns the same version when its material is not sealed, or under the current key already. */
function resealVersion(
  credential: CredentialRecord,
  version: VersionRecord,
  deps: SealingDeps,
): Result<VersionRecord, OpeningRefusal> {
  const { material } = version
  if (
    material.storage !== 'sealed' ||
    sealedVersionOf(material.sealed) === deps.masterKey.currentVersion
  ) {
    return ok(version)
  }
  const context = contextOf(credential, version, material)
  const opened = openSecret(Buffer.from(material.sealed, 'base64'), context, deps.masterKey)
  if (!opened.ok) return opened
  const owner = { kind: credential.kind, credentialId: credential.id, versionId: version.id }
  return ok({ ...version, material: sealBytes(opened.value, owner, deps) })
}

/** @returns base64 of HMAC-SHA256: equal for equal values, so it finds one that is used again. */
export function fingerprintOf(value: string | Uint8Array, key: KeyObject): string {
  return createHmac('sha256', key).update(value).digest('base64')
}

/**
 * Whether `value` is the one `material` was made of; in constant time. False for what is erased.
 */
export function matchesFingerprint(value: string, material: Material, key: KeyObject): boolean {
  const given = createHmac('sha256', key).update(value).digest()
  const expected = fingerprintBytesOf(material)
  return expected !== undefined && timingSafeEqual(given, expected)
}

/** @returns undefined where there is none to compare with. */
export function fingerprintBytesOf(material: Material): Uint8Array | undefined {
  if (material.storage !== 'hashed' && material.storage !== 'sealed') return undefined
  if (material.fingerprint.length !== FINGERPRINT_LENGTH) return undefined
  const bytes = Buffer.from(material.fingerprint, 'base64')
  return bytes.length === FINGERPRINT_BYTES ? bytes : undefined
}

/** 44 characters whatever the length of the value: bcrypt stops reading after 72 bytes. */
export function bcryptInputOf(value: string): string {
  return hash('sha256', value, 'base64')
}

function sealBytes(value: Uint8Array, context: MaterialContext, deps: SealingDeps): Sealed {
  const { kind, credentialId, versionId } = context
  const sealed = sealSecret(value, { purpose: kind, owner: [credentialId, versionId] }, deps)
  return {
    storage: 'sealed',
    sealed: Buffer.from(sealed).toString('base64'),
    fingerprint: fingerprintOf(value, deps.fingerprintKey),
  }
}

function contextOf(
  { id, kind, appId, attributes }: CredentialRecord,
  version: VersionRecord,
  { fingerprint }: Sealed,
): SealingContext {
  const { appKey } = attributes
  // Signing secrets of releases before fingerprints were sealed for the row of their app key.
  if (
    kind === 'signing_secret' &&
    fingerprint === '' &&
    appId !== undefined &&
    appKey !== undefined
  )
    return { purpose: 'signing-secret', owner: [appId, appKey] }
  return { purpose: kind, owner: [id, version.id] }
}
