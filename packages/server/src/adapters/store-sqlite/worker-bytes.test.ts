import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { BytesIn, BytesOut } from './worker-bytes.ts'

test('a message without bytes is its text', () => {
  const out = new BytesOut()
  const text = JSON.stringify([1, 'a', null].map((value) => out.value(value)))
  expect(out.message(text)).toEqual({ message: '[1,"a",null]', transfer: [] })
})

test('values come back as they went, bytes in one buffer beside the text', () => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.uint8Array())
  const property = fc.property(fc.array(value), (values) => {
    const out = new BytesOut()
    const { message } = out.message(JSON.stringify(values.map((each) => out.value(each))))
    const back = new BytesIn(message)
    const read = (JSON.parse(back.text) as (string | number | null)[]).map((each) =>
      back.value(each),
    )
    expect(read).toEqual(values)
    expect(back.hasBytes).toBe(values.some((each) => each instanceof Uint8Array))
  })
  fc.assert(property)
})
