/** Opening and closing a Pusher socket: the first frame and the code of every refusal. */
import assert from 'node:assert/strict'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { channelAuth, userAuth } from '../support/signing.ts'
import { test } from '../support/test.ts'
import { collect, until } from '../support/wait.ts'
import { dataOf, errorCode, Wire } from '../support/wire.ts'

const OPEN = app('open')
const DISABLED = app('disabled', { enabled: false })
const SMALL = app('small', { connectionCountMax: 2 })
const SECURE = app('secure', { requireTls: true })
const STRICT = app('strict', { requireAuthorization: true, authorizationTimeoutMs: 1000 })
const KEYS = app('keys', {
  moreKeys: [
    { key: 'keys-second', secret: 'second-secret-0123456789' },
    { key: 'keys-third', secret: 'third-secret-0123456789' },
  ],
})

const it = serving({ apps: [OPEN, DISABLED, SMALL, SECURE, STRICT, KEYS] })

/** Dials and returns the code the server closes with. */
async function refusalOf(url: string): Promise<number> {
  return (await new Wire(url).closure()).code
}

test('the first frame names the socket and the activity timeout inside a JSON string', async () => {
  const wire = await Wire.open(it.server, OPEN)
  const [first] = wire.frames
  assert.ok(first)
  assert.deepEqual(Object.keys(first).sort(), ['data', 'event'])
  const data = dataOf(first) as { socket_id: string; activity_timeout: number }
  assert.match(data.socket_id, /^\d+\.\d+$/)
  assert.equal(data.activity_timeout, 120)
  await wire.close()
})

test('socket ids differ between connections', async () => {
  const wires = await Promise.all(Array.from({ length: 50 }, () => Wire.open(it.server, OPEN)))
  assert.equal(new Set(wires.map(({ socketId }) => socketId)).size, 50)
  await Promise.all(wires.map((wire) => wire.close()))
})

test('protocols 5, 6 and 7 are spoken, whatever client, version and further parameters say', async () => {
  for (const protocol of [5, 6, 7]) {
    const query = `protocol=${protocol}&client=somebody%20else&version=x.y&flash=maybe&extra=1`
    const wire = new Wire(it.server.socketUrl(OPEN.key, query))
    await wire.next('pusher:connection_established')
    await wire.close()
  }
})

test('no protocol closes with 4008, an unknown one with 4007, no number with 4006', async () => {
  assert.equal(await refusalOf(it.server.socketUrl(OPEN.key, '')), 4008)
  assert.equal(await refusalOf(it.server.socketUrl(OPEN.key, 'client=js')), 4008)
  assert.equal(await refusalOf(it.server.socketUrl(OPEN.key, 'protocol=99')), 4007)
  assert.equal(await refusalOf(it.server.socketUrl(OPEN.key, 'protocol=1')), 4007)
  assert.equal(await refusalOf(it.server.socketUrl(OPEN.key, 'protocol=seven')), 4006)
  assert.equal(await refusalOf(it.server.socketUrl(OPEN.key, 'protocol=7.5')), 4006)
})

test('a misplaced path with /app in it closes with 4005, any other is not found', async () => {
  const base = it.server.http.replace(/^http/, 'ws')
  for (const path of ['/app', '/app/', `/app/${OPEN.key}/deeper`, `/x/app/${OPEN.key}`]) {
    assert.equal(await refusalOf(`${base}${path}?protocol=7`), 4005, path)
  }
  const elsewhere = new Wire(`${base}/somewhere/else/entirely?protocol=7`)
  await elsewhere.closure()
  assert.equal(elsewhere.refusal?.status, 404)
})

test('an unknown app key closes with 4001', async () => {
  assert.equal(await refusalOf(it.server.socketUrl('no-such-key')), 4001)
  assert.ok([4001, 4005].includes(await refusalOf(it.server.socketUrl('%00%ff'))))
})

test('pusher-js gives up on an unknown app key and reports 4001', async () => {
  const client = it.clients.pusher(app('nobody'))
  const errors = collect<{ data?: { code?: number }; error?: { data?: { code?: number } } }>(
    client.connection,
    'error',
  )
  await until('pusher-js gives up', () => client.connection.state === 'disconnected')
  const codes = errors.map((error) => error.data?.code ?? error.error?.data?.code)
  assert.ok(codes.includes(4001), JSON.stringify(errors))
})

test('a disabled app closes with 4003', async () => {
  assert.equal(await refusalOf(it.server.socketUrl(DISABLED.key)), 4003)
})

test('a plain socket to an app that requires TLS closes with 4000', async () => {
  assert.equal(await refusalOf(it.server.socketUrl(SECURE.key)), 4000)
})

test('a connection over the quota closes with 4004 and a freed place is given again', async () => {
  const first = await Wire.open(it.server, SMALL)
  const second = await Wire.open(it.server, SMALL)
  for (let attempt = 0; attempt < 5; attempt++) {
    assert.equal(await refusalOf(it.server.socketUrl(SMALL.key)), 4004)
  }
  await first.close()
  const third = await until('the freed place is given', async () => {
    const wire = new Wire(it.server.socketUrl(SMALL.key))
    await until('an answer', () => wire.frames.length > 0 || wire.closed)
    return wire.frames[0]?.event === 'pusher:connection_established' ? wire : undefined
  })
  await Promise.all([second.close(), third.close()])
})

test('sockets of refused connections do not count against the quota', async () => {
  for (let attempt = 0; attempt < 10; attempt++) {
    assert.equal(await refusalOf(it.server.socketUrl(SMALL.key, 'protocol=99')), 4007)
  }
  const wire = await Wire.open(it.server, SMALL)
  await wire.close()
})

test('an app that demands authorization closes a socket that shows none in time with 4009', async () => {
  const kinds = ['private-a', 'private-cache-a', 'private-encrypted-a', 'private-encrypted-cache-a']
  const member = JSON.stringify({ user_id: 'm' })
  const authorized = await Promise.all(kinds.map(() => Wire.open(it.server, STRICT)))
  await Promise.all(authorized.map((wire, index) => wire.join(STRICT, String(kinds[index]))))
  const present = await Wire.open(it.server, STRICT)
  await present.join(STRICT, 'presence-a', member)
  const presentCache = await Wire.open(it.server, STRICT)
  await presentCache.join(STRICT, 'presence-cache-a', member)
  const signedIn = await Wire.open(it.server, STRICT)
  await signedIn.signin(STRICT, { id: 'u' })

  const idle = await Wire.open(it.server, STRICT)
  const publicOnly = await Wire.open(it.server, STRICT)
  await publicOnly.join(STRICT, 'news')
  const forged = await Wire.open(it.server, STRICT)
  forged.subscribe('private-a', `${STRICT.key}:${'0'.repeat(64)}`)
  await forged.next('pusher:subscription_error', 'private-a')
  for (const wire of [idle, publicOnly, forged]) assert.equal((await wire.closure()).code, 4009)
  // A later one shows that the deadline of the earlier, authorized ones has certainly passed.
  const later = await Wire.open(it.server, STRICT)
  assert.equal((await later.closure()).code, 4009)

  for (const wire of [...authorized, present, presentCache, signedIn]) {
    await wire.fence()
    await wire.close()
  }
})

test('a sign-in with a bad signature gets pusher:error 4009 and the close of that code', async () => {
  const wire = await Wire.open(it.server, OPEN)
  const userData = JSON.stringify({ id: 'u' })
  const auth = userAuth({ ...OPEN, secret: 'another' }, wire.socketId, userData)
  wire.send({ event: 'pusher:signin', data: { auth, user_data: userData } })
  assert.equal(errorCode(await wire.next('pusher:error')), 4009)
  assert.equal((await wire.closure()).code, 4009)
})

test('every key of an app opens a socket, and each signs for sockets opened by another', async () => {
  const pairs = [KEYS, ...(KEYS.moreKeys ?? [])]
  assert.equal(pairs.length, 3)
  for (const opener of pairs) {
    const wire = await Wire.open(it.server, opener)
    for (const [index, signer] of pairs.entries()) {
      const channel = `private-keys-${index}`
      wire.subscribe(channel, channelAuth(signer, wire.socketId, channel))
      await wire.next('pusher_internal:subscription_succeeded', channel)
    }
    await wire.close()
  }
})

test("another app's key, and one key with another's secret, sign nothing", async () => {
  const wire = await Wire.open(it.server, KEYS)
  const mixed = { key: KEYS.key, secret: KEYS.moreKeys?.[0]?.secret ?? '' }
  for (const [index, pair] of [OPEN, mixed].entries()) {
    const channel = `private-foreign-${index}`
    wire.subscribe(channel, channelAuth(pair, wire.socketId, channel))
    await wire.next('pusher:subscription_error', channel)
  }
  await wire.close()
})
