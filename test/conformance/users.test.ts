/** Sign-in, events to a user, watch-lists and termination. */
import assert from 'node:assert/strict'
import { library } from '../support/clients.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { userAuth } from '../support/signing.ts'
import { test } from '../support/test.ts'
import { collect, nextEvent, until } from '../support/wait.ts'
import { dataOf, errorCode, Wire } from '../support/wire.ts'

const APP = app('users', { watchlist: true })
const UNWATCHED = app('unwatched', { watchlist: false })
const OTHER = app('other')

const it = serving({ apps: [APP, UNWATCHED, OTHER] })

interface WatchEvent {
  readonly name: 'online' | 'offline'
  readonly user_ids: readonly string[]
}

/** Everything a socket was told about one watched user, in order. */
function storyOf(wire: Wire, userId: string): string[] {
  return wire
    .all('pusher_internal:watchlist_events')
    .flatMap((frame) => (dataOf(frame) as { events: WatchEvent[] }).events)
    .filter(({ user_ids: ids }) => ids.includes(userId))
    .map(({ name }) => name)
}

test('signing in answers with the user data as sent', async () => {
  const wire = await Wire.open(it.server, APP)
  const userData = '{"id":"7",  "user_info":{"name":"Sieben ✓"}}'
  const auth = userAuth(APP, wire.socketId, userData)
  wire.send({ event: 'pusher:signin', data: { auth, user_data: userData } })
  const success = await wire.next('pusher:signin_success')
  assert.deepEqual(Object.keys(success).sort(), ['data', 'event'])
  assert.deepEqual(dataOf(success), { user_data: userData })
  await wire.close()
})

test('a sign-in that is forged, borrowed or nonsense gets 4009 and signs nobody in', async () => {
  const good = JSON.stringify({ id: 'victim' })
  const attempts: ((socketId: string) => [auth: unknown, userData: string])[] = [
    (id) => [userAuth({ ...APP, secret: 'guess' }, id, good), good],
    (id) => [userAuth(OTHER, id, good), good],
    () => [userAuth(APP, '1.1', good), good],
    (id) => [userAuth(APP, id, good), '{"id":"somebody else"}'],
    () => ['', good],
    (id) => [userAuth(APP, id, '{}'), '{}'],
    (id) => [userAuth(APP, id, 'no json'), 'no json'],
    (id) => [userAuth(APP, id, '[]'), '[]'],
    (id) => [userAuth(APP, id, 'null'), 'null'],
    ...['""', 'null', '{}', '"a b"', '"a:b"', '"a/b"', `"${'x'.repeat(129)}"`].map(
      (id) =>
        (socketId: string): [string, string] => {
          const data = `{"id":${id}}`
          return [userAuth(APP, socketId, data), data]
        },
    ),
  ]
  for (const attempt of attempts) {
    const wire = await Wire.open(it.server, APP)
    const [auth, userData] = attempt(wire.socketId)
    wire.send({ event: 'pusher:signin', data: { auth, user_data: userData } })
    assert.equal(errorCode(await wire.next('pusher:error')), 4009, userData)
    assert.equal(wire.all('pusher:signin_success').length, 0)
    wire.cut()
  }
})

test('a socket signed in as one user cannot become another', async () => {
  const wire = await Wire.open(it.server, APP)
  await wire.signin(APP, { id: 'first' })
  const userData = JSON.stringify({ id: 'second' })
  const auth = userAuth(APP, wire.socketId, userData)
  wire.send({ event: 'pusher:signin', data: { auth, user_data: userData } })
  assert.equal(errorCode(await wire.next('pusher:error')), 4009)
  await library(it.server, APP).sendToUser('second', 'private-matter', {})
  await library(it.server, APP).sendToUser('first', 'fence', {})
  assert.equal(wire.all('private-matter').length, 0)
  wire.cut()
})

test('sendToUser reaches every tab of the user and nobody else', async () => {
  const tabs = [
    await it.clients.signedIn(APP, { user: { id: 'anna' } }),
    await it.clients.signedIn(APP, { user: { id: 'anna' } }),
  ]
  const stranger = await it.clients.signedIn(APP, { user: { id: 'berta' } })
  const strange = collect<unknown>(stranger.user, 'note')
  const heard = tabs.map((tab) => nextEvent<unknown>(tab.user, 'note'))
  await library(it.server, APP).sendToUser('anna', 'note', { text: 'for anna' })
  assert.deepEqual(await Promise.all(heard), [{ text: 'for anna' }, { text: 'for anna' }])
  const fence = nextEvent<unknown>(stranger.user, 'fence')
  await library(it.server, APP).sendToUser('berta', 'fence', {})
  await fence
  assert.deepEqual(strange, [])
  for (const client of [...tabs, stranger]) client.disconnect()
})

test("an event to a user carries the user channel's name", async () => {
  const wire = await Wire.open(it.server, APP)
  await wire.signin(APP, { id: 'channel-name' })
  await wire.join(APP, '#server-to-user-channel-name')
  await library(it.server, APP).sendToUser('channel-name', 'note', { a: 1 })
  const frame = await wire.next('note')
  assert.deepEqual(frame, {
    event: 'note',
    channel: '#server-to-user-channel-name',
    data: '{"a":1}',
  })
  await wire.fence()
  assert.equal(wire.all('note').length, 1, 'once, although signed in and subscribed')
  await wire.close()
})

test("somebody else's user channel is refused with 401, signed in or not", async () => {
  const wire = await Wire.open(it.server, APP)
  for (const name of ['#server-to-user-victim', '#server-to-user-']) {
    wire.subscribe(name)
    await wire.next('pusher:subscription_error', name)
  }
  await wire.signin(APP, { id: 'attacker' })
  wire.subscribe('#server-to-user-victim')
  const error = await wire.next('pusher:subscription_error', '#server-to-user-victim')
  assert.equal((error.data as { status: number }).status, 401)
  await library(it.server, APP).sendToUser('victim', 'note', {})
  await wire.join(APP, '#server-to-user-attacker')
  await wire.fence()
  assert.equal(wire.all('note').length, 0)
  await wire.close()
})

test('a presence user_id neither receives events to that user nor is terminated with it', async () => {
  const wire = await Wire.open(it.server, APP)
  await wire.join(APP, 'presence-trust', JSON.stringify({ user_id: 'trusted' }))
  await library(it.server, APP).sendToUser('trusted', 'note', {})
  await library(it.server, APP).terminateUserConnections('trusted')
  await wire.fence()
  assert.equal(wire.all('note').length, 0)
  await wire.close()
})

test('terminating a user closes all its sockets with 4009 and no others', async () => {
  const tabs = await Promise.all([1, 2, 3].map(() => Wire.open(it.server, APP)))
  const stranger = await Wire.open(it.server, APP)
  const foreign = await Wire.open(it.server, OTHER)
  for (const tab of tabs) await tab.signin(APP, { id: 'leaver' })
  await stranger.signin(APP, { id: 'stayer' })
  await foreign.signin(OTHER, { id: 'leaver' })
  const answer = await library(it.server, APP).terminateUserConnections('leaver')
  assert.equal(await answer.text(), '{}')
  for (const tab of tabs) assert.equal((await tab.closure()).code, 4009)
  await Promise.all([stranger.fence(), foreign.fence()])
  await Promise.all([stranger.close(), foreign.close()])
})

test('a user id with characters of its own in the path is terminated unescaped', async () => {
  const id = 'a@b,c;d=e_f-g.h'
  const wire = await Wire.open(it.server, APP)
  await wire.signin(APP, { id })
  const answer = await library(it.server, APP).terminateUserConnections(id)
  assert.equal(await answer.text(), '{}')
  assert.equal((await wire.closure()).code, 4009)
})

test('a watch-list tells who is online at once and who comes and goes later', async () => {
  const early = await Wire.open(it.server, APP)
  await early.signin(APP, { id: 'early' })
  const watcher = await it.clients.signedIn(APP, {
    user: { id: 'watcher', watchlist: ['early', 'late'] },
    options: {},
  })
  const online = collect<WatchEvent>(watcher.user.watchlist, 'online')
  const offline = collect<WatchEvent>(watcher.user.watchlist, 'offline')
  const late = await Wire.open(it.server, APP)
  await late.signin(APP, { id: 'late' })
  await until('late is online', () => online.some(({ user_ids: ids }) => ids.includes('late')))
  await early.close()
  await until('early is offline', () => offline.some(({ user_ids: ids }) => ids.includes('early')))
  watcher.disconnect()
  await late.close()
})

test('watch-list frames have the shape pusher-js reads, and tabs count as one user', async () => {
  const watcher = await Wire.open(it.server, APP)
  const tabs = [await Wire.open(it.server, APP), await Wire.open(it.server, APP)]
  const [first, second] = tabs
  assert.ok(first && second)
  await first.signin(APP, { id: 'shape' })
  await watcher.signin(APP, { id: 'shape-watcher', watchlist: ['shape'] })
  await until('the initial state', () => storyOf(watcher, 'shape').length > 0)
  await second.signin(APP, { id: 'shape' })
  await first.close()
  await watcher.fence()
  assert.deepEqual(storyOf(watcher, 'shape'), ['online'])
  second.cut()
  await until('offline', () => storyOf(watcher, 'shape').length === 2)
  const third = await Wire.open(it.server, APP)
  await third.signin(APP, { id: 'shape' })
  await until('online again', () => storyOf(watcher, 'shape').length === 3)
  assert.deepEqual(storyOf(watcher, 'shape'), ['online', 'offline', 'online'])
  for (const frame of watcher.all('pusher_internal:watchlist_events')) {
    assert.deepEqual(Object.keys(frame).sort(), ['data', 'event'])
  }
  await Promise.all([watcher.close(), third.close()])
})

test('a watch-list of more than 100 keeps the first 100 and says 4302', async () => {
  const watchlist = Array.from({ length: 102 }, (_none, index) => `watched-${index}`)
  const watcher = await Wire.open(it.server, APP)
  await watcher.signin(APP, { id: 'long-list', watchlist })
  await until('4302', () => watcher.all('pusher:error').some((frame) => errorCode(frame) === 4302))
  const kept = await Wire.open(it.server, APP)
  const dropped = await Wire.open(it.server, APP)
  await dropped.signin(APP, { id: 'watched-100' })
  await kept.signin(APP, { id: 'watched-99' })
  await until('the hundredth is watched', () => storyOf(watcher, 'watched-99').includes('online'))
  assert.ok(!storyOf(watcher, 'watched-100').includes('online'))
  await watcher.fence()
  await Promise.all([watcher.close(), kept.close(), dropped.close()])
})

test('a malformed watch-list harms nobody, and without the switch none is followed', async () => {
  for (const watchlist of ['x', 7, {}, [7, null, {}], [''], ['a b'], [['x']]]) {
    const wire = await Wire.open(it.server, APP)
    const userData = JSON.stringify({ id: 'odd', watchlist })
    const auth = userAuth(APP, wire.socketId, userData)
    wire.send({ event: 'pusher:signin', data: { auth, user_data: userData } })
    await until('an answer', () => wire.frames.length > 1)
    wire.cut()
  }
  const watched = await Wire.open(it.server, UNWATCHED)
  await watched.signin(UNWATCHED, { id: 'watched' })
  const watcher = await Wire.open(it.server, UNWATCHED)
  await watcher.signin(UNWATCHED, { id: 'watcher', watchlist: ['watched'] })
  await watched.close()
  await watcher.fence()
  assert.equal(watcher.all('pusher_internal:watchlist_events').length, 0)
  await watcher.close()
})
