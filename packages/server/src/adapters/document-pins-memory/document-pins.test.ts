import { expect, test } from 'bun:test'
import { HandClock } from '../../../../../test/support/hand-clock.ts'
import { createMemoryPins } from './document-pins.ts'

const EU = { key: 't::a::doc', region: 'eu-central-1' }
const US = { ...EU, region: 'us-east-1' }

test('the first region that claims a document has it until it lets go', async () => {
  const pins = createMemoryPins({ clock: new HandClock() })
  expect(await pins.find(EU.key)).toBeUndefined()
  expect(await pins.claim(EU, 1_000)).toBe('eu-central-1')
  expect(await pins.claim(US, 1_000)).toBe('eu-central-1')
  await pins.release(US)
  expect(await pins.find(EU.key)).toBe('eu-central-1')
  await pins.release(EU)
  await pins.release(EU)
  expect(await pins.claim(US, 1_000)).toBe('us-east-1')
})

test('a pin that nobody renews runs out, and one that is renewed does not', async () => {
  const clock = new HandClock()
  const pins = createMemoryPins({ clock })
  await pins.claim(EU, 1_000)
  clock.pass(999)
  expect(await pins.renew([EU], 1_000)).toEqual([])
  clock.pass(999)
  expect(await pins.find(EU.key)).toBe('eu-central-1')
  clock.pass(1)
  expect(await pins.find(EU.key)).toBeUndefined()
  expect(await pins.claim(US, 1_000)).toBe('us-east-1')
})

test('a renewal says which documents another region has taken meanwhile', async () => {
  const clock = new HandClock()
  const pins = createMemoryPins({ clock })
  const other = { ...EU, key: 't::a::other' }
  await pins.claim(EU, 1_000)
  clock.pass(1_000)
  await pins.claim(US, 1_000)
  expect(await pins.renew([EU, other], 1_000)).toEqual([EU])
  expect(await pins.find(other.key)).toBe('eu-central-1')
})
