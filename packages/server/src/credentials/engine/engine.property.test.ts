/**
 * Any sequence of moves at any times, the clock set back included, against a model of ten lines: a
 * table of deadlines by version number. Limits of time are recorded by `settle` after each step.
 */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import { isWaiting } from './delivery.ts'
import { fetchOnce } from './fetching.ts'
import type { Move } from './moves.ts'
import { acceptedVersions, isAccepted, nextChangeAtMs } from './reading.ts'
import { disable, enable, remove, revoke, revokeAll, settle } from './retirement.ts'
import { createCredential, discard, extend, promote, rollback, rotate, stage } from './rotation.ts'

const OVERLAP_MAX_MS = 60
const NEVER = Number.POSITIVE_INFINITY

type Step =
  | {
      readonly kind: 'stage' | 'rotate' | 'offer'
      readonly isForced: boolean
      readonly lifeMs: number
    }
  | { readonly kind: 'disable' | 'enable' | 'remove' | 'revoke' | 'fetch'; readonly pick: number }
  | { readonly kind: 'promote' | 'discard' | 'rollback' | 'extend' | 'revokeAll' | 'wait' }
type TimedStep = Step & { readonly afterMs: number; readonly overlapMs: number }

const anyStep: fc.Arbitrary<TimedStep> = fc
  .record({
    kind: fc.constantFrom<Step['kind'][]>(
      ...([
        'stage',
        'stage',
        'promote',
        'promote',
        'rotate',
        'rotate',
        'rollback',
        'extend',
        'offer',
        'fetch',
        'fetch',
      ] as const),
      ...(['disable', 'enable', 'enable', 'remove', 'revoke', 'discard', 'wait', 'wait'] as const),
      'revokeAll',
    ),
    isForced: fc.boolean(),
    lifeMs: fc.oneof({ weight: 3, arbitrary: fc.constant(NEVER) }, fc.integer({ min: 1, max: 90 })),
    pick: fc.nat(100),
    afterMs: fc.integer({ min: -40, max: 70 }),
    overlapMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: OVERLAP_MAX_MS + 5 })),
  })
  .map((step) => step as TimedStep)

/** Deadline by number: what is in the table is accepted before it, and nothing else is. */
interface Model {
  until: Map<number, number>
  current: number | undefined
  pending: number | undefined
  /** Of the version that is neither; its own life may end earlier. */
  overlapEndMs: number
  last: number
}

/** What the model makes of an accepted move. */
function apply(model: Model, step: TimedStep, { nowMs, chosen, deadlineMs }: Context): void {
  const { until } = model
  const old = [...until.keys()].find((each) => each !== model.current && each !== model.pending)
  const take = (next: number | undefined, oldUntilMs: number) => {
    const endMs = until.get(model.current ?? 0)
    if (model.current !== undefined && endMs !== undefined) {
      until.set(model.current, Math.min(endMs, oldUntilMs))
      model.overlapEndMs = oldUntilMs
    }
    if (next === model.pending) model.pending = undefined
    model.current = next
  }
  if (step.kind === 'stage' || step.kind === 'rotate' || step.kind === 'offer') {
    const given = model.pending ?? old
    if (given !== undefined && (model.pending !== undefined || until.size > 1)) until.delete(given)
    until.set(++model.last, nowMs + step.lifeMs)
    model.pending = model.last
    if (step.kind === 'offer') until.set(model.last, Math.min(nowMs + step.lifeMs, deadlineMs))
  }
  if (step.kind === 'fetch') until.set(chosen.number, chosen.expiresAtMs(chosen.number))
  if (step.kind === 'promote' || step.kind === 'rotate') take(model.pending, nowMs + step.overlapMs)
  if (step.kind === 'rollback' && old !== undefined) {
    until.set(old, chosen.expiresAtMs(old))
    take(old, model.overlapEndMs)
  }
  if (step.kind === 'extend' || step.kind === 'enable') model.overlapEndMs = deadlineMs
  if (step.kind === 'extend' && old !== undefined) {
    until.set(old, Math.min(deadlineMs, chosen.expiresAtMs(old)))
  }
  if (step.kind === 'enable') {
    until.set(chosen.number, Math.min(deadlineMs, chosen.expiresAtMs(chosen.number)))
  }
  if (step.kind === 'disable' || step.kind === 'revoke') until.delete(chosen.number)
  if (step.kind === 'revokeAll') until.clear()
  if (step.kind === 'discard' && model.pending !== undefined) until.delete(model.pending)
  if (model.pending !== undefined && !until.has(model.pending)) model.pending = undefined
  const isRevoked = step.kind === 'revoke' && chosen.number === model.current
  if (isRevoked || step.kind === 'revokeAll') model.current = undefined
}

interface Context {
  readonly nowMs: number
  readonly deadlineMs: number
  readonly chosen: { readonly number: number; expiresAtMs(number: number): number }
}

/** Time in the model: what has ended is struck out, so that it cannot return. */
function pass(model: Model, nowMs: number): void {
  for (const [number, endMs] of model.until) if (nowMs >= endMs) model.until.delete(number)
  if (!model.until.has(model.pending ?? 0)) model.pending = undefined
}

function perform(credential: CredentialRecord, step: TimedStep, nowMs: number): Move | undefined {
  const { versions } = credential
  const versionId = 'pick' in step ? (versions[step.pick % versions.length]?.id ?? '') : ''
  const number = (versions.at(-1)?.number ?? 0) + 1
  const { overlapMs } = step
  const acceptUntilMs = nowMs + overlapMs
  switch (step.kind) {
    case 'stage':
    case 'offer':
    case 'rotate': {
      const waiting = { untilMs: acceptUntilMs, fetchedAtMs: undefined, sealed: 'value' }
      const draft = {
        ...draftOf(number, step.lifeMs === NEVER ? undefined : nowMs + step.lifeMs),
        delivery: step.kind === 'offer' ? waiting : undefined,
      }
      const { isForced } = step
      if (step.kind !== 'rotate') return stage(credential, { draft, isForced }, nowMs)
      return rotate(credential, { draft, isForced, overlapMs }, nowMs)
    }
    case 'promote':
      return promote(credential, { overlapMs }, nowMs)
    case 'discard':
      return discard(credential, nowMs)
    case 'rollback':
      return rollback(credential, nowMs)
    case 'extend':
      return extend(credential, { acceptUntilMs }, nowMs)
    case 'disable':
      return disable(credential, { versionId }, nowMs)
    case 'enable':
      return enable(credential, { versionId, acceptUntilMs }, nowMs)
    case 'remove':
      return remove(credential, { versionId }, nowMs)
    case 'revoke':
      return revoke(credential, { versionId }, nowMs)
    case 'fetch':
      return fetchOnce(credential, { versionId }, nowMs)
    case 'revokeAll':
      return revokeAll(credential, nowMs)
    case 'wait':
      return undefined
    default:
      return step satisfies never
  }
}

function draftOf(number: number, expiresAtMs: number | undefined) {
  const material = { storage: 'hashed', bcrypt: 'b', fingerprint: `f${number}` } as const
  const rest = { keyId: undefined, hint: '', origin: 'generated', createdBy: '' } as const
  return { id: `ver_${number}`, material, expiresAtMs, ...rest }
}

function start(nowMs: number): CredentialRecord {
  const policy = {
    overlapMaxMs: OVERLAP_MAX_MS,
    overlapDefaultMs: 1,
    maxAgeDays: undefined,
    isAutomatic: false,
  }
  const owner = { tenantId: 't', appId: 'a', name: '', attributes: {} }
  const created = createCredential(
    { id: 'cred_1', kind: 'client_secret', ...owner, policy, version: draftOf(1, undefined) },
    nowMs,
  )
  if (!created.ok) throw new Error(created.refusal)
  return created.value
}

const numbersAccepted = (credential: CredentialRecord, nowMs: number) =>
  acceptedVersions(credential, nowMs).map(({ number }) => number)

/** What must hold in every state, whatever led there. */
function checkState(credential: CredentialRecord, nowMs: number): void {
  expect(acceptedVersions(credential, nowMs).length).toBeLessThanOrEqual(2)
  for (const version of credential.versions) {
    // What waits is pending, and no value is kept of what does not wait.
    if (isWaiting(version)) expect(version.state).toBeOneOf(['pending', 'discarded', 'revoked'])
    if (version.state !== 'pending') expect(version.delivery?.sealed).toBeUndefined()
    if (version.state !== 'previous' || version.acceptUntilMs === undefined) continue
    // Whoever took over was activated after it; after a rollback it was the one itself.
    const activations = credential.versions.map(({ activatedAtMs = 0 }) => activatedAtMs)
    expect(version.acceptUntilMs - Math.max(...activations)).toBeLessThanOrEqual(OVERLAP_MAX_MS)
  }
}

test('any moves at any times agree with the model on what is accepted', () => {
  let acceptedMoves = 0
  const seen = new Set<string>()
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 40, size: 'max' }), (steps) => {
      let nowMs = 1_000
      let credential = start(nowMs)
      const current = { current: 1, pending: undefined, overlapEndMs: 0, last: 1 }
      const model: Model = { until: new Map([[1, NEVER]]), ...current }
      const revoked = new Set<string>()
      const dead = new Set<number>()
      const numbers = new Map([['ver_1', 1]])
      for (const step of steps) {
        nowMs = Math.max(1, nowMs + step.afterMs)
        pass(model, nowMs)
        const hadCurrent = model.current !== undefined
        const before = settle(credential, nowMs)
        expect(numbersAccepted(before, nowMs)).toEqual(
          [...model.until.keys()].sort((a, b) => a - b),
        )
        const moved = perform(credential, step, nowMs)
        if (step.kind === 'stage') {
          const hasRoom = model.pending === undefined && model.until.size < 2
          expect(moved?.ok).toBe(step.isForced || hasRoom)
        }
        if (moved?.ok === true) {
          acceptedMoves++
          seen.add(step.kind)
          const versions = new Map(before.versions.map((each) => [each.number, each]))
          const { length } = credential.versions
          const picked = 'pick' in step ? credential.versions[step.pick % length] : undefined
          const expiresAtMs = (number: number) => versions.get(number)?.expiresAtMs ?? NEVER
          apply(model, step, {
            nowMs,
            deadlineMs: nowMs + step.overlapMs,
            chosen: { number: picked?.number ?? 0, expiresAtMs },
          })
          pass(model, nowMs)
          credential = moved.value
          if (step.kind === 'enable' && picked !== undefined) dead.delete(picked.number)
        } else {
          credential = before
        }
        const accepted = numbersAccepted(credential, nowMs)
        expect(accepted).toEqual([...model.until.keys()].sort((a, b) => a - b))
        const currents = credential.versions.filter(({ state }) => state === 'current')
        expect(currents.map(({ number }) => number)).toEqual(
          model.current === undefined ? [] : [model.current],
        )
        if (hadCurrent && step.kind !== 'revoke' && step.kind !== 'revokeAll') {
          expect(currents).toHaveLength(1)
        }
        checkState(credential, nowMs)
        for (const { id, number, state } of credential.versions) {
          expect(numbers.get(id) ?? number).toBe(number) // an id is one version for ever
          numbers.set(id, number)
          if (revoked.has(id)) expect(state).toBe('revoked')
          if (state === 'revoked') revoked.add(id)
          // Only the undo of a disable brings anything back, whatever the clock does.
          if (dead.has(number)) expect(accepted).not.toContain(number)
          if (!accepted.includes(number)) dead.add(number)
        }
      }
    }),
    { numRuns: 1_500 },
  )
  // The walk is not vacuous: every move was carried out somewhere.
  expect(acceptedMoves).toBeGreaterThan(5_000)
  expect([...seen].sort()).toEqual(
    ['stage', 'promote', 'rotate', 'rollback', 'extend', 'disable', 'enable', 'remove', 'revoke']
      .concat('discard', 'revokeAll', 'offer', 'fetch')
      .sort(),
  )
})

test('time alone never makes a version accepted, and the next change is when it says', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 25, size: 'max' }), fc.nat(200), (steps, waitMs) => {
      let nowMs = 1_000
      let credential = start(nowMs)
      for (const step of steps) {
        nowMs += Math.abs(step.afterMs)
        const moved = perform(credential, step, nowMs)
        if (moved?.ok === true) credential = moved.value
      }
      const nextMs = nextChangeAtMs(credential, nowMs) ?? NEVER
      expect(nextMs).toBeGreaterThan(nowMs)
      const laterMs = nowMs + waitMs
      const settled = settle(credential, laterMs)
      for (const version of credential.versions) {
        const isNow = isAccepted(version, nowMs)
        const isLater = isAccepted(version, laterMs)
        if (!isNow) expect(isLater).toBe(false)
        if (laterMs < nextMs) expect(isLater).toBe(isNow)
        // Recorded is the same as read, and stays when the clock goes back.
        const record = settled.versions.find(({ id }) => id === version.id) ?? version
        expect(isAccepted(record, laterMs)).toBe(isLater)
        if (!isLater) expect(isAccepted(record, nowMs - 500)).toBe(false)
      }
      if (Number.isFinite(nextMs)) {
        const before = acceptedVersions(credential, nextMs - 1).length
        expect(acceptedVersions(credential, nextMs).length).toBeLessThan(before)
      }
    }),
    { numRuns: 1_000 },
  )
})
