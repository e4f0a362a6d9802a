import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { openYjsWorld, type YjsWorld } from '../../../../../test/support/yjs-world.ts'
import { FRAME_BYTES_MAX } from './yjs-deps.ts'

let world: YjsWorld
let token: string
beforeEach(async () => {
  world = await openYjsWorld()
  token = await world.accessToken('app')
})
afterEach(async () => world.engine.stop())

describe('an upgrade with a right token', () => {
  test('is a session, pinged, with frames of five megabytes', async () => {
    expect(await world.admit({ path: '/doc', query: `token=${token}` })).toMatchObject({
      kind: 'session',
      isPinged: true,
      frameBytesMax: FRAME_BYTES_MAX,
    })
  })

  test.each(['access_token', 'Bearer'])('selects %s, and never the token', async (marker) => {
    const admitted = await world.admit({ path: '/doc', subprotocols: [marker, token] })
    expect(admitted).toMatchObject({ kind: 'session', subprotocol: marker })
  })

  test('names its document in every spelling', async () => {
    for (const request of [
      { path: '/ws/doc', query: `access_token=${token}` },
      { path: '/doc/doc', query: `token=${token}` },
      { path: '/', query: `token=${token}/doc` },
      { path: '/d%6Fc', authorization: `Bearer ${token}` },
    ]) {
      expect(await world.admit(request)).toMatchObject({ kind: 'session' })
    }
  })
})

describe('an upgrade that is refused', () => {
  const refusal = async (request: Parameters<YjsWorld['admit']>[0]) => {
    const admitted = await world.admit(request)
    return admitted?.kind === 'refused_frame' ? admitted.closeCode : admitted?.kind
  }

  test('is told by its close code, and held', async () => {
    const forged = `${token.slice(0, -8)}AAAAAAAA`
    expect(await refusal({ path: '/doc', query: `token=${forged}` })).toBe(4002)
    expect(await refusal({ path: '/a.b', query: `token=${token}` })).toBe(4007)
    expect(await refusal({ path: '/a/b', query: `token=${token}` })).toBe(4007)
    const subprotocols = ['access_token', forged]
    const admitted = await world.admit({ path: '/doc', subprotocols })
    expect(admitted).toMatchObject({ kind: 'refused_frame', subprotocol: 'access_token' })
    const heldMs = admitted?.kind === 'refused_frame' ? admitted.holdMs : undefined
    expect(heldMs).toBeGreaterThanOrEqual(1_000)
    expect(heldMs).toBeLessThan(2_000)
  })

  test('for a document that it may not read is forbidden, and recorded', async () => {
    const attributes = { scopes: ['subscribe:other'] }
    const { value = '' } = await world.make('api_key', { attributes })
    expect(await refusal({ path: '/doc', query: `token=${value}` })).toBe(4003)
    expect(world.denials.at(-1)).toMatchObject({ reason: 'operation_denied' })
  })

  test('comes from a foreign page: status 403, or 4003 where the app says so', async () => {
    const request = { path: '/doc', query: `token=${token}`, origin: 'https://evil.example' }
    expect(await refusal(request)).toBe('refused_http')
    world.change('app', { documentOriginRefusal: 'close' })
    expect(await refusal(request)).toBe(4003)
  })

  test('has the codes that its app wants, also for a token that is over', async () => {
    world.change('app', { documentCloseCodes: 'http' })
    const query = `token=${token}`
    world.time.ms += 3_600_000
    expect(await refusal({ path: '/doc', query })).toBe(4401)
  })
})

test('an upgrade without a token is held open for one', async () => {
  expect(await world.admit({ path: '/ws' })).toMatchObject({ kind: 'session' })
  expect(await world.admit({ path: '/doc' })).toMatchObject({ kind: 'session' })
})

test('a path of Pusher, and one where nothing is served, are left to others', async () => {
  for (const path of ['/app/key', '/app']) expect(await world.admit({ path })).toBeUndefined()
  expect(await world.admit({ path: '/doc', isUnderPrefix: false })).toBeUndefined()
})

describe('upgrades from one address', () => {
  const at = (ip: string) => ({ path: '/doc', source: () => ({ ip, agent: '' }) })

  test('are sixty in a minute, let in or not; then 429, whatever is shown, with a minute to wait', async () => {
    const kinds = ['session', 'refused_frame'] as const
    for (let count = 0; count < 60; count++) {
      const query = `token=${count % 2 === 0 ? token : 'forged'}`
      expect((await world.admit({ ...at('192.0.2.1'), query }))?.kind).toBe(kinds[count % 2])
    }
    const refused = await world.admit({ ...at('192.0.2.1'), query: `token=${token}` })
    expect(refused).toMatchObject({ kind: 'refused_http', refusal: 'rate_limited' })
    const reading = refused?.kind === 'refused_http' ? refused.limited?.reading : undefined
    expect(reading?.resetMs).toBe(60_000)
    const other = await world.admit({ ...at('192.0.2.2'), query: `token=${token}` })
    expect(other?.kind).toBe('session')
    world.pass(60_000)
    const later = await world.admit({ ...at('192.0.2.1'), query: `token=${token}` })
    expect(later?.kind).toBe('session')
  })

  test('do not count where they are another protocol', async () => {
    for (let count = 0; count < 61; count++) {
      expect(await world.admit({ ...at('192.0.2.1'), path: '/app/key' })).toBeUndefined()
    }
    const own = await world.admit({ ...at('192.0.2.1'), query: `token=${token}` })
    expect(own?.kind).toBe('session')
  })
})
