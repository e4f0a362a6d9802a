import { afterEach, expect, test } from 'bun:test'
import { DocumentWorld } from '../../../../../test/support/document-world.ts'
import { DocumentRetention } from './document-retention.ts'

const DAY_MS = 86_400_000
const SETTINGS = { documentPersistence: true, documentRetentionDays: 2 }
const worlds: DocumentWorld[] = []
afterEach(() => Promise.all(worlds.splice(0).map(({ engine }) => engine.stop())))

function retained(settings = SETTINGS) {
  const world = new DocumentWorld({ settings })
  worlds.push(world)
  const { figures, clock, space, home } = world
  const retention = new DocumentRetention({
    ...{ figures, clock, log: world.log, homes: [home] },
    apps: () => [space.app],
    storeOf: () => home.store,
    spaces: { find: (id) => (id === space.app.id ? space : undefined) },
  })
  const write = async (name: string) => {
    const editor = await world.joined(name)
    editor.type(name)
    await editor.settled()
    return editor
  }
  const names = async (appId = 'app') => {
    const page = { appId, after: undefined, countMax: 100 }
    return (await world.store.list(page)).map(({ name }) => name)
  }
  return { world, retention, write, names }
}

test('what nobody opens goes when its time is over, and what is open stays', async () => {
  const { world, retention, write, names } = retained()
  const [old, open] = [await write('old'), await write('open')]
  old.leave()
  for (let days = 0; days < 3; days++) {
    world.clock.pass(DAY_MS)
    await world.hub.tick()
    await retention.run()
  }
  expect([await names(), world.figures.pruned]).toEqual([['open'], 1])
  open.type('still ')
  await open.settled()
  open.leave()
  world.clock.pass(DAY_MS)
  await world.hub.tick()
  expect((await world.joined('open')).text).toBe('still open')
})

test('0 days is for ever', async () => {
  const { world, retention, write, names } = retained({ ...SETTINGS, documentRetentionDays: 0 })
  ;(await write('kept')).leave()
  world.clock.pass(1_000 * DAY_MS)
  await retention.run()
  expect(await names()).toEqual(['kept'])
})

test('all of a deleted app goes, also what was on its way, and later where the store fails', async () => {
  const { world, retention, write, names } = retained()
  const ann = await write('doc')
  const release = world.store.hold('append')
  ann.type('late')
  await new Promise((resolve) => setImmediate(resolve))
  world.hub.forget(world.space)
  world.store.failing.add('removeApp')
  const removed = retention.removeApp('app')
  release()
  await removed
  expect([await names(), world.logged]).toEqual([['doc'], ['documents_of_app_remain']])
  world.store.failing.clear()
  await retention.run()
  expect(await names()).toEqual([])
})
