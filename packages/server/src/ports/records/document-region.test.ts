import { expect, test } from 'bun:test'
import { parseDocumentRegion, repeatedRegion } from './document-region.ts'

test('a row is a code and a URL in its plainest spelling', () => {
  expect(parseDocumentRegion('eu-central-1 wss://eu.example.com')).toEqual({
    code: 'eu-central-1',
    url: 'wss://eu.example.com',
  })
  expect(parseDocumentRegion('eu ws://127.0.0.1:8080/ws')?.url).toBe('ws://127.0.0.1:8080/ws')
})

test.each([
  'eu',
  'wss://eu.example.com',
  'EU wss://eu.example.com',
  'eu  wss://eu.example.com',
  'eu https://eu.example.com',
  'eu wss://eu.example.com/',
  'eu wss://eu.example.com:443',
  'eu wss://EU.example.com',
  'eu wss://me:secret@eu.example.com',
  'eu wss://eu.example.com/ws?x=1',
  'eu wss://eu.example.com/ws#x',
  'eu wss://eu.example.com/a/../b',
])('%s is no row', (text) => {
  expect(parseDocumentRegion(text)).toBeUndefined()
})

test('codes and hosts are given once', () => {
  const rows = (...texts: string[]) => texts.flatMap((text) => parseDocumentRegion(text) ?? [])
  expect(repeatedRegion(rows('eu ws://a', 'us ws://b', 'ap ws://a:81'))).toBe(-1)
  expect(repeatedRegion(rows('eu ws://a', 'us ws://b', 'eu ws://c'))).toBe(2)
  expect(repeatedRegion(rows('eu ws://a/x', 'us ws://a/y'))).toBe(1)
})
