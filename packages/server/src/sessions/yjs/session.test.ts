import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { awarenessFrame, step1Frame, updateFrame } from '@lockgate/protocol/yjs/frames'
import * as Y from 'yjs'
import vectors from '../../../../../test/vectors/yjs.json'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import { until } from '../../../../../test/support/wait.ts'
import { openYjsWorld, type YjsWire, type YjsWorld } from '../../../../../test/support/yjs-world.ts'
import {
  AUTH_MS_MAX,
  QUERY_MS_MIN,
  SILENCE_MS_MAX,
  SPENT_COUNT_END,
  SPENT_COUNT_MAX,
  WAITING_COUNT_MAX,
} from './yjs-deps.ts'

const STEP_1 = Uint8Array.of(0, 0, 1, 0)
const EMPTY_STEP_2 = '0001020000'
const item = (clientId: number, clock: number, state?: string) => ({ clientId, clock, state })

let world: YjsWorld
beforeEach(async () => {
  world = await openYjsWorld()
})
afterEach(async () => {
  await world.engine.stop()
  expect(world.tally.bugs).toBe(0)
})

/** An editor of a document, let in and greeted. */
async function editor(path = '/doc', token?: string): Promise<YjsWire> {
  const shown = token ?? (await world.accessToken('app'))
  const wire = await world.connect({ path, authorization: `Bearer ${shown}` })
  wire.receive(STEP_1)
  await wire.next('0001')
  await wire.next('0000')
  wire.take()
  return wire
}

/** What one client wrote, as an update. */
function written(text: string): Uint8Array {
  const doc = new Y.Doc()
  doc.getText('t').insert(0, text)
  return Y.encodeStateAsUpdate(doc)
}

async function key(scopes: readonly string[], name = 'key'): Promise<string> {
  return (await world.make('api_key', { name, attributes: { scopes } })).value ?? ''
}

describe('an editor of y-websocket', () => {
  test('is answered for an empty document, and asked for what it has', async () => {
    const wire = await world.connect({
      path: '/doc',
      query: `token=${await world.accessToken('app')}`,
    })
    expect(wire.frames).toEqual([])
    wire.receive(STEP_1)
    expect(await wire.next('0001')).toBe(EMPTY_STEP_2)
    expect(await wire.next('0000')).toBe('00000100')
  })

  test('sends updates to all others and not to itself, and late ones get them as a whole', async () => {
    const [one, other] = [await editor(), await editor()]
    const elsewhere = await editor('/other')
    const update = written('hello')
    one.receive(updateFrame(update))
    const relayed = await other.next('0002')
    expect(relayed).toContain(Buffer.from(update).toString('hex'))
    const late = await world.connect({
      path: '/doc',
      query: `token=${await world.accessToken('app')}`,
    })
    late.receive(STEP_1)
    const step2 = Buffer.from(await late.next('0001'), 'hex')
    const doc = new Y.Doc()
    Y.applyUpdate(doc, step2.subarray(3))
    expect(doc.getText('t').toJSON()).toBe('hello')
    expect([one.take(), elsewhere.take()]).toEqual([[], []])
  })

  test('hears its own awareness, and who comes later is told of all', async () => {
    const [one, other] = [await editor(), await editor()]
    const frame = awarenessFrame([item(7, 1, '{"name":"Ann"}')])
    const hex = Buffer.from(frame).toString('hex')
    one.receive(frame)
    expect(await one.next('01')).toBe(hex)
    expect(await other.next('01')).toBe(hex)
    const late = await world.connect({
      path: '/doc',
      query: `token=${await world.accessToken('app')}`,
    })
    late.receive(STEP_1)
    expect(await late.next('01')).toBe(hex)
    late.take()
    late.receive(Uint8Array.of(3))
    expect(await late.next('01')).toBe(hex)
  })

  test('cannot take the awareness of another away, and takes its own along', async () => {
    const [one, other] = [await editor(), await editor()]
    one.receive(awarenessFrame([item(7, 1, '{}')]))
    await other.next('01')
    other.receive(awarenessFrame([item(7, 5)]), awarenessFrame([item(8, 1, '{}')]))
    await one.next(Buffer.from(awarenessFrame([item(8, 1, '{}')])).toString('hex'))
    expect(one.take().filter((frame) => frame.endsWith('6e756c6c'))).toEqual([])
    other.take()
    one.session.closed()
    const gone = Buffer.from(awarenessFrame([item(7, 2)])).toString('hex')
    expect(await other.next('01')).toBe(gone)
  })

  test('is told something while nothing happens', async () => {
    const wire = await editor()
    world.pass(SILENCE_MS_MAX - 1)
    expect(wire.take()).toEqual([])
    world.pass(1)
    expect(wire.take()).toEqual(['010100'])
    world.pass(SILENCE_MS_MAX)
    expect(wire.take()).toEqual(['010100'])
  })

  test('waits for its document without losing what it sent', async () => {
    const wire = await world.connect({
      path: '/doc',
      query: `token=${await world.accessToken('app')}`,
    })
    wire.receive(STEP_1, updateFrame(written('early')))
    expect(wire.isPaused).toBe(true)
    await wire.next('0001')
    await until('reading again', () => !wire.isPaused)
    const other = await world.connect({
      path: '/doc',
      query: `token=${await world.accessToken('app')}`,
    })
    other.receive(STEP_1)
    expect(await other.next('0001')).toContain(Buffer.from('early').toString('hex'))
  })

  test('is closed when it sends more than may wait', async () => {
    const wire = await world.connect({
      path: '/doc',
      query: `token=${await world.accessToken('app')}`,
    })
    for (let count = 0; count <= WAITING_COUNT_MAX; count++) wire.receive(STEP_1)
    expect(wire.closed?.code).toBe(1013)
  })

  test('that names all and says nothing is taken for one after a second', async () => {
    const wire = await world.connect({
      path: '/doc',
      query: `token=${await world.accessToken('app')}`,
    })
    world.pass(999)
    expect(wire.isPaused).toBe(false)
    world.pass(1)
    expect(await wire.next('0000')).toBe('00000100')
  })
})

describe('who asks for much', () => {
  const times = <T>(count: number, of: T) => Array.from({ length: count }, () => of)

  test('gets one answer for all vectors that came while another was answered', async () => {
    const wire = await editor()
    wire.receive(...times(SPENT_COUNT_MAX, STEP_1))
    await wire.next('0001')
    await wire.next('0001')
    const reader = await editor()
    reader.receive(STEP_1)
    await reader.next('0001')
    expect(wire.take()).toEqual([])
    wire.receive(step1Frame(Uint8Array.of(0)))
    expect(await wire.next('0001')).toBe(EMPTY_STEP_2)
  })

  test('is told once in a second who is here', async () => {
    const wire = await editor()
    const query = Uint8Array.of(3)
    wire.receive(...times(50, query))
    expect(wire.take()).toEqual(['010100'])
    world.pass(QUERY_MS_MIN)
    wire.receive(query)
    expect(wire.take()).toEqual(['010100'])
  })

  test('is not read for the rest of the second, and closed where it goes on', async () => {
    const wire = await editor()
    const presence = (clock: number) => awarenessFrame([item(7, clock, '{}')])
    for (let clock = 1; clock < SPENT_COUNT_MAX; clock++) wire.receive(presence(clock))
    expect(wire.isPaused).toBe(true) // with the vector that it was greeted for
    world.pass(1_000)
    expect(wire.isPaused).toBe(false)
    wire.receive(awarenessFrame([item(8, 1, JSON.stringify('x'.repeat(60_000)))]))
    for (let clock = 1; clock <= SPENT_COUNT_MAX - 15; clock++)
      wire.receive(presence(1_000 + clock))
    expect(wire.isPaused).toBe(true)
    wire.receive(...times(SPENT_COUNT_END, Uint8Array.of(3)))
    expect(wire.closed?.code).toBe(1013)
    expect(wire.isPaused).toBe(false)
  })
})

describe('a reader', () => {
  test('gets everything and changes nothing', async () => {
    const reader = await editor('/doc', await key(['subscribe:doc']))
    const writer = await editor()
    writer.receive(updateFrame(written('kept')))
    await reader.next('0002')
    reader.receive(updateFrame(written('dropped')), STEP_1)
    expect(await reader.next('0001')).not.toContain(Buffer.from('dropped').toString('hex'))
    expect(writer.take().filter((frame) => frame.startsWith('0002'))).toEqual([])
    expect(reader.closed).toBeUndefined()
  })

  test('that may not read any more is closed', async () => {
    const made = await world.make('api_key', {
      name: 'k',
      attributes: { scopes: ['subscribe:doc'] },
    })
    const wire = await editor('/doc', made.value ?? '')
    const change = { credentialId: made.credential.id, scopes: ['subscribe:other'] }
    await world.core.changes.update(change, CALLER)
    world.pass(1_000)
    expect(wire.closed?.code).toBe(4003)
  })
})

describe('what is malformed', () => {
  const refused = vectors.refused.filter(({ framing }) => framing === 'y-websocket')
  test.each(refused.map(({ name, hex }) => [name, hex] as const))('%s closes', async (_, hex) => {
    const wire = await editor()
    wire.receive(Uint8Array.from(Buffer.from(hex, 'hex')))
    expect(wire.closed?.code).toBe(1007)
  })

  test('an update that is none closes with 1007, and nothing of it is applied', async () => {
    const [one, other] = [await editor(), await editor()]
    const update = written('half')
    one.receive(updateFrame(update.subarray(0, update.length - 3)))
    expect((await one.end()).code).toBe(1007)
    other.receive(STEP_1)
    expect(await other.next('0001')).toBe(EMPTY_STEP_2)
  })

  test('a vector that is none closes with 1007', async () => {
    const wire = await editor()
    wire.receive(step1Frame(Uint8Array.of(5, 1)))
    expect((await wire.end()).code).toBe(1007)
  })

  test('text closes with 1003', async () => {
    const wire = await editor()
    wire.receive('hello')
    expect(wire.closed?.code).toBe(1003)
  })
})

describe('who is refused over the connection', () => {
  test('is held between one and two seconds, and hears nothing meanwhile', async () => {
    const wire = await world.connect({ path: '/doc' })
    wire.receive(STEP_1)
    world.pass(999)
    expect(wire.closed).toBeUndefined()
    wire.receive(STEP_1)
    world.pass(1_001)
    expect(wire.closed?.code).toBe(4001)
    expect(wire.frames).toEqual([])
    expect(world.denials.map(({ reason }) => reason)).toEqual(['credential_missing'])
  })

  test('without a token and a word waits ten seconds', async () => {
    const wire = await world.connect({ path: '/doc' })
    world.pass(AUTH_MS_MAX - 1)
    expect(wire.closed).toBeUndefined()
    world.pass(1)
    expect(wire.closed?.code).toBe(4001)
  })

  test('without a document has named none', async () => {
    const token = await world.accessToken('app')
    const wire = await world.connect({ path: '/ws', query: `token=${token}` })
    wire.receive(STEP_1)
    world.pass(2_000)
    expect(wire.closed?.code).toBe(4007)
  })

  test('for a document that is in another region is sent there at once', async () => {
    await editor()
    const token = await world.accessToken('app')
    const there = { host: 'us.host.example', query: `token=${token}` }
    const wire = await world.connect({ path: '/doc', ...there })
    wire.receive(STEP_1)
    const closed = await wire.end()
    expect(closed).toEqual({ code: 4009, reason: 'REDIRECT:wss://eu.host.example/doc' })
  })

  test('sees the codes that the app wants', async () => {
    world.change('app', { documentCloseCodes: 'http' })
    const token = await world.accessToken('app')
    const wire = await world.connect({ path: '/ws', query: `token=${token}` })
    wire.receive(STEP_1)
    world.pass(2_000)
    expect(wire.closed?.code).toBe(4400)
  })
})

describe('an editor ends', () => {
  test('with its token, with its user, and with its app', async () => {
    for (const [refusal, code] of [
      ['credential_revoked', 4002],
      ['user_terminated', 4003],
    ] as const) {
      const wire = await editor()
      const space = world.hub.find('app')
      for (const connection of space?.connections.values() ?? []) connection.end(refusal)
      expect(wire.closed?.code).toBe(code)
      wire.session.closed()
    }
    const wire = await editor()
    world.change('app', { enabled: false })
    for (const each of world.hub.find('app')?.connections.values() ?? []) {
      each.end('authority_revoked')
    }
    expect(wire.closed?.code).toBe(4003)
  })

  test('a day after it came, or with its token where the app says so', async () => {
    const wire = await editor()
    world.pass(3_600_000)
    expect(wire.closed).toBeUndefined()
    world.pass(23 * 3_600_000)
    expect(wire.closed?.code).toBe(4002)
    world.change('app', { documentExpiry: 'enforce' })
    const other = await editor()
    world.pass(900_000)
    expect(other.closed).toBeUndefined()
    world.pass(30_000)
    expect(other.closed?.code).toBe(4002)
  })

  test('and leaves nothing behind', async () => {
    const wire = await editor()
    expect(world.hub.find('app')?.connections.size).toBe(1)
    wire.session.end('draining')
    expect(wire.closed?.code).toBe(1012)
    expect(world.hub.find('app')?.connections.size ?? 0).toBe(0)
    wire.session.closed()
    wire.receive(STEP_1)
    expect(wire.take()).toEqual([])
  })

  test('while its document opens, which leaves its seat', async () => {
    const token = await world.accessToken('app')
    const wire = await world.connect({ path: '/doc', query: `token=${token}` })
    wire.receive(STEP_1, awarenessFrame([item(7, 1, '{}')]))
    wire.session.closed()
    const other = await editor()
    other.receive(Uint8Array.of(3))
    expect(await other.next('01')).toBe('010100')
  })
})

test('operations of an app are counted, and the one too many closes its connection with 4006', async () => {
  await world.engine.stop()
  world = await openYjsWorld()
  world.change('app', { limits: ['publish.app 2/1m'] })
  const [one, other] = [await editor(), await editor()]
  one.receive(updateFrame(written('a')), Uint8Array.of(0, 1, 2, 0, 0))
  other.receive(updateFrame(written('b')), awarenessFrame([item(9, 1, '{}')]))
  other.receive(updateFrame(written('c')))
  world.pass(2_000)
  expect(other.closed).toEqual({ code: 4006, reason: 'Rate limit exceeded: 2 ops/min' })
  expect(one.closed).toBeUndefined()
})
