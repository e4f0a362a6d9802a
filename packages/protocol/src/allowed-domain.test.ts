import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { normalizeAllowedDomain } from './allowed-domain.ts'

test.each([
  ['example.com', 'example.com'],
  ['Example.COM', 'example.com'],
  ['https://example.com', 'example.com'],
  ['HTTP://example.com/', 'example.com'],
  ['example.com/', 'example.com'],
  ['example.com:3000', 'example.com:3000'],
  ['example.com:03000', 'example.com:3000'],
  ['http://localhost:3000/', 'localhost:3000'],
  ['https://example.com:443', 'example.com'],
  ['http://example.com:80', 'example.com'],
  ['http://example.com:443', 'example.com:443'],
  ['example.com:443', 'example.com:443'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['https://BÜCHER.example:8443/', 'xn--bcher-kva.example:8443'],
  ['日本。jp', 'xn--wgv71a.jp'],
  ['my_app.example.com', 'my_app.example.com'],
  ['192.0.2.7:8080', '192.0.2.7:8080'],
  ['[2001:DB8:0:0::1]:8080', '[2001:db8::1]:8080'],
])('%s is %s', (text, normal) => {
  expect(normalizeAllowedDomain(text)).toEqual({ ok: true, value: normal })
})

describe('refused, for it names no single host:', () => {
  test.each([
    '',
    '/',
    'https://',
    'null',
    '*',
    '*.example.com',
    'ftp://example.com',
    'wss://example.com',
    'example.com/path',
    'example.com//',
    'example.com?x',
    'example.com#x',
    'user@example.com',
    'exa mple.com',
    ' example.com',
    'example.com\n',
    'exa\tmple.com',
    'ex%61mple.com',
    'a,b',
    'a..b',
    '.example.com',
    'example.com.',
    '-a.example',
    'a-.example',
    'example.com:',
    'example.com:0',
    'example.com:65536',
    'example.com:8o',
    '1',
    '0x7f.1',
    '192.0.2.999',
    '[::1',
    '[::g]',
    '::1',
    'xn--a',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(127)}example`,
    'x'.repeat(1_000_000),
  ])('%p', (text) => {
    expect(normalizeAllowedDomain(text)).toEqual({ ok: false, refusal: 'malformed' })
  })
})

test('any text is refused or becomes its normal form, and no text throws', () => {
  const unit = fc.constantFrom(...'aZ09.-_:/[]%@*ü。\0 \u200d'.split(''), 'https://', '::', 'xn--')
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(unit, { maxLength: 12 }).map((parts) => parts.join('')),
    fc.webUrl({ withQueryParameters: false }),
    fc.domain(),
  )
  fc.assert(
    fc.property(text, (each) => {
      const once = normalizeAllowedDomain(each)
      if (!once.ok) return
      expect(once.value).toMatch(/^(?:[a-z0-9._-]+|\[[0-9a-f:]+\])(?::[1-9]\d{0,4})?$/)
      expect(normalizeAllowedDomain(once.value)).toEqual(once)
    }),
    { numRuns: 3_000 },
  )
})

test('every domain name of the web is one', () => {
  fc.assert(
    fc.property(fc.domain(), (domain) => {
      expect(normalizeAllowedDomain(domain)).toEqual({ ok: true, value: domain.toLowerCase() })
    }),
  )
})
