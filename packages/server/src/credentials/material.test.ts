import { describe, expect, test } from 'bun:test'
import { createHmac, createSecretKey } from 'node:crypto'
import { createPasswordHash } from '../adapters/system/password-hash.ts'
import { systemRandom } from '../adapters/system/random.ts'
import type { CredentialRecord, Material, VersionRecord } from '../ports/records/credential.ts'
import type { MasterKey } from './master-key.ts'
import {
  bcryptInputOf,
  fingerprintOf,
  hashedMaterial,
  matchesFingerprint,
  openMaterial,
  resealMaterial,
  sealedMaterial,
} from './material.ts'
import { sealSecret } from './sealing.ts'

const VALUE = 'mR7vXq2LzT9cYb4NfKd8WsGj3HpQ6uAeVxB1tZ5y'
const passwordHash = createPasswordHash({ cost: 4 })
const fingerprintKey = createSecretKey(Buffer.alloc(32, 1))
const otherKey = createSecretKey(Buffer.alloc(32, 2))

function masterKeyOf(...versions: number[]): MasterKey {
  const keys = versions.map((each) => [each, createSecretKey(Buffer.alloc(32, each))] as const)
  return { currentVersion: Math.max(...versions), versions: new Map(keys) }
}

function credentialWith(...materials: Material[]): CredentialRecord {
  const versions = materials.map(
    (material, index): VersionRecord => ({
      id: `ver_${index + 1}`,
      number: index + 1,
      state: 'current',
      keyId: undefined,
      material,
      hint: '',
      origin: 'generated',
      createdAtMs: 0,
      createdBy: 'test',
      activatedAtMs: 0,
      expiresAtMs: undefined,
      acceptUntilMs: undefined,
      disabledAtMs: undefined,
      endedAtMs: undefined,
    }),
  )
  return {
    id: 'cred_1',
    kind: 'signing_secret',
    tenantId: 'tenant',
    appId: 'app-1',
    name: '',
    attributes: { appKey: 'key-1' },
    policy: { overlapMaxMs: 1, overlapDefaultMs: 1, maxAgeDays: undefined, isAutomatic: false },
    versions,
    revision: 7,
    createdAtMs: 0,
  }
}

const seal = (masterKey: MasterKey, versionId = 'ver_1') =>
  sealedMaterial(
    VALUE,
    { kind: 'signing_secret', credentialId: 'cred_1', versionId },
    { masterKey, random: systemRandom, fingerprintKey },
  )

/** As releases before fingerprints wrote it. */
function sealedOfOld(masterKey: MasterKey): Material {
  const context = { purpose: 'signing-secret', owner: ['app-1', 'key-1'] }
  const sealed = sealSecret(Buffer.from(VALUE), context, { masterKey, random: systemRandom })
  return { storage: 'sealed', sealed: Buffer.from(sealed).toString('base64'), fingerprint: '' }
}

function open(credential: CredentialRecord, masterKey: MasterKey, index = 0) {
  const version = credential.versions[index]
  if (version === undefined) throw new Error('no such version')
  const opened = openMaterial(credential, version, masterKey)
  return opened.ok ? Buffer.from(opened.value).toString() : opened.refusal
}

describe('hashed material', () => {
  test('verifies its value and no other, and holds nothing of it', async () => {
    const material = await hashedMaterial(VALUE, { passwordHash, fingerprintKey })
    expect(await passwordHash.verify(bcryptInputOf(VALUE), material.bcrypt)).toBe(true)
    expect(await passwordHash.verify(bcryptInputOf(`${VALUE}x`), material.bcrypt)).toBe(false)
    expect(JSON.stringify(material)).not.toContain(VALUE)
    expect(JSON.stringify(material)).not.toContain(bcryptInputOf(VALUE))
  })

  test('tells values apart that differ after 72 bytes, which bcrypt alone would not', async () => {
    const long = 'x'.repeat(255)
    const material = await hashedMaterial(`${long}a`, { passwordHash, fingerprintKey })
    expect(await passwordHash.verify(bcryptInputOf(`${long}a`), material.bcrypt)).toBe(true)
    expect(await passwordHash.verify(bcryptInputOf(`${long}b`), material.bcrypt)).toBe(false)
  })
})

describe('a fingerprint', () => {
  test('is HMAC-SHA256 in base64, equal for equal values only', () => {
    const expected = createHmac('sha256', fingerprintKey).update(VALUE).digest('base64')
    expect(fingerprintOf(VALUE, fingerprintKey)).toBe(expected)
    expect(fingerprintOf(Buffer.from(VALUE), fingerprintKey)).toBe(expected)
    expect(fingerprintOf(`${VALUE} `, fingerprintKey)).not.toBe(expected)
    expect(fingerprintOf(VALUE, otherKey)).not.toBe(expected)
  })

  test('matches what was made of the value, hashed or sealed', () => {
    const fingerprint = fingerprintOf(VALUE, fingerprintKey)
    for (const material of [
      { storage: 'hashed', bcrypt: '', fingerprint },
      { storage: 'sealed', sealed: '', fingerprint },
    ] as const) {
      expect(matchesFingerprint(VALUE, material, fingerprintKey)).toBe(true)
      expect(matchesFingerprint('other', material, fingerprintKey)).toBe(false)
      expect(matchesFingerprint(VALUE, material, otherKey)).toBe(false)
    }
  })

  test.each<[Material]>([
    [{ storage: 'erased' }],
    [{ storage: 'public', jwk: '{}' }],
    [{ storage: 'sealed', sealed: '', fingerprint: '' }],
    [{ storage: 'hashed', bcrypt: '', fingerprint: 'short' }],
    [{ storage: 'hashed', bcrypt: '', fingerprint: '!'.repeat(44) }],
  ])('matches nothing in %j', (material) => {
    expect(matchesFingerprint(VALUE, material, fingerprintKey)).toBe(false)
    expect(matchesFingerprint('', material, fingerprintKey)).toBe(false)
  })
})

describe('sealed material', () => {
  test('opens in its own version of its own credential only', () => {
    const masterKey = masterKeyOf(1)
    const credential = credentialWith(seal(masterKey), seal(masterKey))
    expect(open(credential, masterKey)).toBe(VALUE)
    expect(open(credential, masterKey, 1)).toBe('not_authentic')
    expect(open({ ...credential, id: 'cred_2' }, masterKey)).toBe('not_authentic')
    expect(open({ ...credential, kind: 'jwt_secret' }, masterKey)).toBe('not_authentic')
  })

  test('keeps any text, byte for byte', () => {
    const masterKey = masterKeyOf(1)
    const value = 'ключ 🔑\n\u0000-----BEGIN'
    const context = { kind: 'signing_secret', credentialId: 'cred_1', versionId: 'ver_1' } as const
    const material = sealedMaterial(value, context, {
      masterKey,
      random: systemRandom,
      fingerprintKey,
    })
    expect(open(credentialWith(material), masterKey)).toBe(value)
    expect(material.fingerprint).toBe(fingerprintOf(value, fingerprintKey))
  })

  test('of earlier releases opens for its app key, and never passes as one of today', () => {
    const masterKey = masterKeyOf(1)
    const credential = credentialWith(sealedOfOld(masterKey))
    expect(open(credential, masterKey)).toBe(VALUE)
    expect(open({ ...credential, appId: 'app-2' }, masterKey)).toBe('not_authentic')
    const [version] = credential.versions
    const material = { ...version?.material, fingerprint: 'x' } as Material
    expect(open(credentialWith(material), masterKey)).toBe('not_authentic')
  })

  test('is refused where there is none', () => {
    for (const material of [
      { storage: 'erased' },
      { storage: 'hashed', bcrypt: '', fingerprint: '' },
      { storage: 'public', jwk: '{}' },
    ] as const) {
      expect(open(credentialWith(material), masterKeyOf(1))).toBe('not_sealed')
    }
    const torn = { storage: 'sealed', sealed: 'AQ==', fingerprint: '' } as const
    expect(open(credentialWith(torn), masterKeyOf(1))).toBe('malformed')
  })
})

describe('after a rotation of the master key', () => {
  const both = masterKeyOf(1, 2)
  const deps = { masterKey: both, random: systemRandom, fingerprintKey }

  test('every value is sealed anew once, and then opens without the old version', () => {
    const hashed = { storage: 'hashed', bcrypt: 'b', fingerprint: 'f' } as const
    const credential = credentialWith(seal(masterKeyOf(1)), hashed, seal(both, 'ver_3'))
    const resealed = resealMaterial(credential, deps)
    if (!resealed.ok) throw new Error(resealed.refusal)
    expect(resealed.value.revision).toBe(8)
    expect(open(resealed.value, masterKeyOf(2))).toBe(VALUE)
    expect(resealed.value.versions.slice(1)).toEqual(credential.versions.slice(1))
    const again = resealMaterial(resealed.value, deps)
    expect(again.ok && again.value).toBe(resealed.value)
  })

  test('the fingerprint stays, so a reused value is still found', () => {
    const before = seal(masterKeyOf(1))
    const resealed = resealMaterial(credentialWith(before), deps)
    const material = resealed.ok ? resealed.value.versions[0]?.material : undefined
    expect(material).toMatchObject({ storage: 'sealed', fingerprint: before.fingerprint })
  })

  test('a value of an earlier release gets the context and the fingerprint of today', () => {
    const resealed = resealMaterial(credentialWith(sealedOfOld(masterKeyOf(1))), deps)
    if (!resealed.ok) throw new Error(resealed.refusal)
    expect(open(resealed.value, masterKeyOf(2))).toBe(VALUE)
    expect(resealed.value.versions[0]?.material).toMatchObject({
      fingerprint: fingerprintOf(VALUE, fingerprintKey),
    })
    expect(open({ ...resealed.value, id: 'cred_2' }, masterKeyOf(2))).toBe('not_authentic')
  })

  test('one value that does not open refuses the whole', () => {
    const credential = credentialWith(seal(masterKeyOf(1)), seal(masterKeyOf(3), 'ver_2'))
    expect(resealMaterial(credential, deps)).toMatchObject({ refusal: 'unknown_key_version' })
  })
})
