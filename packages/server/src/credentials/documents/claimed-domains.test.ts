import { describe, expect, test } from 'bun:test'
import { claimedDomains, isOriginClaimed } from './claimed-domains.ts'

const claims = (...domains: readonly unknown[]) =>
  Object.fromEntries(domains.map((domain, index) => [`allowed_domain_${index + 1}`, domain]))

describe('the claims of a token', () => {
  test('name up to three domains, in normal form', () => {
    expect(claimedDomains(claims('app.example', 'HTTPS://B.Example/', 'c.example:8443'))).toEqual([
      'app.example',
      'b.example',
      'c.example:8443',
    ])
    expect(claimedDomains(claims('a.example', 'b.example', 'c.example', 'd.example'))).toHaveLength(
      3,
    )
  })

  test('name none where they are absent, empty or null', () => {
    for (const none of [{}, claims(''), claims(undefined, null, '')]) {
      expect(claimedDomains(none)).toEqual([])
    }
  })

  test('that cannot be read still narrow: nothing fits them', () => {
    for (const odd of ['*.example', 'a.example/path', 7, ['a.example']]) {
      const domains = claimedDomains(claims(odd))
      expect(domains).toHaveLength(1)
      expect(isOriginClaimed(domains, 'https://a.example')).toBe(false)
    }
  })
})

describe('an origin', () => {
  test.each([
    ['app.example', 'https://app.example', true],
    ['app.example', 'http://app.example', true],
    ['app.example', 'https://APP.example', true],
    ['app.example', 'https://app.example:443', true],
    ['app.example', 'http://app.example:443', false],
    ['app.example', 'https://app.example:8443', false],
    ['app.example', 'https://sub.app.example', false],
    ['app.example', 'https://app.example.evil', false],
    ['app.example:8443', 'https://app.example:8443', true],
    ['app.example:8443', 'https://app.example', false],
    ['app.example:443', 'https://app.example', true],
    ['app.example:80', 'https://app.example', false],
    ['app.example', 'null', false],
    ['app.example', '', false],
    ['app.example', 'app.example', false],
    ['app.example', 'ftp://app.example', false],
    ['app.example', 'file://', false],
    ['localhost:5173', 'http://localhost:5173', true],
  ])('of a token for %s: %s, %p', (domain, origin, isFit) => {
    expect(isOriginClaimed([domain], origin)).toBe(isFit)
  })

  test('that is endless fits nothing', () => {
    expect(isOriginClaimed(['a'], `https://${'a'.repeat(400)}`)).toBe(false)
  })
})
