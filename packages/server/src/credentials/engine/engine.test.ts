import { describe, expect, test } from 'bun:test'
import type {
  CredentialKind,
  CredentialRecord,
  Material,
  RotationPolicy,
  VersionRecord,
} from '../../ports/records/credential.ts'
import { versionChanges } from './changes.ts'
import { dueState } from './due-state.ts'
import { assertMove, assertSound, VERSION_COUNT_MAX } from './invariants.ts'
import { KIND_RULES } from './kind-rules.ts'
import type { Move } from './moves.ts'
import {
  acceptedVersions,
  currentVersion,
  isAccepted,
  nextChangeAtMs,
  outcomeOf,
  stateAt,
} from './reading.ts'
import { disable, enable, remove, revoke, revokeAll, settle } from './retirement.ts'
import {
  createCredential,
  discard,
  extend,
  promote,
  rollback,
  rotate,
  stage,
  type VersionDraft,
} from './rotation.ts'

const T0 = 1_000_000
const POLICY: RotationPolicy = {
  overlapMaxMs: 1_000,
  overlapDefaultMs: 100,
  maxAgeDays: 90,
  isAutomatic: false,
}
const DAY_MS = 86_400_000

function draft(name: string, changes: Partial<VersionDraft> = {}): VersionDraft {
  return {
    id: `ver_${name}`,
    keyId: undefined,
    material: { storage: 'hashed', bcrypt: `bcrypt-${name}`, fingerprint: `print-${name}` },
    hint: name,
    origin: 'generated',
    createdBy: 'test',
    expiresAtMs: undefined,
    ...changes,
  }
}

function created(changes: Partial<VersionDraft> = {}, policy = POLICY): CredentialRecord {
  const moved = createCredential(
    {
      id: 'cred_1',
      kind: 'client_secret',
      tenantId: 'tenant',
      appId: 'app',
      name: 'backend',
      attributes: {},
      policy,
      version: draft('1', changes),
    },
    T0,
  )
  return unwrap(moved)
}

function unwrap(moved: Move): CredentialRecord {
  if (!moved.ok) throw new Error(`refused: ${moved.refusal}`)
  return moved.value
}

function version({ versions }: CredentialRecord, name: string): VersionRecord {
  const found = versions.find(({ id }) => id === `ver_${name}`)
  if (found === undefined) throw new Error(`no version ${name}`)
  return found
}

const states = ({ versions }: CredentialRecord) => versions.map(({ state }) => state)
const accepted = (credential: CredentialRecord, nowMs: number) =>
  acceptedVersions(credential, nowMs).map(({ number }) => number)

/** Version 2 current since T0 + 10, version 1 accepted until T0 + 110. */
const rotated = () => unwrap(rotate(created(), { draft: draft('2') }, T0 + 10))

describe('a rotation', () => {
  test('begins with one current version, which is accepted', () => {
    const credential = created()
    expect(states(credential)).toEqual(['current'])
    expect(accepted(credential, T0)).toEqual([1])
    expect(credential).toMatchObject({ revision: 1, createdAtMs: T0 })
    expect(currentVersion(credential)?.activatedAtMs).toBe(T0)
  })

  test('stages a version that is accepted beside the current one, to be tried', () => {
    const staged = unwrap(stage(created(), { draft: draft('2') }, T0 + 10))
    expect(states(staged)).toEqual(['current', 'pending'])
    expect(accepted(staged, T0 + 10)).toEqual([1, 2])
    expect(staged.revision).toBe(2)
  })

  test('promotes it and keeps the old one until the end of the overlap, to the millisecond', () => {
    const staged = unwrap(stage(created(), { draft: draft('2') }, T0 + 10))
    const promoted = unwrap(promote(staged, { overlapMs: 500 }, T0 + 20))
    expect(states(promoted)).toEqual(['previous', 'current'])
    expect(accepted(promoted, T0 + 519)).toEqual([1, 2])
    expect(accepted(promoted, T0 + 520)).toEqual([2])
    expect(stateAt(version(promoted, '1'), T0 + 519)).toBe('previous')
    expect(stateAt(version(promoted, '1'), T0 + 520)).toBe('disabled')
    expect(outcomeOf(version(promoted, '1'), T0 + 520)).toBe('retired')
    expect(nextChangeAtMs(promoted, T0 + 20)).toBe(T0 + 520)
    expect(nextChangeAtMs(promoted, T0 + 520)).toBeUndefined()
  })

  test('takes the default overlap of the policy where none is asked for', () => {
    expect(version(rotated(), '1').acceptUntilMs).toBe(T0 + 110)
  })

  test('with overlap 0 revokes the old version at once and for ever', () => {
    const request = { draft: draft('2'), overlapMs: 0 }
    const credential = unwrap(rotate(created(), request, T0 + 10))
    expect(states(credential)).toEqual(['revoked', 'current'])
    expect(outcomeOf(version(credential, '1'), T0 + 10)).toBe('revoked')
  })

  test('leaves what it was given as it was', () => {
    const before = created()
    const copy = structuredClone(before)
    rotate(before, { draft: draft('2') }, T0 + 10)
    expect(before).toEqual(copy)
  })

  test('refuses an overlap over the maximum and does not clip it', () => {
    const staged = unwrap(stage(created(), { draft: draft('2') }, T0))
    expect(promote(staged, { overlapMs: 1_001 }, T0)).toMatchObject({ refusal: 'overlap_too_long' })
    expect(promote(staged, { overlapMs: 1_000 }, T0).ok).toBe(true)
  })

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'holds %p to be a bug',
    (overlapMs) => {
      const staged = unwrap(stage(created(), { draft: draft('2') }, T0))
      expect(() => promote(staged, { overlapMs }, T0)).toThrow('no overlap')
    },
  )

  test('refuses to promote or discard what was never staged', () => {
    expect(promote(created(), {}, T0)).toMatchObject({ refusal: 'invalid_transition' })
    expect(discard(created(), T0)).toMatchObject({ refusal: 'invalid_transition' })
    expect(rollback(created(), T0)).toMatchObject({ refusal: 'invalid_transition' })
  })

  test('given up discards the pending version and erases its value', () => {
    const staged = unwrap(stage(created(), { draft: draft('2') }, T0))
    const credential = unwrap(discard(staged, T0 + 5))
    expect(states(credential)).toEqual(['current', 'discarded'])
    expect(version(credential, '2')).toMatchObject({
      material: { storage: 'erased' },
      endedAtMs: T0 + 5,
    })
  })
})

describe('a third version', () => {
  test('is refused while two are accepted, pending or previous', () => {
    const staged = unwrap(stage(created(), { draft: draft('2') }, T0))
    for (const credential of [staged, rotated()]) {
      for (const move of [stage, rotate]) {
        const refused = move(credential, { draft: draft('3') }, T0 + 10)
        expect(refused).toMatchObject({ refusal: 'too_many_active' })
      }
    }
  })

  test('by force revokes the oldest that is not current, and the changes name it', () => {
    const before = rotated()
    const after = unwrap(stage(before, { draft: draft('3'), isForced: true }, T0 + 20))
    expect(states(after)).toEqual(['revoked', 'current', 'pending'])
    expect(versionChanges(before, after, T0 + 20)).toEqual({
      created: ['ver_3'],
      stopped: ['ver_1'],
      revoked: ['ver_1'],
    })
  })

  test('by force takes the place of a pending one', () => {
    const staged = unwrap(stage(created(), { draft: draft('2') }, T0))
    const after = unwrap(rotate(staged, { draft: draft('3'), isForced: true }, T0 + 20))
    expect(states(after)).toEqual(['previous', 'revoked', 'current'])
  })

  test('needs no force once the overlap is over, and then revokes nothing', () => {
    const after = unwrap(stage(rotated(), { draft: draft('3'), isForced: true }, T0 + 110))
    expect(states(after)).toEqual(['disabled', 'current', 'pending'])
  })
})

describe('a rollback', () => {
  test('swaps current and previous together with the end of the overlap', () => {
    const back = unwrap(rollback(rotated(), T0 + 50))
    expect(states(back)).toEqual(['current', 'previous'])
    expect(version(back, '2').acceptUntilMs).toBe(T0 + 110)
    expect(accepted(back, T0 + 110)).toEqual([1])
  })

  test('there and back lengthens nothing and makes no value younger', () => {
    let credential = rotated()
    for (let round = 0; round < 4; round++) credential = unwrap(rollback(credential, T0 + 50))
    expect(credential.versions).toEqual(rotated().versions)
  })

  test('is refused when the overlap is over', () => {
    expect(rollback(rotated(), T0 + 110)).toMatchObject({ refusal: 'invalid_transition' })
  })

  test('puts the previous version in the place of a revoked current one', () => {
    const revoked = unwrap(revoke(rotated(), { versionId: 'ver_2' }, T0 + 50))
    expect(currentVersion(revoked)).toBeUndefined()
    expect(states(unwrap(rollback(revoked, T0 + 60)))).toEqual(['current', 'revoked'])
  })
})

describe('an extension', () => {
  test('moves the end of the overlap once, up to the maximum from the activation', () => {
    const extended = unwrap(extend(rotated(), { acceptUntilMs: T0 + 1_010 }, T0 + 20))
    expect(accepted(extended, T0 + 1_009)).toEqual([1, 2])
    expect(accepted(extended, T0 + 1_010)).toEqual([2])
  })

  test('is refused a second time, even within the maximum', () => {
    const extended = unwrap(extend(rotated(), { acceptUntilMs: T0 + 200 }, T0 + 20))
    const again = extend(extended, { acceptUntilMs: T0 + 300 }, T0 + 20)
    expect(again).toMatchObject({ refusal: 'not_extendable' })
  })

  test.each([
    { what: 'over the maximum', endMs: 1_011, atMs: 20, refusal: 'overlap_too_long' },
    { what: 'that shortens', endMs: 100, atMs: 20, refusal: 'deadline_invalid' },
    { what: 'of an overlap that is over', endMs: 200, atMs: 110, refusal: 'invalid_transition' },
  ])('$what is refused', ({ endMs, atMs, refusal }) => {
    const refused = extend(rotated(), { acceptUntilMs: T0 + endMs }, T0 + atMs)
    expect(refused).toMatchObject({ refusal })
  })

  test('keeps its bound when the policy becomes laxer meanwhile', () => {
    const laxer = { ...rotated(), policy: { ...POLICY, overlapMaxMs: 9_000 } }
    const refused = extend(laxer, { acceptUntilMs: T0 + 5_000 }, T0 + 20)
    expect(refused).toMatchObject({ refusal: 'overlap_too_long' })
  })
})

describe('a disabled version', () => {
  const disabled = () => unwrap(disable(rotated(), { versionId: 'ver_1' }, T0 + 20))

  test('is not accepted from that moment, keeps its value and can come back', () => {
    expect(accepted(disabled(), T0 + 20)).toEqual([2])
    expect(version(disabled(), '1').material).toEqual(version(created(), '1').material)
    const enabled = unwrap(enable(disabled(), { versionId: 'ver_1' }, T0 + 50))
    expect(states(enabled)).toEqual(['previous', 'current'])
    expect(version(enabled, '1').acceptUntilMs).toBe(T0 + 110)
    expect(accepted(enabled, T0 + 50)).toEqual([1, 2])
  })

  test('needs a new end once the old one has passed, within the maximum', () => {
    const back = (acceptUntilMs?: number) =>
      enable(disabled(), { versionId: 'ver_1', acceptUntilMs }, T0 + 200)
    expect(back()).toMatchObject({ refusal: 'deadline_invalid' })
    expect(back(T0 + 200)).toMatchObject({ refusal: 'deadline_invalid' })
    expect(back(T0 + 1_011)).toMatchObject({ refusal: 'overlap_too_long' })
    expect(accepted(unwrap(back(T0 + 1_010)), T0 + 1_009)).toEqual([1, 2])
  })

  test('that came back with a later end cannot be extended again', () => {
    const request = { versionId: 'ver_1', acceptUntilMs: T0 + 300 }
    const enabled = unwrap(enable(disabled(), request, T0 + 200))
    const again = extend(enabled, { acceptUntilMs: T0 + 400 }, T0 + 210)
    expect(again).toMatchObject({ refusal: 'not_extendable' })
  })

  test('does not come back beside two accepted ones', () => {
    const staged = unwrap(stage(disabled(), { draft: draft('3') }, T0 + 30))
    const refused = enable(staged, { versionId: 'ver_1' }, T0 + 40)
    expect(refused).toMatchObject({ refusal: 'too_many_active' })
  })

  test('that time has ended comes back as little by a clock that is set back', () => {
    const settled = settle(rotated(), T0 + 110)
    expect(accepted(settled, T0 + 50)).toEqual([2])
    const refused = enable(settled, { versionId: 'ver_1' }, T0 + 50)
    expect(refused).toMatchObject({ refusal: 'deadline_invalid' })
  })

  test('is removed with its value, then neither enabled nor removed again', () => {
    const removed = unwrap(remove(disabled(), { versionId: 'ver_1' }, T0 + 30))
    expect(version(removed, '1')).toMatchObject({
      state: 'removed',
      material: { storage: 'erased' },
      endedAtMs: T0 + 30,
    })
    for (const move of [enable, remove, disable]) {
      const refused = move(removed, { versionId: 'ver_1' }, T0 + 40)
      expect(refused).toMatchObject({ refusal: 'invalid_transition' })
    }
  })

  test('is not removed where the configuration brought it: the next start would bring it back', () => {
    const before = disabled()
    const [first, ...others] = before.versions
    if (first === undefined) throw new Error('no version')
    const declared = { ...before, versions: [{ ...first, origin: 'declared' as const }, ...others] }
    const refused = remove(declared, { versionId: first.id }, T0 + 30)
    expect(refused).toMatchObject({ refusal: 'invalid_transition' })
  })

  test('need not be disabled by hand: the end of the overlap is enough to remove it', () => {
    expect(remove(rotated(), { versionId: 'ver_1' }, T0 + 109).ok).toBe(false)
    expect(states(unwrap(remove(rotated(), { versionId: 'ver_1' }, T0 + 110)))).toEqual([
      'removed',
      'current',
    ])
  })
})

describe('disabling is refused', () => {
  test('for the last accepted version', () => {
    const refused = disable(created(), { versionId: 'ver_1' }, T0)
    expect(refused).toMatchObject({ refusal: 'last_version' })
    const revoked = unwrap(revoke(rotated(), { versionId: 'ver_2' }, T0 + 20))
    expect(disable(revoked, { versionId: 'ver_1' }, T0 + 20)).toMatchObject({
      refusal: 'last_version',
    })
  })

  test('for the current one beside another, with a hint at the rollback', () => {
    const refused = disable(rotated(), { versionId: 'ver_2' }, T0 + 20)
    expect(refused).toMatchObject({ refusal: 'invalid_transition' })
    expect(refused.ok ? '' : refused.detail).toContain('Roll back')
  })

  test('for a pending one, which is discarded', () => {
    const staged = unwrap(stage(created(), { draft: draft('2') }, T0))
    const refused = disable(staged, { versionId: 'ver_2' }, T0)
    expect(refused).toMatchObject({ refusal: 'invalid_transition' })
  })

  test('for a version of another credential', () => {
    for (const move of [disable, enable, remove, revoke]) {
      const refused = move(rotated(), { versionId: 'ver_other' }, T0 + 20)
      expect(refused).toMatchObject({ refusal: 'unknown_version' })
    }
  })
})

describe('a revocation', () => {
  test.each<[string, (credential: CredentialRecord) => Move]>([
    ['current', (credential) => ({ ok: true, value: credential })],
    ['pending', (credential) => stage(credential, { draft: draft('2') }, T0)],
    ['previous', () => ({ ok: true, value: rotated() })],
    ['disabled', () => disable(rotated(), { versionId: 'ver_1' }, T0 + 20)],
    ['removed', () => remove(rotated(), { versionId: 'ver_1' }, T0 + 110)],
    ['discarded', () => discard(unwrap(stage(created(), { draft: draft('2') }, T0)), T0)],
  ])('ends a %s version for ever', (state, make) => {
    const credential = unwrap(make(created()))
    const chosen = credential.versions.find((each) => each.state === state)
    expect(chosen).toBeDefined()
    const choice = { versionId: chosen?.id ?? '' }
    const after = unwrap(revoke(credential, choice, T0 + 120))
    const ended = after.versions.find(({ id }) => id === choice.versionId)
    expect(ended).toMatchObject({ state: 'revoked', endedAtMs: T0 + 120 })
    for (const move of [revoke, enable, disable, remove]) {
      expect(move(after, choice, T0 + 130)).toMatchObject({ ok: false })
    }
    expect(accepted(after, 0)).not.toContain(chosen?.number)
  })

  test.each<[Material, Material]>([
    [
      { storage: 'hashed', bcrypt: 'bcrypt', fingerprint: 'print' },
      { storage: 'hashed', bcrypt: '', fingerprint: 'print' },
    ],
    [
      { storage: 'sealed', sealed: 'sealed', fingerprint: 'print' },
      { storage: 'hashed', bcrypt: '', fingerprint: 'print' },
    ],
    [
      { storage: 'public', jwk: '{}' },
      { storage: 'public', jwk: '{}' },
    ],
  ])('of %j keeps %j: enough to recognize, nothing to verify or disclose', (material, kept) => {
    const kind = material.storage === 'hashed' ? 'client_secret' : 'jwt_secret'
    const { versions: _, revision: __, createdAtMs: ___, ...rest } = created()
    const credential = createCredential({ ...rest, kind, version: draft('1', { material }) }, T0)
    const after = unwrap(revoke(unwrap(credential), { versionId: 'ver_1' }, T0))
    expect(version(after, '1').material).toEqual(kept)
  })

  test('of the current version makes no other one current by itself', () => {
    const after = unwrap(revoke(rotated(), { versionId: 'ver_2' }, T0 + 20))
    expect(states(after)).toEqual(['previous', 'revoked'])
    expect(accepted(after, T0 + 109)).toEqual([1])
    expect(accepted(after, T0 + 110)).toEqual([])
    const renewed = unwrap(rotate(after, { draft: draft('3') }, T0 + 30))
    expect(states(renewed)).toEqual(['previous', 'revoked', 'current'])
  })

  test('of everything leaves nothing accepted, and a rotation starts anew', () => {
    const after = unwrap(revokeAll(rotated(), T0 + 20))
    expect(states(after)).toEqual(['revoked', 'revoked'])
    expect(versionChanges(rotated(), after, T0 + 20)).toEqual({
      created: [],
      stopped: ['ver_1', 'ver_2'],
      revoked: ['ver_1', 'ver_2'],
    })
    expect(revokeAll(after, T0 + 30)).toMatchObject({ refusal: 'invalid_transition' })
    expect(accepted(unwrap(rotate(after, { draft: draft('3') }, T0 + 30)), T0 + 30)).toEqual([3])
  })
})

describe('the own life of a version', () => {
  test('ends it to the millisecond, current or not, and a timer can know when', () => {
    const credential = created({ expiresAtMs: T0 + 50 })
    expect(nextChangeAtMs(credential, T0)).toBe(T0 + 50)
    expect(accepted(credential, T0 + 49)).toEqual([1])
    expect(accepted(credential, T0 + 50)).toEqual([])
    expect(outcomeOf(version(credential, '1'), T0 + 50)).toBe('retired')
  })

  test('is over for ever once recorded, though the clock is set back', () => {
    const settled = settle(created({ expiresAtMs: T0 + 50 }), T0 + 50)
    expect(isAccepted(version(settled, '1'), T0)).toBe(false)
    expect(states(settled)).toEqual(['current'])
    const renewed = unwrap(rotate(settled, { draft: draft('2') }, T0))
    expect(states(renewed)).toEqual(['disabled', 'current'])
    expect(enable(renewed, { versionId: 'ver_1', acceptUntilMs: T0 + 40 }, T0)).toMatchObject({
      refusal: 'expired',
    })
  })

  test('discards a pending version when it is over', () => {
    const request = { draft: draft('2', { expiresAtMs: T0 + 50 }) }
    const staged = unwrap(stage(created(), request, T0))
    expect(stateAt(version(staged, '2'), T0 + 50)).toBe('discarded')
    expect(promote(staged, {}, T0 + 50)).toMatchObject({ refusal: 'invalid_transition' })
    expect(version(settle(staged, T0 + 50), '2').material).toEqual({ storage: 'erased' })
  })

  test('cannot be over before it begins', () => {
    const request = { draft: draft('2', { expiresAtMs: T0 }) }
    expect(stage(created(), request, T0)).toMatchObject({ refusal: 'expired' })
  })
})

test('settling changes nothing, not even the object, until time has changed something', () => {
  const credential = rotated()
  expect(settle(credential, T0 + 109)).toBe(credential)
  const settled = settle(credential, T0 + 110)
  expect(settled.revision).toBe(credential.revision + 1)
  expect(version(settled, '1')).toMatchObject({ state: 'disabled', disabledAtMs: T0 + 110 })
  expect(settle(settled, T0 + 9_999)).toBe(settled)
})

test('a credential rotated for ever keeps its bound, its live versions and rising numbers', () => {
  let credential = created()
  for (let round = 2; round <= 200; round++) {
    const request = { draft: draft(`${round}`), overlapMs: round % 2 === 0 ? 0 : 100 }
    credential = unwrap(rotate(credential, request, T0 + round * 1_000))
    expect(currentVersion(credential)?.number).toBe(round)
    expect(credential.versions.length).toBeLessThanOrEqual(VERSION_COUNT_MAX)
  }
  expect(credential.versions).toHaveLength(VERSION_COUNT_MAX)
  // Those that only were disabled outlast those that were revoked.
  expect(credential.versions[0]?.state).toBe('disabled')
})

test('what a move has revoked is in its result, though the record is full', () => {
  let credential = created()
  for (let round = 2; round <= VERSION_COUNT_MAX + 5; round++) {
    const request = { draft: draft(`${round}`), overlapMs: 100 }
    credential = unwrap(rotate(credential, request, T0 + round * 1_000))
  }
  const nowMs = T0 + (VERSION_COUNT_MAX + 5) * 1_000 + 1
  const after = unwrap(stage(credential, { draft: draft('last'), isForced: true }, nowMs))
  expect(states(after).slice(-3)).toEqual(['revoked', 'current', 'pending'])
})

describe('due', () => {
  const at = (days: number, credential = created()) => dueState(credential, T0 + days * DAY_MS)

  test.each([
    [0, 'ok', undefined],
    [59.9, 'ok', undefined],
    [60, 'due_soon', 30],
    [76, 'due_soon', 14],
    [83, 'due_soon', 7],
    [89, 'due_soon', 1],
    [90, 'due', 1],
    [90.9, 'due', 1],
    [91, 'overdue', 1],
    [500, 'overdue', 1],
  ] as const)('after %p days of 90 is %s', (days, state, reminderDays) => {
    expect(at(days)).toEqual({ state, reminderDays, dueAtMs: T0 + 90 * DAY_MS })
  })

  test('is nothing that has no greatest age or no current version', () => {
    expect(at(500, created({}, { ...POLICY, maxAgeDays: undefined })).state).toBe('none')
    expect(at(500, unwrap(revokeAll(created(), T0))).state).toBe('none')
  })

  test('is told by reminders that are shorter than the age only', () => {
    const policy = { ...POLICY, maxAgeDays: 10 }
    expect(at(1, created({}, policy)).state).toBe('ok')
    expect(at(3, created({}, policy))).toMatchObject({ state: 'due_soon', reminderDays: 7 })
  })

  test('counts from the first activation, also after a rollback', () => {
    const back = unwrap(rollback(rotated(), T0 + 50))
    expect(dueState(back, T0).dueAtMs).toBe(T0 + 90 * DAY_MS)
  })
})

describe('kinds', () => {
  const make = (kind: CredentialKind, changes: Partial<VersionDraft>, owner = {}) =>
    createCredential(
      {
        id: 'cred_1',
        kind,
        tenantId: 'tenant',
        appId: 'app',
        name: '',
        attributes: {},
        policy: KIND_RULES[kind].policy,
        version: draft('1', changes),
        ...owner,
      },
      T0,
    )

  test('that are generated only refuse values of people', () => {
    expect(make('api_key', { origin: 'custom' })).toMatchObject({ refusal: 'custom_not_allowed' })
    expect(make('client_secret', { origin: 'custom' }).ok).toBe(true)
  })

  test('stored in a way that is not theirs are a bug', () => {
    const material = { storage: 'sealed', sealed: 'x', fingerprint: 'y' } as const
    expect(() => make('client_secret', { material })).toThrow('never stored sealed')
    expect(() => make('signing_secret', {})).toThrow('never stored hashed')
  })

  test('at a level that is not theirs are a bug', () => {
    expect(() => make('operator_key', {})).toThrow('level installation')
    expect(() => make('client_secret', {}, { appId: undefined })).toThrow('level app')
    expect(make('operator_key', {}, { appId: undefined, tenantId: undefined }).ok).toBe(true)
  })
})

describe('an unsound record is a bug that throws', () => {
  const broken = (change: Partial<VersionRecord>, name = '1') => {
    const { versions, ...rest } = rotated()
    return {
      ...rest,
      versions: versions.map((each) => (each.id === `ver_${name}` ? { ...each, ...change } : each)),
    }
  }

  test.each<[string, CredentialRecord]>([
    ['two are current', broken({ state: 'current', acceptUntilMs: undefined })],
    ['an overlap has no end', broken({ acceptUntilMs: undefined })],
    ['an overlap is longer', broken({ acceptUntilMs: T0 + 9_999 })],
    ['an id is used twice', broken({ id: 'ver_2' })],
    ['numbers of its versions do not rise', broken({ number: 2 })],
    ['an end has no time', broken({ state: 'revoked' })],
    ['value of a revoked version is kept', broken({ state: 'revoked', endedAtMs: T0 })],
    ['value of an ended version is kept', broken({ state: 'removed', endedAtMs: T0 })],
    ['a disabling has no time', broken({ state: 'disabled' })],
    ['deadline of an old one', broken({ acceptUntilMs: T0 }, '2')],
    ['never activated', broken({ activatedAtMs: undefined }, '2')],
    [
      'too many versions',
      { ...rotated(), versions: Array.from({ length: 65 }, () => version(rotated(), '1')) },
    ],
    [
      'more than two',
      {
        ...rotated(),
        versions: [
          ...rotated().versions,
          { ...version(rotated(), '2'), id: 'ver_3', number: 3, state: 'pending' },
        ],
      },
    ],
  ])('%s', (breach, credential) => {
    expect(() => assertSound(credential, T0 + 20)).toThrow(breach)
  })

  test.each<[string, CredentialRecord, CredentialRecord]>([
    ['revision', rotated(), rotated()],
    ['a number is used again', rotated(), { ...broken({ id: 'ver_new' }), revision: 3 }],
    ['another number', rotated(), { ...broken({ number: 9 }), revision: 3 }],
    [
      'an end was undone',
      unwrap(revoke(rotated(), { versionId: 'ver_1' }, T0)),
      { ...rotated(), revision: 4 },
    ],
    ['a live version is gone', rotated(), { ...rotated(), versions: [], revision: 3 }],
    [
      'lost its current version',
      rotated(),
      { ...broken({ state: 'disabled', disabledAtMs: T0 }, '2'), revision: 3 },
    ],
  ])('%s', (breach, before, after) => {
    expect(() => assertMove(before, after)).toThrow(breach)
  })
})
