import { describe, expect, test } from 'bun:test'
import { RECENT_END_COUNT_MAX, RecentEnds } from './recent-ends.ts'
import { relianceOn } from './reliance.ts'

const version = (versionId: string) => relianceOn({ kind: 'version', versionId })

describe('who waits at the door', () => {
  test('learns that something it rests on was ended meanwhile', () => {
    const ends = new RecentEnds()
    ends.add(version('1'), 1_000)
    expect(ends.hasEnded([version('2'), version('1')], 999)).toBe(true)
    expect(ends.hasEnded([version('1')], 1_000)).toBe(true)
    expect(ends.hasEnded([version('2')], 0)).toBe(false)
    expect(ends.hasEnded([], 0)).toBe(false)
  })

  test('that came after it was ended has been asked by then', () => {
    const ends = new RecentEnds()
    ends.add(version('1'), 1_000)
    expect(ends.hasEnded([version('1')], 1_001)).toBe(false)
    ends.add(version('1'), 2_000)
    expect(ends.hasEnded([version('1')], 1_001)).toBe(true)
  })
})

describe('what was ended long ago', () => {
  test('is forgotten, and who has waited since then cannot be told', () => {
    const ends = new RecentEnds()
    ends.add(version('1'), 0)
    ends.add(version('2'), 120_001)
    expect(ends.size).toBe(1)
    expect(ends.hasEnded([version('3')], 0)).toBe(true)
    expect(ends.hasEnded([version('3')], 1)).toBe(false)
  })

  test('is bounded, however much ends in a moment', () => {
    const ends = new RecentEnds()
    for (let count = 0; count < RECENT_END_COUNT_MAX + 10; count++) ends.add(version(`${count}`), 5)
    expect(ends.size).toBe(RECENT_END_COUNT_MAX)
    expect(ends.hasEnded([version('none')], 5)).toBe(true)
    expect(ends.hasEnded([version('none')], 6)).toBe(false)
  })
})
