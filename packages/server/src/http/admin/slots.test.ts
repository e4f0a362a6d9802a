import { expect, test } from 'bun:test'
import { Slots } from './slots.ts'

test('as many run at a time as may, and one more for each that has ended', () => {
  const slots = new Slots(2)
  const [first, second] = [slots.take(), slots.take()]
  expect(first).toBeFunction()
  expect(second).toBeFunction()
  expect(slots.take()).toBeUndefined()
  first?.()
  expect(slots.take()).toBeFunction()
  expect(slots.take()).toBeUndefined()
})

test('a slot that is given back again and again is one slot', () => {
  const slots = new Slots(1)
  const giveBack = slots.take()
  for (let count = 0; count < 5; count++) giveBack?.()
  const next = slots.take()
  // Late calls of the one before take nothing from whoever has it now.
  giveBack?.()
  expect(slots.take()).toBeUndefined()
  next?.()
  expect(slots.take()).toBeFunction()
  expect(slots.take()).toBeUndefined()
})
