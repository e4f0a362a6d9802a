import { beforeEach, describe, expect, test } from 'bun:test'
import { FRAME_BYTES_MAX } from './admission.ts'
import { REFUSALS } from '../../core/refusals.ts'
import { openWSocketWorld, type WSocketWorld } from '../../../../../test/support/wsocket-world.ts'

let world: WSocketWorld
beforeEach(async () => {
  world = await openWSocketWorld()
})

describe('an upgrade', () => {
  test('is of this protocol at the root of the prefix, with a key or a token', async () => {
    const key = await world.keyOf()
    for (const path of ['', '/']) {
      expect(await world.upgrade({ key }, { path })).toMatchObject({
        kind: 'session',
        isPinged: true,
        frameBytesMax: FRAME_BYTES_MAX,
      })
    }
    expect(await world.upgrade({ key }, { path: '/app/key' })).toBeUndefined()
    expect(await world.upgrade({ key }, { isUnderPrefix: false })).toBeUndefined()
    expect(await world.upgrade({})).toBeUndefined()
    expect(await world.upgrade({ protocol: '7' })).toBeUndefined()
  })

  test('that may not come in gets a status: 401 for the credential, 403 for the rest', async () => {
    const statusOf = async (...asked: Parameters<WSocketWorld['upgrade']>) => {
      const admission = await world.upgrade(...asked)
      if (admission?.kind !== 'refused_http') throw new Error('not refused with a status')
      return REFUSALS[admission.refusal].status
    }
    expect(await statusOf({ key: 'nonsense' })).toBe(401)
    expect(await statusOf({ token: 'a.b.c' })).toBe(401)
    const channels = ['a']
    const expired = await world.tokenOf({ channels })
    world.time.ms += 3_600_000
    expect(await statusOf({ token: expired })).toBe(401)
    const token = await world.tokenOf({ channels })
    expect(await statusOf({ token: await world.tokenOf({}) })).toBe(403)
    world.set('app', { allowedOrigins: ['https://app.example.org'] })
    expect(await statusOf({ token }, { origin: 'https://example.com' })).toBe(403)
    world.set('app', { enabled: false })
    expect(await statusOf({ token })).toBe(403)
  })

  test('over a limit says which, of the app and of the user, and when to come back', async () => {
    const token = await world.tokenOf({ sub: 'ann', channels: ['a'] })
    const bob = await world.tokenOf({ sub: 'bob', channels: ['a'] })
    world.set('app', { limits: ['connections.user 1'] })
    await world.connect({ token })
    expect(await world.upgrade({ token })).toMatchObject({
      kind: 'refused_http',
      refusal: 'user_connections_full',
      limited: { reading: { rule: { name: 'connections.user' } } },
    })
    await world.connect({ token: bob })
    world.set('app', { limits: ['connections.app 2'] })
    expect(await world.upgrade({ token })).toMatchObject({ refusal: 'connections_full' })
  })

  test('of many at a time lets in no more than there is room for', async () => {
    const token = await world.tokenOf({ sub: 'ann', channels: ['a'] })
    world.set('app', { limits: ['connections.user 1'] })
    const admissions = [await world.upgrade({ token }), await world.upgrade({ token })]
    const peers = admissions.map((each) => {
      if (each?.kind !== 'session') throw new Error('not let in')
      return world.started(each)
    })
    expect(peers.map(({ outbox }) => outbox.closed?.code)).toEqual([undefined, 4429])
  })
})
