import { afterEach, describe, expect, test } from 'bun:test'
import * as Y from 'yjs'
import {
  createEncoder,
  DocumentWorld,
  GatedStore,
  NO_LIMITS,
} from '../../../../../test/support/document-world.ts'
import { until } from '../../../../../test/support/wait.ts'
import { GRACE_MS } from './document-hub.ts'

const KEPT = { documentPersistence: true }
const worlds: DocumentWorld[] = []
afterEach(() => Promise.all(worlds.splice(0).map(({ engine }) => engine.stop())))
const worldOf = (options: ConstructorParameters<typeof DocumentWorld>[0] = {}) => {
  const world = new DocumentWorld(options)
  worlds.push(world)
  return world
}
const keptWorld = (store = new GatedStore()) => worldOf({ settings: KEPT, store })
const turn = () => new Promise((resolve) => setImmediate(resolve))
let nameCount = 0
const named = () => `doc${++nameCount}`

describe('editing', () => {
  test('what one types reaches all others, in order, and not the one who typed', async () => {
    const world = worldOf()
    const name = named()
    const [ann, bob, eve] = await Promise.all([
      world.joined(name),
      world.joined(name),
      world.joined(name),
    ])
    for (const letter of ['c', 'b', 'a']) ann.type(letter)
    bob.type('z', 0)
    await Promise.all([ann.settled(), bob.settled()])
    expect(new Set([ann.text, bob.text, eve.text]).size).toBe(1)
    expect([ann.text.length, ann.updates.length, eve.updates.length]).toEqual([4, 1, 4])
    expect(ann.outcomes).toEqual(['applied', 'applied', 'applied'])
    const late = await world.joined(name)
    expect([late.text, late.outcomes]).toEqual([ann.text, []])
    expect([world.figures.loads, world.figures.seats, world.figures.relays]).toEqual([1, 4, 4])
  })

  test('what comes again is known and told to nobody', async () => {
    const world = worldOf()
    const name = named()
    const [ann, bob] = [await world.joined(name), await world.joined(name)]
    ann.type('a')
    await ann.settled()
    const again = await bob.seat?.submit(Y.encodeStateAsUpdate(ann.doc))
    expect(again).toEqual({ ok: true, value: 'known' })
    expect([ann.updates.length, bob.updates.length]).toEqual([0, 1])
  })

  test('refuses what is malformed, too large, or of one who may only read', async () => {
    const world = worldOf({ settings: { documentBytesMax: 1_024 } })
    const name = named()
    const [ann, bob] = [await world.joined(name), world.editor()]
    expect(await ann.seat?.submit(Uint8Array.of(1, 2, 3))).toMatchObject({
      refusal: 'update_malformed',
    })
    expect(await ann.seat?.missing(Uint8Array.of(255))).toMatchObject({
      refusal: 'update_malformed',
    })
    await bob.open(name, { isReadOnly: true })
    const large = new Y.Doc()
    large.getText('t').insert(0, 'x'.repeat(2_000))
    const update = Y.encodeStateAsUpdate(large)
    expect(await bob.seat?.submit(update)).toMatchObject({ refusal: 'operation_denied' })
    expect(await ann.seat?.submit(update)).toMatchObject({ refusal: 'document_large' })
    expect([bob.updates.length, world.figures.waitingBytes]).toEqual([0, 0])
    ann.type('fits')
    await ann.settled()
    expect(bob.text).toBe('fits')
  })

  test('keeps apps apart', async () => {
    const world = worldOf()
    const name = named()
    const ann = await world.joined(name)
    const stranger = await world.joined(name, { space: world.app('other') })
    ann.type('secret')
    await ann.settled()
    expect([stranger.text, stranger.updates.length]).toEqual(['', 0])
  })
})

describe('presence', () => {
  test('is told to all, to the one who says it too, and ends with its connection', async () => {
    const world = worldOf()
    const name = named()
    const [ann, bob] = [await world.joined(name), await world.joined(name)]
    const here = { clientId: 7, clock: 0, state: '{"name":"ann"}' }
    ann.seat?.announce([here])
    bob.seat?.announce([{ ...here, clock: 5, state: '{"name":"forged"}' }])
    expect([ann.awareness, bob.awareness]).toEqual([[[here]], [[here]]])
    expect(bob.seat?.awareness()).toEqual([here])
    ann.leave()
    expect(bob.awareness.at(-1)).toEqual([{ clientId: 7, clock: 1 } as never])
    expect(bob.seat?.awareness()).toEqual([])
  })

  test('of one who came back is called for: it hears that it was gone, and counts on', async () => {
    const world = worldOf()
    const name = named()
    const [ann, bob] = [await world.joined(name), await world.joined(name)]
    ann.seat?.announce([{ clientId: 7, clock: 4, state: '{}' }])
    ann.leave()
    await ann.open(name)
    ann.seat?.announce([{ clientId: 7, clock: 4, state: '{}' }])
    expect(ann.awareness.at(-1)).toEqual([{ clientId: 7, clock: 5 } as never])
    ann.seat?.announce([{ clientId: 7, clock: 6, state: '{}' }])
    expect(bob.awareness.at(-1)).toEqual([{ clientId: 7, clock: 6, state: '{}' }])
  })
})

describe('the life of a document', () => {
  test('lasts ten seconds beyond its last user, and is fresh after that', async () => {
    const world = worldOf()
    const name = named()
    const ann = await world.joined(name)
    ann.type('a')
    await ann.settled()
    ann.leave()
    world.clock.pass(GRACE_MS - 1)
    await world.hub.tick()
    const bob = await world.joined(name)
    expect(bob.text).toBe('a')
    world.clock.pass(GRACE_MS)
    await world.hub.tick()
    bob.leave()
    world.clock.pass(GRACE_MS)
    // Nobody has looked since: time decides, not the sweep.
    expect((await world.joined(name)).text).toBe('')
    expect(world.figures.loads).toBe(2)
  })

  test('is let go of by the sweep, with its pin and its count', async () => {
    const world = worldOf()
    const name = named()
    const ann = await world.joined(name)
    const key = `tenant::app::${name}`
    expect(await world.pins.find(key)).toBe('local')
    ann.leave()
    expect(world.hub.usage(world.space, NO_LIMITS).documentCount).toBe(1)
    world.clock.pass(GRACE_MS)
    await world.hub.tick()
    await turn()
    expect(await world.pins.find(key)).toBeUndefined()
    expect([
      world.hub.usage(world.space, NO_LIMITS).documentCount,
      world.figures.documents,
    ]).toEqual([0, 0])
  })

  test('many who open it at one time share one loading', async () => {
    const world = keptWorld()
    const name = named()
    const editors = Array.from({ length: 5 }, () => world.editor())
    await Promise.all(editors.map((editor) => editor.open(name)))
    expect(world.store.calls.filter((call) => call === 'load').length).toBe(1)
    expect([world.figures.loads, world.figures.seats]).toEqual([1, 5])
  })

  test('whoever comes while the last state is written opens the document anew, whole', async () => {
    const world = keptWorld()
    const name = named()
    const ann = await world.joined(name)
    ann.type('kept')
    await ann.settled()
    ann.leave()
    world.clock.pass(GRACE_MS)
    const release = world.store.hold('compact')
    await world.hub.tick()
    await until('the last state is being written', () => world.store.calls.includes('compact'))
    const bob = await world.joined(name)
    bob.type('more ')
    release()
    await bob.settled()
    await world.compactor.settled()
    expect([bob.text, bob.endings]).toEqual(['more kept', []])
    bob.leave()
    world.clock.pass(GRACE_MS)
    expect((await world.joined(name)).text).toBe('more kept')
  })

  test('a loading that fails leaves nothing counted, and can be tried again', async () => {
    const world = keptWorld()
    const name = named()
    world.store.failing.add('load')
    const tries = [world.editor(), world.editor()].map((editor) => editor.open(name))
    const settled = await Promise.allSettled(tries)
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect([world.figures.documents, world.figures.seats]).toEqual([0, 0])
    expect(world.hub.usage(world.space, NO_LIMITS).documentCount).toBe(0)
    expect(await world.pins.find(`tenant::app::${name}`)).toBeUndefined()
    world.store.failing.clear()
    const limits = { ...NO_LIMITS, documentCountMax: 1, usersPerDocumentMax: 1, issuedAtMs: 2 }
    await world.editor().open(name, { limits })
  })

  test('of a deleted app is over, also while it loads', async () => {
    const world = keptWorld()
    const [open, loading] = [await world.joined(named()), world.editor()]
    const release = world.store.hold('load')
    const asked = loading.ask(named())
    world.hub.forget(world.space)
    release()
    expect([open.endings, await asked]).toEqual([
      ['app_unknown'],
      { refusal: 'app_unknown', about: undefined },
    ])
    expect(world.figures.documents).toBe(0)
  })
})

describe('what is kept', () => {
  test('is durable before anybody sees it: answers, relays and late arrivals wait', async () => {
    const world = keptWorld()
    const name = named()
    const [ann, bob] = [await world.joined(name), await world.joined(name)]
    const release = world.store.hold('append')
    ann.type('a')
    await until('it is being written', () => world.store.calls.includes('append'))
    const late = world.editor()
    await late.open(name)
    let isTold = false
    const told = late.seat?.missing(Uint8Array.of(0)).then((answer) => {
      isTold = true
      return answer
    })
    // An answer of the engine that was asked for later has come: the other is held on purpose.
    await late.seat?.stateVector()
    await turn()
    expect([bob.text, ann.outcomes, isTold]).toEqual(['', [], false])
    release()
    await ann.settled()
    expect([bob.text, (await told)?.ok]).toEqual(['a', true])
  })

  test('is there for the next process, whatever the last one had on the way', async () => {
    const world = keptWorld()
    const name = named()
    const ann = await world.joined(name)
    ann.type('acknowledged')
    await ann.settled()
    // No leave, no tick, no finish: the process is gone.
    const next = keptWorld(world.store)
    expect((await next.joined(name)).text).toBe('acknowledged')
  })

  test('ends for its editors when it cannot be written, and goes on when it can', async () => {
    const world = keptWorld()
    const name = named()
    const [ann, bob] = [await world.joined(name), await world.joined(name)]
    world.store.failing.add('append')
    ann.type('lost?')
    await ann.settled()
    expect([ann.outcomes, ann.endings, bob.endings, bob.text]).toEqual([
      ['outage'],
      ['unavailable'],
      ['unavailable'],
      '',
    ])
    expect([world.figures.documents, world.figures.waitingBytes]).toEqual([0, 0])
    world.store.failing.clear()
    await ann.open(name)
    await ann.sync()
    expect((await world.joined(name)).text).toBe('lost?')
  })

  test('is not kept without the setting, and what was kept is gone once it is removed', async () => {
    const open = worldOf()
    const name = named()
    const ann = await open.joined(name)
    ann.type('a')
    await ann.settled()
    expect(open.store.calls).toEqual([])
    const world = keptWorld()
    const bob = await world.joined(name)
    bob.type('b')
    await bob.settled()
    await world.hub.remove(world.space, name)
    expect(bob.endings).toEqual(['unavailable'])
    expect((await world.joined(name)).text).toBe('')
  })

  test('a state takes the place of what is in it, and of nothing that came meanwhile', async () => {
    const world = keptWorld()
    const name = named()
    const ann = await world.joined(name)
    for (let count = 0; count < 500; count++) ann.type('a')
    const release = world.store.hold('compact')
    await ann.settled()
    await until('a state is being written', () => world.store.calls.includes('compact'))
    ann.type('b')
    await ann.settled()
    release()
    await world.compactor.settled()
    const kept = await world.store.inner.load({ appId: 'app', name }, 0)
    expect([kept?.updates.length, kept?.state !== undefined]).toEqual([1, true])
    expect(world.figures.compactions).toBe(1)
    expect((await keptWorld(world.store).joined(name)).text).toBe(`b${'a'.repeat(500)}`)
  })

  test('a state that cannot be written hurts nobody', async () => {
    const world = keptWorld()
    const name = named()
    const ann = await world.joined(name)
    world.store.failing.add('compact')
    for (let count = 0; count < 600; count++) ann.type('a')
    await ann.settled()
    await world.compactor.settled()
    expect([world.figures.failedCompactions, ann.endings]).toEqual([1, []])
    ann.type('b')
    await ann.settled()
    expect(world.store.calls.filter((call) => call === 'compact').length).toBe(1)
    expect((await keptWorld(world.store).joined(name)).text.length).toBe(601)
  })
})

describe('limits', () => {
  test('count connections of the app in every protocol, and documents open', async () => {
    const { hub, space, editor } = bound(worldOf())
    const limits = { ...NO_LIMITS, connectionCountMax: 2 }
    expect(hub.admit(space, limits).ok).toBe(true)
    for (const { connection } of [editor(), editor()])
      space.connections.set(connection.id, connection)
    expect(hub.admit(space, limits)).toEqual({
      ok: false,
      refusal: 'connections_full',
      about: { limit: 2 },
    })
    expect(hub.usage(space, limits)).toEqual({ connectionCount: 2, documentCount: 0, limits })
  })

  test('a document too many is refused, and one that is open is not', async () => {
    const world = worldOf()
    const limits = { ...NO_LIMITS, documentCountMax: 1 }
    const [first, second] = [named(), named()]
    await world.editor().open(first, { limits })
    await world.editor().open(first, { limits })
    expect(await world.editor().ask(second, { limits })).toEqual({
      refusal: 'documents_full',
      about: { limit: 1, active: 1 },
    })
  })

  test('a user too many is refused; a connection is one user however often it is there', async () => {
    const world = worldOf()
    const limits = { ...NO_LIMITS, usersPerDocumentMax: 1 }
    const name = named()
    const ann = world.editor()
    await ann.open(name, { limits })
    const again = world.editor({ id: ann.connection.id })
    await again.open(name, { limits, encoder: createEncoder() })
    expect(await world.editor().ask(name, { limits })).toEqual({
      refusal: 'document_users_full',
      about: { limit: 1 },
    })
    ann.leave()
    expect(await world.editor().ask(name, { limits })).toMatchObject({
      refusal: 'document_users_full',
    })
    again.leave()
    expect(await world.editor().ask(name, { limits })).toBeUndefined()
  })

  test('of two tokens the newer counts, for those who come with the older too', async () => {
    const world = worldOf()
    const name = named()
    const older = { ...NO_LIMITS, usersPerDocumentMax: 9, issuedAtMs: 1 }
    const newer = { ...NO_LIMITS, usersPerDocumentMax: 1, issuedAtMs: 2 }
    await world.editor().open(name, { limits: older })
    expect(await world.editor().ask(name, { limits: newer })).toBeDefined()
    expect(await world.editor().ask(name, { limits: older })).toBeDefined()
    const newest = { ...NO_LIMITS, usersPerDocumentMax: 2, issuedAtMs: 3 }
    expect(await world.editor().ask(name, { limits: newest })).toBeUndefined()
  })

  test('the node takes so many documents over all apps', async () => {
    const world = worldOf({ documentCountMax: 1 })
    await world.joined(named())
    const other = world.editor({ space: world.app('other') })
    expect(await other.ask(named())).toEqual({ refusal: 'overloaded', about: undefined })
  })

  test('seats on one socket with frames of their own hear each other', async () => {
    const world = worldOf()
    const name = named()
    const [ann, bob] = [world.editor(), world.editor()]
    const [one, two] = [createEncoder(), createEncoder()]
    await ann.open(name, { encoder: one })
    const first = ann.seat
    await ann.open(name, { encoder: two })
    await bob.open(name)
    bob.type('b')
    await bob.settled()
    expect(ann.updates.length).toBe(2)
    ann.type('a')
    await ann.settled()
    expect([ann.updates.length, bob.text]).toEqual([3, 'ab'])
    first?.leave()
    bob.type('c')
    await bob.settled()
    expect(ann.updates.length).toBe(4)
  })
})

describe('regions', () => {
  const REGIONS = [
    { code: 'eu-central-1', url: 'ws://127.0.0.1:8080' },
    { code: 'us-east-1', url: 'ws://localhost:8080' },
  ]

  test('a document is where it was opened first, until it is let go of', async () => {
    const world = worldOf({ regions: REGIONS })
    const name = named()
    const ann = world.editor()
    const [here, there] = [{ host: '127.0.0.1:8080' }, { host: 'localhost:8080' }]
    await ann.open(name, here)
    const elsewhere = {
      refusal: 'document_elsewhere' as const,
      about: { redirect: 'ws://127.0.0.1:8080' },
    }
    expect(await world.editor().ask(name, there)).toEqual(elsewhere)
    ann.leave()
    expect(await world.editor().ask(name, there)).toEqual(elsewhere)
    world.clock.pass(GRACE_MS)
    expect(await world.editor().ask(name, there)).toBeUndefined()
    expect(await world.editor().ask(name, here)).toMatchObject({
      about: { redirect: 'ws://localhost:8080' },
    })
  })

  test('a document that another node has is refused and leaves nothing here', async () => {
    const world = worldOf({ regions: REGIONS })
    const name = named()
    const key = `tenant::app::${name}`
    await world.pins.claim({ key, region: 'us-east-1' }, 60_000)
    const asked = [world.editor(), world.editor()].map((each) =>
      each.ask(name, { host: '127.0.0.1:8080' }),
    )
    expect(await Promise.all(asked)).toMatchObject([
      { about: { redirect: 'ws://localhost:8080' } },
      { about: { redirect: 'ws://localhost:8080' } },
    ])
    expect([world.figures.documents, await world.pins.find(key)]).toEqual([0, 'us-east-1'])
  })

  test('pins are kept fresh, and one that was lost all the same ends its document', async () => {
    const world = worldOf()
    const [kept, lost] = [named(), named()]
    const [ann, bob] = [await world.joined(kept), await world.joined(lost)]
    for (let minutes = 0; minutes < 5; minutes++) {
      world.clock.pass(60_000)
      await world.hub.tick()
    }
    expect(await world.pins.find(`tenant::app::${kept}`)).toBe('local')
    const pin = { key: `tenant::app::${lost}`, region: 'local' }
    await world.pins.release(pin)
    await world.pins.claim({ ...pin, region: 'us-east-1' }, 600_000)
    world.clock.pass(60_000)
    await world.hub.tick()
    expect([ann.endings, bob.endings]).toEqual([[], ['unavailable']])
  })
})

/** Methods that may be taken off. */
function bound(world: DocumentWorld) {
  return { hub: world.hub, space: world.space, editor: () => world.editor() }
}
