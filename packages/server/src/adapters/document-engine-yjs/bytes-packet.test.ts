import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { PacketReader, PacketWriter } from './bytes-packet.ts'

test('whatever is written is read again, packet after packet', () => {
  const writer = new PacketWriter()
  const lists = fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 5 })
  const property = fc.property(lists, fc.nat(), (list, number) => {
    writer.number(number)
    writer.list(list)
    for (const each of list) writer.bytes(each)
    const reader = new PacketReader(writer.take())
    expect(reader.number()).toBe(number)
    expect(reader.list()).toEqual(list)
    for (const each of list) expect(reader.bytes()).toEqual(each)
  })
  fc.assert(property, { numRuns: 200 })
})

test('what was read does not keep the packet alive', () => {
  const writer = new PacketWriter()
  writer.bytes(new Uint8Array(10))
  writer.bytes(new Uint8Array(1_000_000))
  expect(new PacketReader(writer.take()).bytes().buffer.byteLength).toBe(10)
})

test('a packet is about as large as what is in it', () => {
  const writer = new PacketWriter()
  writer.number(1)
  expect(writer.take().byteLength).toBe(4)
})

test('what many are told is in the packet once, and not in the next one', () => {
  const writer = new PacketWriter()
  const [large, other] = [new Uint8Array(1_000_000).fill(1), Uint8Array.of(2)]
  const write = () => {
    for (const bytes of [large, large, other, large, large]) writer.sharedBytes(bytes)
    return writer.take()
  }
  for (const packet of [write(), write()]) {
    expect(packet.byteLength).toBeLessThan(4_300_000)
    const reader = new PacketReader(packet)
    const read = Array.from({ length: 5 }, () => reader.sharedBytes())
    expect(read).toEqual([large, large, other, large, large])
    expect(read[0]).toBe(read[1] as Uint8Array)
  }
})
