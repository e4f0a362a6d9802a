import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { HocuspocusFrames } from '@lockgate/protocol/yjs/hocuspocus'
import { encodeAwareness } from '@lockgate/protocol/yjs/awareness'
import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'
import { until } from '../../../../../test/support/wait.ts'
import { openYjsWorld, type YjsWire, type YjsWorld } from '../../../../../test/support/yjs-world.ts'
import {
  AUTH_MS_MAX,
  POOLED_COUNT_MAX,
  REFUSED_COUNT_MAX,
  SILENCE_MS_MAX,
  TOKEN_COUNT_MAX,
} from './yjs-deps.ts'

let world: YjsWorld
beforeEach(async () => {
  world = await openYjsWorld()
})
afterEach(async () => {
  await world.engine.stop()
  expect(world.tally.bugs).toBe(0)
  expect(world.deps.encoders.size).toBe(0)
})

const hex = (frame: Uint8Array) => Buffer.from(frame).toString('hex')

/** What a provider sends: its address, a type, and a body. */
function framed(
  address: string,
  type: number,
  write: (encoder: encoding.Encoder) => void = () => {},
) {
  return encoding.encode((encoder) => {
    encoding.writeVarString(encoder, address)
    encoding.writeVarUint(encoder, type)
    write(encoder)
  })
}

const auth = (address: string, token: string) =>
  framed(address, 2, (encoder) => {
    encoding.writeVarUint(encoder, 0)
    encoding.writeVarString(encoder, token)
    encoding.writeVarString(encoder, '4.8.0')
  })
const sync = (address: string, type: number, body: Uint8Array) =>
  framed(address, 0, (encoder) => {
    encoding.writeVarUint(encoder, type)
    encoding.writeVarUint8Array(encoder, body)
  })
const step1 = (address: string) => sync(address, 0, Uint8Array.of(0))
const announce = (address: string, clientId: number) =>
  framed(address, 1, (encoder) =>
    encoding.writeVarUint8Array(encoder, encodeAwareness([{ clientId, clock: 1, state: '{}' }])),
  )

function written(text: string): Uint8Array {
  const doc = new Y.Doc()
  doc.getText('t').insert(0, text)
  return Y.encodeStateAsUpdate(doc)
}

/** A prefix of the frames of a document: its address and a type. */
const of = (address: string, type: number) => hex(framed(address, type))
const granted = (address: string, scope: 'read-write' | 'readonly' = 'read-write') =>
  hex(new HocuspocusFrames(address).authenticated(scope))
const status = (address: string, value: 0 | 1) =>
  hex(new HocuspocusFrames(address).syncStatus(value))

async function open(wire: YjsWire, address: string, token: string): Promise<void> {
  wire.receive(auth(address, token), step1(address))
  await wire.next(of(address, 2))
  await wire.next(`${of(address, 0)}00`)
  wire.take()
}

/** A connection with one document open, which the test ends. */
async function editor(address = 'doc', token?: string): Promise<YjsWire> {
  const wire = await world.connect({ path: '/ws' })
  await open(wire, address, token ?? (await world.accessToken('app')))
  return wire
}

function leave(...wires: readonly YjsWire[]): void {
  for (const { session } of wires) session.closed()
}

describe('a provider of Hocuspocus', () => {
  test('signs in, and hears: authenticated, step 2, step 1, who is here', async () => {
    const first = await editor()
    first.receive(announce('doc', 7))
    await first.next(of('doc', 1))
    const wire = await world.connect({ path: '/ws' })
    wire.receive(auth('doc', await world.accessToken('app')), step1('doc'))
    await until('all four', () => wire.frames.length === 4)
    const expected = [of('doc', 2), `${of('doc', 0)}01`, `${of('doc', 0)}00`, of('doc', 1)]
    for (const [index, frame] of wire.take().entries()) {
      expect(frame).toStartWith(expected[index] ?? 'nothing more')
    }
    leave(first, wire)
  })

  test('is told of every update whether it was taken, and others get it', async () => {
    const [one, other] = [await editor(), await editor()]
    const update = written('hello')
    one.receive(sync('doc', 2, update))
    expect(await one.next(of('doc', 8))).toBe(status('doc', 1))
    expect(await other.next(`${of('doc', 0)}02`)).toContain(hex(update))
    one.receive(sync('doc', 1, Uint8Array.of(0, 0)))
    expect(one.take()).toEqual([status('doc', 1)])
    const reply = sync('doc', 2, written('more'))
    reply[4] = 4
    one.receive(reply)
    expect(await one.next(of('doc', 8))).toBe(status('doc', 1))
    leave(one, other)
  })

  test('shares a document with editors of y-websocket', async () => {
    const one = await editor()
    const token = await world.accessToken('app')
    const plain = await world.connect({ path: '/doc', query: `token=${token}` })
    plain.receive(Uint8Array.of(0, 0, 1, 0))
    await plain.next('0000')
    one.receive(sync('doc', 2, written('hello')))
    expect(await plain.next('0002')).toContain(Buffer.from('hello').toString('hex'))
    leave(one, plain)
  })

  test('reads only where it may, and is told so', async () => {
    const attributes = { scopes: ['subscribe:doc'] }
    const { value = '' } = await world.make('api_key', { attributes })
    const wire = await world.connect({ path: '/ws' })
    wire.receive(auth('doc', value), step1('doc'))
    expect(await wire.next(of('doc', 2))).toBe(granted('doc', 'readonly'))
    wire.receive(sync('doc', 2, written('dropped')))
    expect(await wire.next(of('doc', 8))).toBe(status('doc', 0))
    expect(wire.closed).toBeUndefined()
    leave(wire)
  })

  test('may come with the token of its URL and an empty one', async () => {
    const wire = await world.connect({
      path: '/ws',
      query: `token=${await world.accessToken('app')}`,
    })
    wire.receive(auth('doc', ''))
    expect(await wire.next(of('doc', 2))).toBe(granted('doc'))
    leave(wire)
  })

  test('is answered a ping, told something in silence, and not told stateless messages', async () => {
    const [wire, other] = [await editor(), await editor()]
    wire.receive(Uint8Array.of(9))
    expect(wire.take()).toEqual(['0a'])
    wire.receive(framed('doc', 5, (encoder) => encoding.writeVarString(encoder, 'hello')))
    world.pass(SILENCE_MS_MAX)
    expect(wire.take()).toEqual([`${of('doc', 1)}0100`])
    expect(other.take()).toEqual([`${of('doc', 1)}0100`])
    leave(wire, other)
  })
})

describe('documents of one socket', () => {
  test('are signed in to, refused and left alone', async () => {
    const scopes = ['subscribe:one', 'publish:one', 'subscribe:two']
    const { value = '' } = await world.make('api_key', { attributes: { scopes } })
    const wire = await editor('one', value)
    wire.receive(auth('three', value), step1('three'))
    expect(await wire.next(of('three', 2))).toStartWith(`${of('three', 2)}01`)
    await open(wire, 'two', value)
    wire.receive(framed('one', 7))
    wire.receive(sync('one', 2, written('late')))
    wire.receive(step1('two'))
    expect(await wire.next(`${of('two', 0)}01`)).toBeDefined()
    expect(wire.closed).toBeUndefined()
    leave(wire)
  })

  test('count as one connection', async () => {
    const token = await world.accessToken('app')
    const wire = await editor('one', token)
    await open(wire, 'two', token)
    expect(world.hub.find('app')?.connections.size).toBe(1)
    leave(wire)
    expect(world.hub.find('app')?.connections.size ?? 0).toBe(0)
  })

  test('under one name are apart by their sessions, and hear of each other', async () => {
    const token = await world.accessToken('app')
    const wire = await editor('doc\0a', token)
    await open(wire, 'doc\0b', token)
    wire.receive(announce('doc\0a', 7))
    expect(await wire.next(of('doc\0b', 1))).toBeDefined()
    leave(wire)
  })

  test('end with the token they came with, and the others go on', async () => {
    const [first, second] = [await world.accessToken('app'), await world.accessToken('app')]
    const wire = await editor('one', first)
    await open(wire, 'two', second)
    const [connection] = world.hub.find('app')?.connections.values() ?? []
    connection?.end('credential_revoked')
    expect(await wire.next(of('one', 7))).toBeDefined()
    wire.receive(step1('two'))
    expect(await wire.next(`${of('two', 0)}01`)).toBeDefined()
    for (const each of world.hub.find('app')?.connections.values() ?? []) {
      each.end('credential_revoked')
    }
    expect(wire.closed?.code).toBe(4002)
    leave(wire)
  })

  test('are closed alone for an update that is none', async () => {
    const token = await world.accessToken('app')
    const wire = await editor('one', token)
    await open(wire, 'two', token)
    wire.receive(sync('one', 2, written('half').subarray(0, 9)))
    expect(await wire.next(of('one', 8))).toBe(status('one', 0))
    expect(await wire.next(of('one', 7))).toBeDefined()
    wire.receive(sync('one', 2, written('after')))
    await open(wire, 'one', token)
    expect(wire.closed).toBeUndefined()
    leave(wire)
  })

  test('are a hundred at most', async () => {
    const wire = await world.connect({ path: '/ws' })
    for (let count = 0; count < POOLED_COUNT_MAX; count++) wire.receive(step1(`doc-${count}`))
    expect(wire.closed).toBeUndefined()
    wire.receive(step1('one-more'))
    expect(wire.closed?.code).toBe(1013)
    leave(wire)
  })
})

describe('who does not get in', () => {
  test.each([
    ['a token that is wrong', 'doc', 'x'],
    ['no token at all', 'doc', ''],
    ['a name that is none', 'a b', 'x'],
  ])('%s is denied for that document', async (_, address, token) => {
    const wire = await world.connect({ path: '/ws' })
    wire.receive(auth(address, token))
    expect(await wire.next(of(address, 2))).toStartWith(`${of(address, 2)}01`)
    expect(wire.closed).toBeUndefined()
    world.pass(AUTH_MS_MAX)
    world.pass(2_000)
    expect(wire.closed?.code).toBeGreaterThanOrEqual(4001)
    leave(wire)
  })

  test('another document than the one of the path is none', async () => {
    const wire = await world.connect({ path: '/other' })
    wire.receive(auth('doc', await world.accessToken('app')))
    expect(await wire.next(of('doc', 2))).toStartWith(`${of('doc', 2)}01`)
    leave(wire)
  })

  test('without signing in the document is denied after ten seconds', async () => {
    const wire = await world.connect({ path: '/ws' })
    wire.receive(step1('doc'))
    world.pass(AUTH_MS_MAX)
    expect(await wire.next(of('doc', 2))).toStartWith(`${of('doc', 2)}01`)
    leave(wire)
  })

  test('nor after many tries: the socket is closed, however slowly they come', async () => {
    const wire = await world.connect({ path: '/ws' })
    for (let count = 1; count < REFUSED_COUNT_MAX; count++) {
      wire.receive(auth('a b', 'x'))
      if (count % 50 === 0) world.pass(1_000)
    }
    world.pass(2_000)
    expect(wire.closed).toBeUndefined()
    wire.receive(auth('a b', 'x'))
    world.pass(2_000)
    expect(wire.closed?.code).toBe(4007)
    leave(wire)
  })

  test('the token of the upgrade is looked at again when it is used late', async () => {
    const token = await world.accessToken('app')
    const wire = await world.connect({ path: '/ws', query: `token=${token}` })
    const made = await world.make('api_key', {
      name: 'k',
      attributes: { scopes: ['subscribe:*'] },
    })
    await open(wire, 'one', made.value ?? '')
    world.pass(3_600_000)
    wire.receive(auth('two', ''))
    expect(await wire.next(of('two', 2))).toStartWith(`${of('two', 2)}01`)
    expect(wire.closed).toBeUndefined()
    leave(wire)
  })

  test('who opens and closes without end is closed', async () => {
    const wire = await world.connect({ path: '/ws' })
    const token = await world.accessToken('app')
    for (let count = 0; count < TOKEN_COUNT_MAX; count++) {
      wire.receive(auth(`doc-${count}`, token), framed(`doc-${count}`, 7))
    }
    expect(wire.closed).toBeUndefined()
    world.pass(1_000)
    wire.receive(auth('doc', token), framed('doc', 7))
    for (let count = 0; count < TOKEN_COUNT_MAX; count++) wire.receive(auth('doc', token))
    expect(wire.closed?.code).toBe(1013)
    leave(wire)
  })

  test('frames that are malformed close the socket', async () => {
    const wire = await editor()
    wire.receive(Uint8Array.of(3, 1))
    expect(wire.closed?.code).toBe(1007)
    leave(wire)
  })
})
