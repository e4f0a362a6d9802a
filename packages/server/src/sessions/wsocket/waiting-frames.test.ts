import { expect, test } from 'bun:test'
import { WAITING_FRAME_UNITS_MAX, WaitingFrames } from './waiting-frames.ts'

test('frames come out as they went in, and room is given back', () => {
  const frames = new WaitingFrames()
  const half = 'x'.repeat(WAITING_FRAME_UNITS_MAX / 2)
  expect([frames.add(half), frames.add(`${half.slice(1)}y`), frames.add('z')]).toEqual([
    true,
    true,
    false,
  ])
  expect(frames.next()).toBe(half)
  expect(frames.next()?.endsWith('y')).toBe(true)
  expect([frames.next(), frames.isEmpty]).toEqual([undefined, true])
  expect(frames.add('again')).toBe(true)
  frames.clear()
  expect(frames.isEmpty).toBe(true)
})
