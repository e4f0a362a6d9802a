/** A started server and one scripted client of each family of wSocket SDKs (contract wSocket 12). */
import assert from 'node:assert/strict'
import { systemRandom } from '../../packages/server/src/adapters/system/random.ts'
import { generateKey } from '../../packages/server/src/credentials/key-format.ts'
import { macToken } from '../support/foreign-world.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { FamilyA, FamilyB, refusedUpgrade } from '../support/wsocket-clients.ts'

const KEY = generateKey('sk', systemRandom).value
const OTHER_KEY = generateKey('sk', systemRandom).value
const SERVER_SIDE_KEY = generateKey('sk', systemRandom).value
const JWT_SECRET = 'q8Wf2-Zr5Tb7Kd1Lm9Xc3Vn6Hs4Gy0PjRaEuIoYtQwN'

const it = serving({
  apps: [
    app('chat', { apiKeys: [{ value: KEY }], jwtSecrets: [{ value: JWT_SECRET }] }),
    app('small', {
      apiKeys: [{ value: OTHER_KEY }],
      limits: ['connections.app 1'],
      allowedOrigins: ['https://app.example.org'],
    }),
    app('remembered', { apiKeys: [{ value: SERVER_SIDE_KEY }], resumeTokens: 'server' }),
  ],
})

const FAMILIES = [
  ['A', FamilyA],
  ['B', FamilyB],
] as const

const base = () => it.server.http.replace('http', 'ws')
const keyUrl = (key = KEY) => `${base()}/?key=${key}`

/** @param ageSeconds of a token that lives ten minutes. */
function tokenOf(claims: Readonly<Record<string, unknown>>, ageSeconds = 10): string {
  const iat = Math.floor(Date.now() / 1_000) - ageSeconds
  return macToken(JWT_SECRET, { app: 'chat', iat, exp: iat + 600, ...claims })
}

let count = 0
const fresh = (name: string) => `${name}:${++count}`

for (const [name, Family] of FAMILIES) {
  test(`family ${name}: publishes, gets its own message, and what was said before`, async () => {
    const channel = fresh('chat')
    const ann = new Family(keyUrl())
    await ann.connect()
    await ann.subscribe(channel)
    for (const id of ['one', 'two', 'three']) await ann.publish(channel, id, { id })
    assert.deepEqual(ann.ids, ['one', 'two', 'three'])
    const late = new Family(`${base()}?key=${KEY}`)
    await late.connect()
    await late.subscribe(channel, { rewind: 2 })
    await until('the rewind', () => late.ids.length === 2)
    assert.deepEqual(late.ids, ['two', 'three'])
    late.send({ action: 'history', channel, limit: 2 })
    const frame = await late.next('a page', ({ action }) => action === 'history')
    const page = late.pageOf(frame)
    assert.deepEqual([page.messages.map(({ id }) => id), page.hasMore], [['three', 'two'], true])
    late.send({ action: 'ping' })
    await late.next('a pong', ({ action }) => action === 'pong')
    await Promise.all([ann.disconnect(), late.disconnect()])
  })

  test(`family ${name}: sees who is there, by the name of a token`, async () => {
    const channel = fresh('room')
    const permissions = [{ channel: '**', actions: ['subscribe', 'publish', 'presence'] }]
    const token = tokenOf({ sub: 'ann', permissions })
    const ann = new Family(`${base()}/?key=${KEY}&token=${token}`)
    const bob = new Family(keyUrl())
    for (const each of [ann, bob]) {
      await each.connect()
      await each.subscribe(channel)
    }
    ann.send({ action: 'presence.enter', channel, data: { mood: 'fine' } })
    const entered = await bob.next('who enters', ({ action }) => action === 'presence.enter')
    assert.equal(bob.memberOf(entered).clientId, 'ann')
    assert.ok(Number.isInteger(bob.memberOf(entered).joinedAt))
    const state = (bob.memberOf(entered) as { data: { mood: string } }).data
    assert.equal(state.mood, 'fine')
    bob.send({ action: 'presence.get', channel })
    const got = await bob.next('who is there', ({ action }) => action === 'presence.members')
    assert.deepEqual(
      bob.membersOf(got).map(({ clientId, data }) => [clientId, data]),
      [['ann', { mood: 'fine' }]],
    )
    ann.send({ action: 'unsubscribe', channel })
    await bob.next('who leaves', ({ action }) => action === 'presence.leave')
    await Promise.all([ann.disconnect(), bob.disconnect()])
  })

  for (const [kind, key] of [
    ['its own tokens', KEY],
    ['tokens of the server', SERVER_SIDE_KEY],
  ] as const) {
    test(`family ${name}: three reconnects with ${kind} lose nothing and repeat nothing`, async () => {
      const channels = [fresh('a'), fresh('b')] as const
      const ann = new Family(keyUrl(key))
      const bot = new Family(keyUrl(key))
      for (const each of [ann, bot]) await each.connect()
      for (const channel of channels) await ann.subscribe(channel)
      const sent: string[] = []
      const say = async (channel: string) => {
        const id = `m${sent.length}`
        sent.push(id)
        await bot.publish(channel, id, { id })
      }
      for (let round = 0; round < 3; round++) {
        for (const channel of channels) await say(channel)
        await until('what is live', () => ann.ids.length === sent.length)
        await ann.disconnect()
        for (const channel of channels) await say(channel)
        await ann.connect()
        for (const channel of channels) {
          await ann.next(`${channel} again`, (frame) => {
            return frame['action'] === 'subscribed' && frame['channel'] === channel
          })
        }
        await ann.next('the end of it', ({ action, id, data }) => {
          return action === 'ack' && id === 'resume' && 'recovered' in (data as object)
        })
      }
      assert.deepEqual([...ann.ids].sort(), [...sent].sort())
      await Promise.all([ann.disconnect(), bot.disconnect()])
    })
  }
}

test('who may not come in is told at the upgrade, by status and code', async () => {
  const channels = ['a']
  const bad = await refusedUpgrade(keyUrl('sk_nonsense'))
  assert.deepEqual([bad.status, bad.body['code']], [401, 'credential_invalid'])
  const expired = await refusedUpgrade(`${base()}/?token=${tokenOf({ channels }, 1_000)}`)
  assert.equal(expired.status, 401)
  const fallen = await refusedUpgrade(`${base()}/?key=${KEY}&token=x`)
  assert.equal(fallen.status, 401)
  const useless = await refusedUpgrade(`${base()}/?token=${tokenOf({})}`)
  assert.equal(useless.status, 403)
  const page = { headers: { origin: 'https://example.com' } }
  const foreign = await refusedUpgrade(keyUrl(OTHER_KEY), page)
  assert.deepEqual([foreign.status, foreign.body['code']], [403, 'origin_refused'])
  const one = new FamilyA(keyUrl(OTHER_KEY))
  await one.connect()
  const full = await refusedUpgrade(keyUrl(OTHER_KEY))
  assert.equal(full.status, 429)
  assert.match(String(full.retryAfter), /^\d+$/)
  await one.disconnect()
})

test('binary frames are told and end with 1003, malformed ones with 1008', async () => {
  const binary = new FamilyB(keyUrl())
  await binary.connect()
  binary.sendBinary()
  await until('the close', () => binary.closed === 1003)
  assert.equal(binary.frames.at(-1)?.['error'], 'Malformed message')
  const garbage = new FamilyB(keyUrl())
  await garbage.connect()
  for (let sent = 0; sent < 5; sent++) garbage.send([] as never)
  await until('the close', () => garbage.closed === 1008)
})
