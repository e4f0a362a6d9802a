import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { md5Hex } from './md5.ts'

test.each([
  ['', 'd41d8cd98f00b204e9800998ecf8427e'],
  ['abc', '900150983cd24fb0d6963f7d28e17f72'],
  ['message digest', 'f96b697d7cb7938d525a2f31aaf161d0'],
])('RFC 1321 A.5: %j', (text, digest) => {
  expect(md5Hex(new TextEncoder().encode(text))).toBe(digest)
})

test('is that of the runtime, at every length around a block and for any bytes', () => {
  const wanted = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex')
  for (let length = 0; length < 200; length++) {
    const bytes = new Uint8Array(length).fill(0xff)
    expect(md5Hex(bytes)).toBe(wanted(bytes))
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
      expect(md5Hex(bytes)).toBe(wanted(bytes))
    }),
  )
})
