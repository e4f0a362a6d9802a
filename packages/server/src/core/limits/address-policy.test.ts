import { describe, expect, test } from 'bun:test'
import { guardWorld } from '../../../../../test/support/guard-world.ts'
import { HandClock } from '../../../../../test/support/hand-clock.ts'
import { refusedHeaders } from '../../http/limit-headers.ts'
import { type AddressPolicy, chargeAddress } from './address-policy.ts'
import { limitKind } from './limit-names.ts'

const QUOTAS: readonly (readonly [AddressPolicy, number])[] = [
  ['documents_connect.ip', 60],
  ['discovery.ip', 60],
  ['usage.ip', 12],
  ['health.ip', 600],
]

const from = (ip: string) => () => ({ ip, agent: 'test', protocol: 'http' })

describe.each(QUOTAS)('the policy %s', (name, quota) => {
  test(`lets ${quota} requests of an address pass in a minute, and says 60 s to the next`, () => {
    const clock = new HandClock()
    const { guard } = guardWorld(clock)
    for (let count = 0; count < quota; count++) {
      expect(chargeAddress(guard, name, from('192.0.2.1'))).toBeUndefined()
      clock.pass(10)
    }
    const refused = chargeAddress(guard, name, from('192.0.2.1'))
    expect(refused).toMatchObject({ refusal: 'rate_limited' })
    expect(refused && refusedHeaders(refused.reading)).toMatchObject({ 'retry-after': '60' })
    expect(chargeAddress(guard, name, from('192.0.2.2'))).toBeUndefined()
    clock.pass(120_000)
    expect(chargeAddress(guard, name, from('192.0.2.1'))).toBeUndefined()
  })

  test('is of its own, and passes everything while nobody can count', () => {
    const { guard } = guardWorld(new HandClock(), [`${name} 0/1m`])
    expect(chargeAddress(guard, name, from('192.0.2.1'))).toBeDefined()
    for (const [other] of QUOTAS) {
      if (other !== name) expect(chargeAddress(guard, other, from('192.0.2.1'))).toBeUndefined()
    }
    expect(limitKind(name).onOutage).toBe('open')
  })
})

test('addresses of one /64 share what they may', () => {
  const { guard } = guardWorld(new HandClock(), ['usage.ip 1/1m'])
  expect(chargeAddress(guard, 'usage.ip', from('2001:db8::1'))).toBeUndefined()
  expect(chargeAddress(guard, 'usage.ip', from('2001:db8::2'))).toBeDefined()
  expect(chargeAddress(guard, 'usage.ip', from('2001:db8:0:1::2'))).toBeUndefined()
})
