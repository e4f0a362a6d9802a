import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { DEFAULT_APP_SETTINGS } from '../config/app-schema.ts'
import { isOriginAllowed, isOriginListed } from './origin-policy.ts'

const listed = {
  ...DEFAULT_APP_SETTINGS,
  allowedOrigins: ['https://app.example.com', 'http://localhost:3000', 'https://*.example.org'],
}

describe('listed origins', () => {
  test.each([
    'https://app.example.com',
    'HTTPS://App.Example.com',
    'http://localhost:3000',
    'https://a.example.org',
    'https://a.b.example.org',
    'https://xn--bcher-kva.example.org',
    'https://a_b.example.org',
  ])('let %s in', (origin) => {
    expect(isOriginAllowed(listed, origin)).toBe(true)
  })

  test.each([
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://example.com',
    'https://app.example.com.evil',
    'https://evilapp.example.com',
    'http://localhost',
    'http://localhost:3001',
    'https://example.org',
    'https://.example.org',
    'https://evilexample.org',
    'https://a.example.org.evil',
    'https://a.example.org:444',
    'http://a.example.org',
    'https://evil/.example.org',
    'https://evil.com#.example.org',
    'https://evil.com?.example.org',
    'https://evil.com\\.example.org',
    'https://evil.com:1.example.org',
    'https://user@a.example.org',
    'https://app.example.com:443',
    'http://localhost:03000',
    'https://app.example.com.',
    'https://a.example.org.',
    'https://a..example.org',
    'https://-a.example.org',
    'https://a-.example.org',
    'https://bücher.example.org',
    'https://a.example.org\u0000',
    ' https://app.example.com',
    'https://app.example.com ',
    'https://app.example.com https://evil.com',
    'https://app.example.com, https://evil.com',
    'https:app.example.com',
    'https:\\\\app.example.com',
    'wss://app.example.com',
    `https://${'a.'.repeat(200)}example.org`,
    'https://*.example.org',
    'null',
    '',
    'https://',
  ])('keep %p out', (origin) => {
    expect(isOriginAllowed(listed, origin)).toBe(false)
  })

  test('decide on a missing header by the switch', () => {
    expect(isOriginAllowed(listed, undefined)).toBe(true)
    expect(isOriginAllowed({ ...listed, missingOrigin: 'deny' }, undefined)).toBe(false)
  })

  test('let null in only when it is listed', () => {
    expect(isOriginAllowed({ ...listed, allowedOrigins: ['null'] }, 'null')).toBe(true)
  })
})

test('only what a list names is listed: without one, or with every origin let in, none is', () => {
  expect(isOriginListed(listed, 'https://app.example.com')).toBe(true)
  expect(isOriginListed(DEFAULT_APP_SETTINGS, 'https://app.example.com')).toBe(false)
  const open = { ...DEFAULT_APP_SETTINGS, dangerousAnyOrigin: true }
  expect(isOriginListed(open, 'https://app.example.com')).toBe(false)
  expect(isOriginListed(listed, 'null')).toBe(false)
})

test('no origin of another domain is let in, whatever stands before it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(isOriginAllowed(listed, `https://${text}.evil.example`)).toBe(false)
      expect(isOriginAllowed(listed, `https://${text}example.org.evil`)).toBe(false)
    }),
  )
})

test('without a list every origin is let in', () => {
  expect(isOriginAllowed(DEFAULT_APP_SETTINGS, 'https://any.example')).toBe(true)
})
