/**
 * What no move of the engine may ever break, checked on every result before it can be saved. A
 * breach is a bug and throws. The bounds in time of a version are the ones written into it, so a
 * policy that is changed later breaks nothing.
 */
import type {
  CredentialRecord,
  VersionRecord,
  VersionState,
} from '../../ports/records/credential.ts'
import { isWaiting } from './delivery.ts'
import { acceptedVersions } from './reading.ts'

/** Ours: caps the size of a record. The oldest that ended leave first, live ones never. */
export const VERSION_COUNT_MAX = 64
/** Two may be used at a time: the old and the new one of a rotation. */
export const ACCEPTED_COUNT_MAX = 2

/** A version in one of these goes nowhere but to `revoked`, which goes nowhere. */
const ENDED: ReadonlySet<VersionState> = new Set(['removed', 'discarded', 'revoked'])

export function hasEnded({ state }: VersionRecord): boolean {
  return ENDED.has(state)
}

/** @throws when `after` breaks an invariant of its own. */
export function assertSound(after: CredentialRecord, nowMs: number): void {
  const { versions } = after
  assert(versions.length <= VERSION_COUNT_MAX, 'it has too many versions')
  assert(
    acceptedVersions(after, nowMs).length <= ACCEPTED_COUNT_MAX,
    'more than two versions are accepted',
  )
  for (const state of ['pending', 'current', 'previous'] as const) {
    assert(versions.filter((each) => each.state === state).length <= 1, `two are ${state}`)
  }
  assert(new Set(versions.map(({ id }) => id)).size === versions.length, 'an id is used twice')
  versions.forEach((version, index) => {
    const { number } = versions[index - 1] ?? { number: 0 }
    assert(version.number > number, 'the numbers of its versions do not rise')
    assertVersion(version)
  })
}

/**
 * @param before what the move was given; the counter of its versions is its last number.
 * @throws when the move has undone what cannot be undone.
 */
export function assertMove(before: CredentialRecord, after: CredentialRecord): void {
  assert(after.revision === before.revision + 1, 'its revision does not follow')
  const known = new Map(before.versions.map((version) => [version.id, version]))
  const lastNumber = before.versions.at(-1)?.number ?? 0
  for (const version of after.versions) {
    const old = known.get(version.id)
    if (old === undefined) {
      assert(version.number > lastNumber, 'a number is used again')
      continue
    }
    assert(version.number === old.number, 'a version has another number')
    if (!hasEnded(old)) continue
    assert(version.state === old.state || version.state === 'revoked', 'an end was undone')
  }
  const kept = new Set(after.versions.map(({ id }) => id))
  for (const version of before.versions) {
    const isKept = kept.has(version.id)
    assert(isKept || hasEnded(version) || version.state === 'disabled', 'a live version is gone')
  }
  // Only a revocation leaves a credential without a current version.
  const lost = before.versions.find(({ state }) => state === 'current')
  const isRevoked = after.versions.some((each) => each.id === lost?.id && each.state === 'revoked')
  const hasCurrent = after.versions.some(({ state }) => state === 'current')
  assert(hasCurrent || lost === undefined || isRevoked, 'it lost its current version')
}

function assertVersion(version: VersionRecord): void {
  const { state, material, acceptUntilMs, acceptUntilMaxMs, activatedAtMs } = version
  assert(hasEnded(version) === (version.endedAtMs !== undefined), 'an end has no time')
  if (state === 'removed' || state === 'discarded') {
    assert(material.storage === 'erased', 'the value of an ended version is kept')
  }
  if (state === 'revoked') {
    const isGone =
      material.storage !== 'sealed' && !(material.storage === 'hashed' && material.bcrypt)
    assert(isGone, 'the value of a revoked version is kept')
  }
  if (version.delivery?.sealed !== undefined) {
    assert(state === 'pending' && isWaiting(version), 'a value waits that nobody can fetch')
  }
  if (state === 'current' || state === 'previous') {
    // Its consumers would lose the old value without ever having had the new one.
    assert(!isWaiting(version), 'a version that nobody fetched took over')
  }
  if (state === 'disabled') assert(version.disabledAtMs !== undefined, 'a disabling has no time')
  if (state === 'current') {
    assert(activatedAtMs !== undefined, 'a current version was never activated')
    assert(acceptUntilMs === undefined, 'a current version has the deadline of an old one')
  }
  if (state !== 'previous') return
  assert(acceptUntilMs !== undefined, 'an overlap has no end')
  assert(
    acceptUntilMaxMs === undefined || acceptUntilMs <= acceptUntilMaxMs,
    'an overlap is longer than it may be',
  )
}

/** The text names no value, id or tenant: it may be logged. */
function assert(holds: boolean, breach: string): asserts holds {
  if (!holds) throw new Error(`a credential would be unsound: ${breach}`)
}
