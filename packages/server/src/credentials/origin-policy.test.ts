import { describe, expect, test } from 'bun:test'
import { DEFAULT_APP_SETTINGS } from '../config/app-schema.ts'
import { isOriginAllowed } from './origin-policy.ts'

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

test('without a list every origin is let in', () => {
  expect(isOriginAllowed(DEFAULT_APP_SETTINGS, 'https://any.example')).toBe(true)
})
