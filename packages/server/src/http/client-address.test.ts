import { describe, expect, test } from 'bun:test'
import { isIP } from 'node:net'
import fc from 'fast-check'
import { limitSubject } from '../core/limits/address-subject.ts'
import {
  clientAddress,
  forwardedProto,
  normalizeAddress,
  TrustedProxies,
} from './client-address.ts'

const NOBODY = new TrustedProxies([])
const PROXIES = new TrustedProxies(['10.0.0.0/8', '192.0.2.7', '2001:db8:aaaa::/48', '::1'])

test.each([
  ['10.0.0.1', true],
  ['10.255.255.255', true],
  ['11.0.0.0', false],
  ['9.255.255.255', false],
  ['192.0.2.7', true],
  ['192.0.2.8', false],
  ['2001:db8:aaaa:ffff::1', true],
  ['2001:db8:aaab::1', false],
  ['::1', true],
  ['::2', false],
])('of the proxies, %s is one: %p', (address, isTrusted) => {
  expect(PROXIES.includes(address)).toBe(isTrusted)
  expect(NOBODY.includes(address)).toBe(false)
})

describe('the client is', () => {
  test.each<[string, string, string | null, string]>([
    ['the peer without a header', '10.0.0.1', null, '10.0.0.1'],
    ['the peer with an empty header', '10.0.0.1', '', '10.0.0.1'],
    ['the peer that is no proxy, whatever it claims', '198.51.100.1', '10.9.9.9', '198.51.100.1'],
    ['the one that the proxy saw', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['the nearest one that is no proxy', '10.0.0.1', '198.51.100.1, 10.0.0.2', '198.51.100.1'],
    ['not what it invented', '10.0.0.1', '1.1.1.1, 198.51.100.1, 10.0.0.2', '198.51.100.1'],
    ['not the proxy it invented', '10.0.0.1', '10.1.1.1,198.51.100.1', '198.51.100.1'],
    ['the furthest proxy, if all are', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['the last readable hop', '10.0.0.1', '198.51.100.1, unknown, 10.0.0.2', '10.0.0.2'],
    ['the peer where nothing is readable', '10.0.0.1', '198.51.100.1, _hidden', '10.0.0.1'],
    ['the peer where a hop is empty', '10.0.0.1', '198.51.100.1,', '10.0.0.1'],
    ['without its port', '10.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
    ['without port and brackets', '10.0.0.1', '[2001:DB8:0:0::9]:4711', '2001:db8::9'],
    ['without brackets', '10.0.0.1', '[2001:db8::9]', '2001:db8::9'],
    ['in one spelling', '10.0.0.1', '2001:0DB8::0009', '2001:db8::9'],
    ['IPv4, where it came mapped', '::ffff:10.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
    ['found past IPv6 proxies', '2001:db8:aaaa::1', '198.51.100.1, ::1', '198.51.100.1'],
    ['the peer that is no address', 'unix', '198.51.100.1', 'unix'],
  ])('%s', (...row) => {
    const [, peer, header, client] = row
    expect(clientAddress(peer, header, PROXIES)).toBe(client)
  })

  test.each([
    '010.0.0.2',
    '10.0.0.2 x',
    '10.0.0.256',
    '1',
    '0x0a000002',
    'fe80::1%eth0',
    '[::1',
    '::1]',
  ])('the hop before %p, which is no address', (hop) => {
    expect(clientAddress('10.0.0.1', `198.51.100.1, ${hop}, 10.0.0.3`, PROXIES)).toBe('10.0.0.3')
  })

  test('never one that a stranger names', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), (peer, header) => {
        fc.pre(!PROXIES.includes(peer))
        expect(clientAddress(peer, header, PROXIES)).toBe(peer)
      }),
    )
  })

  test('what the outermost proxy saw, whatever the client put before', () => {
    const noise = fc.oneof(
      fc.string(),
      fc.ipV4(),
      fc.ipV6(),
      fc.constantFrom('10.0.0.9', ',', '::1'),
    )
    const proxies = fc.array(fc.constantFrom('10.0.0.2', '192.0.2.7', '::1'), { maxLength: 5 })
    fc.assert(
      fc.property(fc.array(noise), proxies, (invented, chain) => {
        const header = [...invented, '198.51.100.1', ...chain].join(', ')
        expect(clientAddress('10.0.0.1', header, PROXIES)).toBe('198.51.100.1')
      }),
    )
  })

  test('a proxy or readable, for any header, and nothing throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (header) => {
        expect(isIP(clientAddress('10.0.0.1', header, PROXIES))).not.toBe(0)
      }),
    )
  })

  test('found behind a header of any length', () => {
    const long = `${'203.0.113.99,'.repeat(100_000)}198.51.100.1, 10.0.0.2`
    expect(clientAddress('10.0.0.1', long, PROXIES)).toBe('198.51.100.1')
    const onlyProxies = '10.0.0.2,'.repeat(100_000)
    expect(clientAddress('10.0.0.1', `${onlyProxies}10.0.0.2`, PROXIES)).toBe('10.0.0.2')
    // Cutting `198.51.100.1` may not leave another address, such as `8.51.100.1`.
    for (let length = 2_030; length < 2_060; length++) {
      const padded = `198.51.100.1,${' '.repeat(length)}10.0.0.2`
      const hops = ['198.51.100.1', '10.0.0.2', '10.0.0.1']
      expect(hops).toContain(clientAddress('10.0.0.1', padded, PROXIES))
    }
  })
})

describe('the scheme', () => {
  test.each<[string, string | null, string | undefined]>([
    ['10.0.0.1', 'https', 'https'],
    ['10.0.0.1', 'HTTPS', 'https'],
    ['10.0.0.1', 'http', 'http'],
    ['10.0.0.1', 'https, https', 'https'],
    ['10.0.0.1', 'https, http', 'http'],
    ['10.0.0.1', 'http, https', 'http'],
    ['10.0.0.1', 'wss', undefined],
    ['10.0.0.1', 'https,', undefined],
    ['10.0.0.1', '', undefined],
    ['10.0.0.1', null, undefined],
    ['10.0.0.1', 'https,'.repeat(10_000), undefined],
    ['::ffff:10.0.0.1', 'https', 'https'],
    ['198.51.100.1', 'https', undefined],
    ['198.51.100.1', 'http', undefined],
    ['unix', 'https', undefined],
  ])('from %s with %p is %p', (peer, header, scheme) => {
    expect(forwardedProto(peer, header, PROXIES)).toBe(scheme as 'http' | 'https' | undefined)
    expect(forwardedProto(peer, header, NOBODY)).toBeUndefined()
  })
})

describe('an address', () => {
  test('has one spelling, and keeps it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        const normal = normalizeAddress(address)
        expect(normalizeAddress(address.toUpperCase())).toBe(normal)
        if (normal === undefined) return expect(address).toMatch(/:.*\./) // IPv4 inside IPv6
        expect(isIP(normal)).not.toBe(0)
        expect(normalizeAddress(normal)).toBe(normal)
      }),
    )
  })

  test.each(['', 'localhost', '1', '1.2.3', '01.2.3.4', '1.2.3.4/8', '::g', '[::1]', 'fe80::1%lo'])(
    'is not %p',
    (text) => {
      expect(normalizeAddress(text)).toBeUndefined()
    },
  )

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['1::2:3:4:5', '1:0:0:0::/64'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4::/64'],
    ['unix', 'unix'],
  ])('%s is counted as %s', (address, subject) => {
    expect(limitSubject(address)).toBe(subject)
  })

  test('is counted together with all others of its /64, and with no other', () => {
    const group = fc.nat(0xffff).map((number) => number.toString(16))
    const half = fc.array(group, { minLength: 4, maxLength: 4 }).map((groups) => groups.join(':'))
    fc.assert(
      fc.property(half, half, half, (network, first, second) => {
        const subjectOf = (address: string) => limitSubject(normalizeAddress(address) ?? '')
        const subject = subjectOf(`${network}:${first}`)
        if (!subject.includes(':')) return // an IPv4 address in IPv6
        expect(subject).toBe(subjectOf(`${network}:${second}`))
        const other = network.replace(/^[^:]*/, (head) => (head === '1' ? '2' : '1'))
        expect(subjectOf(`${other}:${first}`)).not.toBe(subject)
      }),
    )
  })
})
