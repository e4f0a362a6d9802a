import { expect, test } from 'bun:test'
import { KEY_TYPES, parseKey } from '../credentials/key-format.ts'
import { isWebhookSecret } from '../credentials/webhook-secret.ts'
import { generateKeyOfType, KEY_TYPE_NAMES } from './keys.ts'

test.each(Object.keys(KEY_TYPES))('%s gives a new well-formed value each time', (type) => {
  const [first = '', second = ''] = [generateKeyOfType(type), generateKeyOfType(type)]
  const parsed = parseKey(first)
  expect(parsed.ok && parsed.value.prefix).toBe(KEY_TYPES[type as keyof typeof KEY_TYPES])
  expect(parseKey(second).ok).toBe(true)
  expect(first).not.toBe(second)
})

test('whsec gives a new webhook secret each time', () => {
  const values = [generateKeyOfType('whsec') ?? '', generateKeyOfType('whsec') ?? '']
  expect(values.map(isWebhookSecret)).toEqual([true, true])
  expect(values[0]).not.toBe(values[1])
  expect(KEY_TYPE_NAMES).toContain('whsec')
})

test('a type that does not exist gives nothing', () => {
  for (const type of ['', 'SK', 'toString', '__proto__']) {
    expect(generateKeyOfType(type)).toBeUndefined()
  }
})
