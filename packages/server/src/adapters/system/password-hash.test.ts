import { expect, test } from 'bun:test'
import { createPasswordHash } from './password-hash.ts'

const quick = createPasswordHash({ cost: 4 })
/** `U*U` under a fixed salt, of the published test vectors of bcrypt, and the next of them. */
const VECTORS = [
  ['U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
  ['U*U*', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK'],
] as const

test('what was hashed verifies and nothing else does', async () => {
  const hash = await quick.hash('correct')
  expect(await quick.verify('correct', hash)).toBe(true)
  for (const other of ['Correct', 'correct ', 'c']) {
    expect(await quick.verify(other, hash)).toBe(false)
  }
})

test.each(VECTORS)('it is bcrypt as published: %s', async (text, hash) => {
  expect(await quick.verify(text, hash)).toBe(true)
  expect(await quick.verify(`${text}*`, hash)).toBe(false)
})

test('the same text hashed twice gives two hashes, and the cost is 10 unless chosen', async () => {
  const usual = createPasswordHash()
  const hashes = await Promise.all([usual.hash('text'), usual.hash('text'), quick.hash('text')])
  expect(new Set(hashes).size).toBe(3)
  expect(hashes.map((hash) => hash.slice(4, 7))).toEqual(['10$', '10$', '04$'])
})

test('72 bytes all count, and longer texts are refused instead of cut', async () => {
  const longest = 'é'.repeat(36)
  const hash = await quick.hash(longest)
  expect(await quick.verify(longest, hash)).toBe(true)
  expect(await quick.verify(`${longest.slice(0, -1)}è`, hash)).toBe(false)
  const longer = `${longest}x`
  const refused = await Promise.allSettled([
    quick.hash(longer),
    quick.verify(longer, hash),
    quick.hash(''),
    quick.hash('a\0b'),
  ])
  for (const each of refused) {
    expect(each.status === 'rejected' && each.reason instanceof RangeError).toBe(true)
    expect(JSON.stringify(each)).not.toContain('é')
  }
})

test('the event loop goes on while a hash is computed', async () => {
  const hashing = { isDone: false }
  const hashed = createPasswordHash({ cost: 12 })
    .hash('text')
    .finally(() => {
      hashing.isDone = true
    })
  let turns = 0
  while (!hashing.isDone) {
    await new Promise((resolve) => setImmediate(resolve))
    turns++
  }
  await hashed
  expect(turns).toBeGreaterThan(10)
})

test.each([3, 32, 10.5, Number.NaN])('%p is no cost', (cost) => {
  expect(() => createPasswordHash({ cost })).toThrow(RangeError)
})
