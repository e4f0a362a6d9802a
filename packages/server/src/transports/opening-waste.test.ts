import { expect, test } from 'bun:test'
import { OPENED_PER_COLLECTION, OpeningWaste } from './opening-waste.ts'

test('is collected once for so many connections', () => {
  let count = 0
  const waste = new OpeningWaste(() => count++)
  const open = (times: number) => {
    for (let at = 0; at < times; at++) waste.opened()
  }
  open(OPENED_PER_COLLECTION - 1)
  expect(count).toBe(0)
  open(1)
  expect(count).toBe(1)
  open(2 * OPENED_PER_COLLECTION)
  expect(count).toBe(3)
})
