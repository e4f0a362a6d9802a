import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { isMediaType, JSON_TYPE } from './media-type.ts'

test.each([
  'application/json',
  'Application/JSON',
  ' application/json ',
  'application/json; charset=utf-8',
  'application/json;charset=UTF-8',
  'application/json; charset="utf-8"',
  'application/json; charset=utf8',
  'application/json;',
  'application/json; v=1; charset=utf-8',
])('%p is JSON', (header) => {
  expect(isMediaType(header, JSON_TYPE)).toBe(true)
})

test.each([
  null,
  '',
  'text/plain',
  'text/json',
  'application/jsonx',
  'application/json+x',
  'application/problem+json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=application/json',
  'application/json, application/json',
  'application/json, text/plain',
  'application/json; v=1, text/plain',
  'text/plain, application/json',
  'text/plain; application/json',
  'application/json; charset=utf-16',
  'application/json; charset=iso-8859-1',
  'application/json; charset=utf-8; charset=utf-7',
  'application/json; charset',
  'application/json; charset=utf-8, text/plain',
])('%p is not', (header) => {
  expect(isMediaType(header, JSON_TYPE)).toBe(false)
})

test('any header gets an answer', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (header) => {
      isMediaType(header, JSON_TYPE)
      isMediaType(`application/json;${header}`, JSON_TYPE)
    }),
  )
})
