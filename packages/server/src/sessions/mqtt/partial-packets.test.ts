import { expect, test } from 'bun:test'
import { MqttWorld } from '../../../../../test/support/mqtt-world.ts'
import { PARTIAL_BYTES_MAX, PARTIAL_BYTES_SPARED, PartialPackets } from './partial-packets.ts'

test('over the bound who holds much ends, and who holds little or less does not', () => {
  const partials = new PartialPackets()
  expect(partials.changed(0, PARTIAL_BYTES_MAX)).toBe(true)
  expect(partials.changed(0, PARTIAL_BYTES_SPARED)).toBe(true)
  expect(partials.changed(0, PARTIAL_BYTES_SPARED + 1)).toBe(false)
  expect(partials.changed(PARTIAL_BYTES_MAX, PARTIAL_BYTES_MAX - 1)).toBe(true)
})

/** The beginning of a PUBLISH of 60,000 bytes. */
const HALF = new Uint8Array(40_000)
HALF.set([0x30, 0xe0, 0xd4, 0x03])

test('connections are counted by what they hold, until they send the end or leave', () => {
  const world = new MqttWorld()
  const { partials } = world.deps
  const [one, two] = [world.connect('one'), world.connect('two')]
  one.session.receive(HALF)
  two.session.receive(HALF.subarray(0, 3))
  expect(partials.bytes).toBe(HALF.length + 3)
  one.session.receive(new Uint8Array(60_004 - HALF.length))
  expect(partials.bytes).toBe(3)
  two.drop()
  one.send({ cmd: 'disconnect' })
  expect(partials.bytes).toBe(0)
})

test('where all hold too much, one more is told that the server is busy', () => {
  const world = new MqttWorld()
  const { partials } = world.deps
  partials.changed(0, PARTIAL_BYTES_MAX)
  const [slow, quick] = [world.connect('slow'), world.connect('quick')]
  for (const wire of [slow, quick]) wire.take()
  slow.session.receive(HALF)
  expect(slow.take()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x89 }])
  expect(partials.bytes).toBe(PARTIAL_BYTES_MAX)
  quick.session.receive(new Uint8Array([0xc0]))
  quick.session.receive(new Uint8Array([0]))
  expect(quick.take()).toMatchObject([{ cmd: 'pingresp' }])
})
