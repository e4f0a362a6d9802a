import { expect, test } from 'bun:test'
import { guardWorld } from '../../../../../test/support/guard-world.ts'
import { HandClock } from '../../../../../test/support/hand-clock.ts'
import { failedCall } from './charging.ts'

const SOURCE = () => ({ ip: '192.0.2.1', agent: 'test' })

test.each([
  'unauthenticated',
  'credential_invalid',
  'credential_revoked',
  'token_expired',
] as const)('calls refused as %s are counted for their address', (refusal) => {
  const world = guardWorld(new HandClock(), ['auth.ip 2/1m'])
  const told = () => failedCall(refusal, SOURCE, world)?.reading.rule.name
  expect([told(), told(), told()]).toEqual([undefined, undefined, 'auth.ip'])
})

test('calls refused for what they ask are not counted as failed proofs', () => {
  const world = guardWorld(new HandClock(), ['auth.ip 0/1m'])
  for (const refusal of ['app_disabled', 'request_malformed', 'replayed'] as const) {
    expect(failedCall(refusal, SOURCE, world)).toBeUndefined()
  }
})
