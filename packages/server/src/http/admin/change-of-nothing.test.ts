import { expect, test } from 'bun:test'
import { isChangeOfNothing } from './change-of-nothing.ts'

test.each([
  {},
  { reason: 'r' },
  { name: undefined },
  { settings: {} },
  { settings: {}, reason: 'r' },
])('nothing is changed by %p', (body) => {
  expect(isChangeOfNothing(body)).toBe(true)
})

test.each([{ name: 'a' }, { scopes: null }, { scopes: [] }, { settings: { a: 1 } }, { limit: 0 }])(
  'something is changed by %p',
  (body) => {
    expect(isChangeOfNothing(body)).toBe(false)
  },
)
