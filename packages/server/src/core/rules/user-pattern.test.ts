import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { matchesUser } from './user-pattern.ts'

test('a pattern matches what the same expression does', () => {
  const pattern = fc.array(fc.constantFrom('a', 'b', '*', '.'), { maxLength: 8 })
  const name = fc.array(fc.constantFrom('a', 'b', '.'), { maxLength: 10 })
  fc.assert(
    fc.property(pattern, name, (pieces, letters) => {
      const body = pieces.map((piece) => (piece === '*' ? '.*' : `\\x${hex(piece)}`)).join('')
      const isMatch = new RegExp(`^${body}$`).test(letters.join(''))
      expect(matchesUser(pieces.join(''), letters.join(''))).toBe(isMatch)
    }),
    { numRuns: 3_000 },
  )
})

test('many stars cost no more than the product of both lengths', () => {
  expect(matchesUser(`${'*a'.repeat(60)}b`, 'a'.repeat(20_000))).toBe(false)
})

function hex(text: string): string {
  return text.charCodeAt(0).toString(16)
}
