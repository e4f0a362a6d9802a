import { expect, test } from 'bun:test'
import { SustainedShare } from './sustained-share.ts'

const THRESHOLD = { enter: 80, leave: 75 }

function shareOf(...samples: readonly (readonly [share: number, forMs: number])[]) {
  const share = new SustainedShare(3_000)
  for (const [value, forMs] of samples) share.add(value, forMs)
  return share
}

test('nothing is over before anything is known', () => {
  expect(new SustainedShare(3_000).isOver(THRESHOLD)).toBe(false)
})

test('it is over once a whole window was, and not one sample less', () => {
  const share = shareOf([90, 1_000], [90, 1_000])
  expect(share.isOver(THRESHOLD)).toBe(false)
  share.add(80, 999)
  expect(share.isOver(THRESHOLD)).toBe(false)
  share.add(80, 1_000)
  expect(share.isOver(THRESHOLD)).toBe(true)
})

test('one pause inside of the window begins it anew', () => {
  const share = shareOf([100, 1_000], [79, 1_000], [100, 1_000])
  expect(share.isOver(THRESHOLD)).toBe(false)
  for (const value of [100, 100]) {
    expect(share.isOver(THRESHOLD)).toBe(false)
    share.add(value, 1_000)
  }
  expect(share.isOver(THRESHOLD)).toBe(true)
})

test('it is over until the mean falls below the lower threshold', () => {
  const share = shareOf([80, 3_000])
  expect(share.isOver(THRESHOLD)).toBe(true)
  for (const value of [75, 75, 75]) {
    share.add(value, 1_000)
    expect(share.isOver(THRESHOLD)).toBe(true)
  }
  share.add(74, 1_000)
  expect(share.isOver(THRESHOLD)).toBe(false)
  for (const value of [79, 79, 79]) share.add(value, 1_000)
  expect(share.isOver(THRESHOLD)).toBe(false)
})

test('samples that stand for no time change nothing', () => {
  const share = shareOf([0, 99], [100, 3_000], [0, 0])
  expect(share.isOver(THRESHOLD)).toBe(true)
})

test('one sample that is longer than the window is one', () => {
  expect(shareOf([0, 1_000], [100, 10_000]).isOver(THRESHOLD)).toBe(true)
})
