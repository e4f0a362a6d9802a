import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { ownHostsOf } from './own-hosts.ts'

const hosts = ownHostsOf({
  publicUrl: 'https://realtime.example.com:8443/x',
  allowedHosts: ['lockgate', 'admin.example.com:9000', 'xn--bcher-kva.example'],
  listen: { http: { hostname: 'Bound.internal' }, https: { hostname: '127.0.0.1' } },
})

test.each([
  '127.0.0.1',
  '127.0.0.1:8080',
  '192.0.2.1:1',
  '[::1]',
  '[::1]:8080',
  '[2001:DB8::1]:8080',
  'localhost',
  'LOCALHOST:8080',
  'localhost.:8080',
  'realtime.example.com',
  'realtime.example.com:443',
  'Realtime.Example.COM.',
  'lockgate:8080',
  'bound.internal:1',
  'admin.example.com:9000',
  'xn--bcher-kva.example',
])('%p is ours', (header) => {
  expect(hosts.include(header)).toBe(true)
})

test.each([
  null,
  '',
  ':8080',
  'evil.example',
  'evil.example:8080',
  'localhost.evil.example',
  'evil-localhost',
  'x.localhost',
  '127.0.0.1.evil.example',
  '127.0.0.1.nip.io',
  '127.1',
  '2130706433',
  '0x7f.1',
  '127.0.0.256',
  '[::1].evil.example',
  '[localhost]',
  'realtime.example.com.evil.example',
  'evil.realtime.example.com',
  'realtime.example.com..',
  'realtime.example.com:',
  'realtime.example.com:443:80',
  'realtime.example.com, evil.example',
  'user@realtime.example.com',
  'admin.example.com',
  'admin.example.com:9001',
  'lockgate evil',
])('%p is not', (header) => {
  expect(hosts.include(header)).toBe(false)
})

test('no name of another domain is ours, whatever stands before it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(hosts.include(`${text}.evil.example`)).toBe(false)
    }),
  )
})
