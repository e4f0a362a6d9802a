import { expect, test } from 'bun:test'
import type { Random } from '../ports/random.ts'
import { systemRandom } from '../adapters/system/random.ts'
import { BASE62, newId, randomBase62, randomUuid } from './identifiers.ts'

/** Gives the bytes 0, 1, ... 255 round and round. */
function countingRandom(): Random {
  let next = 0
  return {
    bytes: (count) => Uint8Array.from({ length: count }, () => next++ & 0xff),
    uint32: () => next++,
  }
}

test('every character of base 62 is drawn equally often from uniform bytes', () => {
  const counts = new Map<string, number>()
  // 248 of 256 bytes are used, 4 for each character: 31 rounds of 8 spare bytes do not disturb
  // that.
  for (const character of randomBase62(countingRandom(), 62 * 4 * 100)) {
    counts.set(character, (counts.get(character) ?? 0) + 1)
  }
  expect(counts.size).toBe(BASE62.length)
  expect(new Set(counts.values())).toEqual(new Set([400]))
})

test.each([0, 1, 16, 43, 1_000])('%d characters asked are %d characters given', (length) => {
  for (let round = 0; round < 50; round++) {
    expect(randomBase62(systemRandom, length)).toMatch(new RegExp(`^[0-9A-Za-z]{${length}}$`))
  }
})

test('ids name their kind and do not repeat', () => {
  const ids = Array.from({ length: 10_000 }, () => newId('ver', systemRandom))
  for (const id of ids) expect(id).toMatch(/^ver_[0-9A-Za-z]{20}$/)
  expect(new Set(ids).size).toBe(ids.length)
})

test('a UUID is of version 4 whatever the bytes', () => {
  for (let round = 0; round < 1_000; round++) {
    expect(randomUuid(systemRandom)).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    )
  }
})
