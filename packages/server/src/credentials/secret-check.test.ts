import { describe, expect, test } from 'bun:test'
import { createSecretKey } from 'node:crypto'
import { createPasswordHash } from '../adapters/system/password-hash.ts'
import { systemRandom } from '../adapters/system/random.ts'
import type { PasswordHash } from '../ports/password-hash.ts'
import type { CredentialRecord } from '../ports/records/credential.ts'
import { disable, revoke } from './engine/retirement.ts'
import { createCredential, rotate } from './engine/rotation.ts'
import { generateKey } from './key-format.ts'
import { hashedMaterial } from './material.ts'
import { CONFIRMED_COUNT_MAX, SECRET_CHARACTERS_MAX, SecretCheck } from './secret-check.ts'

const fingerprintKey = createSecretKey(Buffer.alloc(32, 1))

/** The real hash with a count of how often it was asked. */
function counted() {
  const bcrypt = createPasswordHash({ cost: 4 })
  const counts = { verified: 0 }
  const passwordHash: PasswordHash = {
    hash: (text) => bcrypt.hash(text),
    verify: (text, hash) => {
      counts.verified++
      return bcrypt.verify(text, hash)
    },
  }
  return { passwordHash, counts, check: new SecretCheck({ fingerprintKey, passwordHash }) }
}

async function draftOf(id: string, value: string, passwordHash: PasswordHash) {
  const material = await hashedMaterial(value, { passwordHash, fingerprintKey })
  const rest = { keyId: undefined, hint: '', origin: 'custom', createdBy: '' } as const
  return { id, material, expiresAtMs: undefined, ...rest }
}

const freshValue = () => generateKey('cls', systemRandom).value

/** `old` is accepted until 100, `young` is current. */
async function rotatedSecret() {
  const world = counted()
  const [old, young] = [freshValue(), freshValue()]
  const created = createCredential(
    {
      id: 'cred_1',
      kind: 'client_secret',
      tenantId: 't',
      appId: 'a',
      name: '',
      attributes: {},
      policy: { overlapMaxMs: 99, overlapDefaultMs: 99, maxAgeDays: undefined, isAutomatic: false },
      version: await draftOf('ver_1', old, world.passwordHash),
    },
    0,
  )
  const draft = await draftOf('ver_2', young, world.passwordHash)
  return { ...world, old, young, credential: unwrap(rotate(unwrap(created), { draft }, 1)) }
}

function unwrap(moved: { ok: true; value: CredentialRecord } | { ok: false; refusal: string }) {
  if (!moved.ok) throw new Error(moved.refusal)
  return moved.value
}

function versionOf(credential: CredentialRecord, id: string) {
  const version = credential.versions.find((each) => each.id === id)
  if (version === undefined) throw new Error(`no ${id}`)
  return version
}

describe('a value is matched', () => {
  test('to the version it belongs to, both during the overlap and the young one after', async () => {
    const { check, old, young, credential } = await rotatedSecret()
    const outcomesAt = (nowMs: number) =>
      [old, young].map((value) => {
        const match = check.match(value, credential.versions, nowMs)
        return [match?.version.id, match?.outcome]
      })
    expect(outcomesAt(99)).toEqual([
      ['ver_1', 'accepted'],
      ['ver_2', 'accepted'],
    ])
    expect(outcomesAt(100)).toEqual([
      ['ver_1', 'retired'],
      ['ver_2', 'accepted'],
    ])
  })

  test('to a disabled or revoked version for the record, never as accepted', async () => {
    const { check, old, credential } = await rotatedSecret()
    const choice = { versionId: 'ver_1' }
    const disabled = unwrap(disable(credential, choice, 10))
    const revoked = unwrap(revoke(disabled, choice, 20))
    expect(check.match(old, disabled.versions, 15)?.outcome).toBe('retired')
    expect(check.match(old, revoked.versions, 25)?.outcome).toBe('revoked')
    expect(await check.confirm(old, versionOf(revoked, 'ver_1'))).toBe(false)
  })

  test('to nothing when it is wrong, of another credential, empty or endless', async () => {
    const { check, young, credential } = await rotatedSecret()
    for (const value of [
      freshValue(),
      '',
      young.slice(0, -1),
      `${young} `,
      'x'.repeat(1_000_000),
    ]) {
      expect(check.match(value, credential.versions, 10)).toBeUndefined()
    }
    expect(check.match(young, [], 10)).toBeUndefined()
  })

  test('to the accepted version where an ended one had the same value', async () => {
    const { check, passwordHash, young, credential } = await rotatedSecret()
    const ended = unwrap(revoke(credential, { versionId: 'ver_1' }, 10))
    const draft = await draftOf('ver_3', young, passwordHash)
    const again = unwrap(rotate(ended, { draft, overlapMs: 0 }, 20))
    for (const versions of [again.versions, again.versions.toReversed()]) {
      const match = check.match(young, versions, 30)
      expect(match).toMatchObject({ version: { id: 'ver_3' }, outcome: 'accepted' })
    }
  })

  test('up to the bound on its length, which a value over it does not evade', async () => {
    const { check, passwordHash, credential } = await rotatedSecret()
    const longest = 'x'.repeat(SECRET_CHARACTERS_MAX)
    const draft = await draftOf('ver_3', longest, passwordHash)
    const { versions } = unwrap(rotate(credential, { draft, isForced: true }, 20))
    expect(check.match(longest, versions, 30)?.version.id).toBe('ver_3')
    expect(check.match(`${longest}x`, versions, 30)).toBeUndefined()
  })
})

describe('a right value is confirmed', () => {
  test('by one slow hash in the life of the process', async () => {
    const { check, counts, young, credential } = await rotatedSecret()
    const version = versionOf(credential, 'ver_2')
    expect(check.isConfirmed(version)).toBe(false)
    for (let round = 0; round < 5; round++) expect(await check.confirm(young, version)).toBe(true)
    expect(check.isConfirmed(version)).toBe(true)
    expect(counts.verified).toBe(1)
  })

  test('by one slow hash for any number of callers at the same time', async () => {
    const { check, counts, young, credential } = await rotatedSecret()
    const version = versionOf(credential, 'ver_2')
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => check.confirm(young, version)),
    )
    expect(answers.every(Boolean)).toBe(true)
    expect(counts.verified).toBe(1)
  })

  test('without any where its hash was made just now', async () => {
    const { check, counts, young, credential } = await rotatedSecret()
    const version = versionOf(credential, 'ver_2')
    check.markConfirmed(version)
    expect(await check.confirm(young, version)).toBe(true)
    expect(counts.verified).toBe(0)
  })

  test('again after it was forgotten, also when that happened in the middle', async () => {
    const { check, counts, young, credential } = await rotatedSecret()
    const version = versionOf(credential, 'ver_2')
    const confirming = check.confirm(young, version)
    check.forget(version.id)
    expect(await confirming).toBe(true)
    expect(check.isConfirmed(version)).toBe(false)
    await check.confirm(young, version)
    expect(check.isConfirmed(version)).toBe(true)
    check.forget(version.id)
    expect(check.isConfirmed(version)).toBe(false)
    expect(counts.verified).toBe(2)
  })
})

describe('no slow hash is spent', () => {
  test('on a wrong value, before or after the right one was confirmed', async () => {
    const { check, counts, old, young, credential } = await rotatedSecret()
    const version = versionOf(credential, 'ver_2')
    for (const value of [freshValue(), old, '']) {
      expect(await check.confirm(value, version)).toBe(false)
    }
    expect(counts.verified).toBe(0)
    await check.confirm(young, version)
    expect(await check.confirm(old, version)).toBe(false)
    expect(counts.verified).toBe(1)
  })

  test('on a revoked version, though it was confirmed before', async () => {
    const { check, counts, young, credential } = await rotatedSecret()
    await check.confirm(young, versionOf(credential, 'ver_2'))
    const revoked = unwrap(revoke(credential, { versionId: 'ver_2' }, 10))
    const version = versionOf(revoked, 'ver_2')
    expect(check.isConfirmed(version)).toBe(false)
    expect(await check.confirm(young, version)).toBe(false)
    expect(counts.verified).toBe(1)
  })

  test('on a sealed value, which its fingerprint alone decides', async () => {
    const { check, counts, young, credential } = await rotatedSecret()
    const version = versionOf(credential, 'ver_2')
    const fingerprint = version.material.storage === 'hashed' ? version.material.fingerprint : ''
    const sealed = { ...version, material: { storage: 'sealed', sealed: '', fingerprint } as const }
    expect(await check.confirm(young, sealed)).toBe(true)
    expect(await check.confirm(freshValue(), sealed)).toBe(false)
    expect(counts.verified).toBe(0)
  })
})

test('a fingerprint without its hash lets nobody in: who can write rows cannot invent a secret', async () => {
  const { check, passwordHash, young, credential } = await rotatedSecret()
  const version = versionOf(credential, 'ver_2')
  if (version.material.storage !== 'hashed') throw new Error('not hashed')
  const bcrypt = await passwordHash.hash('another')
  const forged = { ...version, material: { ...version.material, bcrypt } }
  expect(check.match(young, [forged], 10)?.outcome).toBe('accepted')
  expect(await check.confirm(young, forged)).toBe(false)
  expect(check.isConfirmed(forged)).toBe(false)
})

test('a failing hash reaches every caller and leaves nothing behind', async () => {
  const { young, credential, passwordHash } = await rotatedSecret()
  let isBroken = true
  const check = new SecretCheck({
    fingerprintKey,
    passwordHash: {
      ...passwordHash,
      verify: (text, hash) =>
        isBroken ? Promise.reject(new Error('no threads')) : passwordHash.verify(text, hash),
    },
  })
  const version = versionOf(credential, 'ver_2')
  const both = await Promise.allSettled([
    check.confirm(young, version),
    check.confirm(young, version),
  ])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  isBroken = false
  expect(await check.confirm(young, version)).toBe(true)
})

test('confirmations are bounded: the oldest is forgotten and asked for again', async () => {
  const { check, credential } = await rotatedSecret()
  const version = versionOf(credential, 'ver_2')
  check.markConfirmed(version)
  for (let index = 1; index < CONFIRMED_COUNT_MAX; index++) {
    check.markConfirmed({ ...version, id: `ver_x${index}` })
  }
  expect(check.isConfirmed(version)).toBe(true)
  check.markConfirmed({ ...version, id: 'ver_last' })
  expect(check.isConfirmed(version)).toBe(false)
  expect(check.isConfirmed({ ...version, id: 'ver_last' })).toBe(true)
})
