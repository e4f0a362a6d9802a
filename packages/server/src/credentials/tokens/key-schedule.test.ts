import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { VersionRecord, VersionState } from '../../ports/records/credential.ts'
import { nextKeyStep, PUBLISHED_BEFORE_USE_MS, type ScheduledKey } from './key-schedule.ts'

const NOW_MS = 1_790_000_000_000
const DAY_MS = 86_400_000
const LIFE_MS = 30 * DAY_MS
const PLAN = { algorithm: 'ES256' as const, lifeMs: LIFE_MS, nowMs: NOW_MS }

let nextNumber = 1

function key(
  state: VersionState,
  changes: Partial<VersionRecord> = {},
  algorithm: 'ES256' | 'RS256' = 'ES256',
): ScheduledKey {
  const number = nextNumber++
  const version: VersionRecord = {
    id: `ver_${state}`,
    number,
    state,
    keyId: undefined,
    material: { storage: 'sealed', sealed: '', fingerprint: '' },
    hint: '',
    origin: 'generated',
    createdAtMs: NOW_MS,
    createdBy: 'test',
    activatedAtMs: state === 'pending' ? undefined : NOW_MS,
    expiresAtMs: undefined,
    acceptUntilMs: state === 'previous' ? NOW_MS + DAY_MS : undefined,
    disabledAtMs: state === 'disabled' ? NOW_MS : undefined,
    endedAtMs: undefined,
    ...changes,
  }
  return { version, algorithm }
}

const ago = (ms: number) => ({ activatedAtMs: NOW_MS - ms })
const published = (ms: number) => ({ createdAtMs: NOW_MS - ms })
const LEAD_MS = PUBLISHED_BEFORE_USE_MS

describe('the next step is', () => {
  test.each<[string, string, readonly ScheduledKey[]]>([
    ['nothing while the key is young', 'nothing', [key('current')]],
    ['nothing until the last minutes', 'nothing', [key('current', ago(LIFE_MS - LEAD_MS - 1))]],
    ['to publish before its life is over', 'stage', [key('current', ago(LIFE_MS - LEAD_MS))]],
    ['to publish long after, too', 'stage', [key('current', ago(10 * LIFE_MS))]],
    ['to wait until it was seen', 'nothing', [key('current', ago(LIFE_MS)), unseen(LEAD_MS - 1)]],
    ['to sign once it was seen', 'promote', [key('current', ago(LIFE_MS)), unseen(LEAD_MS)]],
    ['to sign early when somebody asked', 'promote', [key('current'), unseen(LEAD_MS)]],
    ['nothing in the tail', 'nothing', [key('previous'), key('current', ago(LIFE_MS))]],
    ['another algorithm, at once published', 'stage', [key('current', {}, 'RS256')]],
    ['to give up a key of the old one', 'discard', [key('current'), key('pending', {}, 'RS256')]],
    ['a key when there is none', 'replace', []],
    ['a key when only a tail is left', 'replace', [key('previous')]],
    ['the published one when it is alone', 'promote', [unseen(0)]],
    ['to erase what has ended', 'erase', [key('disabled'), key('current')]],
    ['to erase what time has ended', 'erase', [overdue(), key('current')]],
  ])('%s: %s', (...row) => {
    const [, step, keys] = row
    expect(nextKeyStep(keys, PLAN).do as string).toBe(step)
  })

  test('nothing when the clock is set back', () => {
    const keys = [key('current'), key('pending')]
    expect(nextKeyStep(keys, { ...PLAN, nowMs: NOW_MS - DAY_MS })).toEqual({ do: 'nothing' })
  })

  test('never to sign with what was not seen while another key can', () => {
    const ages = fc.nat(3 * LEAD_MS)
    fc.assert(
      fc.property(ages, fc.nat(2 * LIFE_MS), (publishedMs, signedMs) => {
        const keys = [key('current', ago(signedMs)), key('pending', published(publishedMs))]
        const step = nextKeyStep(keys, PLAN).do
        expect(step === 'promote').toBe(publishedMs >= LEAD_MS)
      }),
    )
  })
})

function unseen(publishedMs: number): ScheduledKey {
  return key('pending', published(publishedMs))
}

function overdue(): ScheduledKey {
  return key('previous', { acceptUntilMs: NOW_MS })
}
