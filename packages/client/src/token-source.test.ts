import { describe, expect, test } from 'bun:test'
import { handSystem } from '../../../test/support/hand-system.ts'
import type { ClientError } from './client-error.ts'
import { TokenService } from './token-service.ts'
import { type TokenLogin, tokenSource } from './token-source.ts'

const SECRET = 'secret of the application'

/** What becomes of the first token, after a minute. */
async function told(login: TokenLogin): Promise<ClientError | 'pending'> {
  const hand = handSystem()
  const service = new TokenService('https://tokens.example', hand.system)
  let outcome: ClientError | 'pending' = 'pending'
  tokenSource(login, service, hand.system)
    .first()
    .catch((error: ClientError) => {
      outcome = error
    })
  await hand.settle()
  await hand.advance(60_000)
  expect(hand.waits()).toEqual([])
  return outcome
}

const LOGINS: readonly (readonly [string, (ask: () => Promise<never>) => TokenLogin])[] = [
  ['fetchToken', (ask) => ({ fetchToken: ask })],
  ['externalToken', (ask) => ({ organizationId: 'org_1', externalToken: ask })],
]

describe.each(LOGINS)('%s', (name, login) => {
  test('that never answers is a failure of the network after a while', async () => {
    const error = await told(login(() => new Promise(() => undefined)))
    expect(error).toMatchObject({ code: 'network_error', isTemporary: true })
    expect(error).toMatchObject({ reason: `${name}: no answer in time` })
  })

  test('that throws, at once or later, is one by name, without its text', async () => {
    const thrower = (): never => {
      throw new RangeError(SECRET)
    }
    for (const ask of [thrower, () => Promise.reject(new RangeError(SECRET))]) {
      const error = await told(login(ask))
      expect(error).toMatchObject({ code: 'network_error', reason: `${name}: RangeError` })
      expect(String(error)).not.toContain(SECRET)
    }
  })
})
