import { expect, test } from 'bun:test'
import { AddressPolicy } from './address-policy.ts'

const strict = new AddressPolicy([])

test.each([
  '93.184.216.34',
  '8.8.8.8',
  '172.15.255.255',
  '172.32.0.1',
  '100.63.255.255',
  '169.253.255.255',
  '2606:4700::1111',
  '2001:4860:4860::8888',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
])('a public address may be called: %s', (address) => {
  expect(strict.judge(address)).toBe('public')
})

test.each([
  ['this network', '0.0.0.0'],
  ['this network', '0.1.2.3'],
  ['private', '10.0.0.1'],
  ['private', '10.255.255.255'],
  ['private', '172.16.0.1'],
  ['private', '172.31.255.255'],
  ['private', '192.168.1.1'],
  ['carrier', '100.64.0.1'],
  ['carrier, with metadata of a cloud', '100.100.100.200'],
  ['loopback', '127.0.0.1'],
  ['loopback', '127.255.255.254'],
  ['metadata', '169.254.169.254'],
  ['metadata of containers', '169.254.170.2'],
  ['inner service of a cloud', '168.63.129.16'],
  ['protocol assignments, with metadata', '192.0.0.192'],
  ['documentation', '192.0.2.1'],
  ['documentation', '198.51.100.1'],
  ['documentation', '203.0.113.1'],
  ['6to4 relay', '192.88.99.1'],
  ['benchmark', '198.19.255.255'],
  ['multicast', '224.0.0.1'],
  ['multicast', '239.255.255.250'],
  ['reserved', '240.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['unspecified', '::'],
  ['loopback', '::1'],
  ['mapped loopback', '::ffff:127.0.0.1'],
  ['mapped loopback in hex', '::ffff:7f00:1'],
  ['mapped metadata', '::ffff:169.254.169.254'],
  ['mapped, spelled out', '0:0:0:0:0:ffff:10.0.0.1'],
  ['compatible', '::127.0.0.1'],
  ['translated', '::ffff:0:127.0.0.1'],
  ['through NAT64', '64:ff9b::127.0.0.1'],
  ['through NAT64', '64:ff9b::a9fe:a9fe'],
  ['NAT64 of a site', '64:ff9b:1::808:808'],
  ['6to4', '2002:7f00:1::'],
  ['Teredo', '2001:0:7f00:1::'],
  ['documentation', '2001:db8::1'],
  ['documentation', '3fff::1'],
  ['unique local', 'fc00::1'],
  ['unique local, with metadata', 'fd00:ec2::254'],
  ['link-local', 'fe80::1'],
  ['with a zone', 'fe80::1%eth0'],
  ['public with a zone', '2606:4700::1111%lo'],
  ['site-local', 'fec0::1'],
  ['multicast', 'ff02::1'],
  ['discard', '100::1'],
  ['segment routing', '5f00::1'],
  ['not an address', 'localhost'],
  ['not an address', ''],
  ['not an address', '127.1'],
])('no call goes to what is not public: %s %s', (_kind, address) => {
  expect(strict.judge(address)).toBe('refused')
})

test('a network of one family says nothing of the other', () => {
  const policy = new AddressPolicy(['::/0'])
  expect(policy.judge('fd00::1')).toBe('allowed')
  for (const address of ['10.0.0.1', '127.0.0.1', '::ffff:127.0.0.1', '169.254.169.254']) {
    expect(policy.judge(address)).toBe('refused')
  }
})

test('what the operator allows is allowed, and nothing beside it', () => {
  const policy = new AddressPolicy(['10.1.0.0/16', '127.0.0.1', 'fd00:1::/32'])
  for (const address of ['10.1.0.1', '10.1.255.255', '127.0.0.1', '::ffff:10.1.2.3', 'fd00:1::5']) {
    expect(policy.judge(address)).toBe('allowed')
  }
  for (const address of ['10.2.0.1', '127.0.0.2', 'fd00:2::5', '169.254.169.254', '::1']) {
    expect(policy.judge(address)).toBe('refused')
  }
  expect(policy.judge('8.8.8.8')).toBe('public')
})
