/**
 * What wSocket clients may send and how much, each limit alone and in the exact words (contract
 * wSocket 3, 11 and 12.6), and the headers of every answer to an upgrade (12.8).
 */
import assert from 'node:assert/strict'
import { systemRandom } from '../../packages/server/src/adapters/system/random.ts'
import { generateKey } from '../../packages/server/src/credentials/key-format.ts'
import { macToken } from '../support/foreign-world.ts'
import { rawAnswer } from '../support/raw-answer.ts'
import { upgradeRequest } from '../support/raw-socket.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { FamilyA, FamilyB, type WireFrame } from '../support/wsocket-clients.ts'

const JWT_SECRET = 'q8Wf2-Zr5Tb7Kd1Lm9Xc3Vn6Hs4Gy0PjRaEuIoYtQwN'
const TIERS = ['app', 'channel', 'user'] as const
const MESSAGE_BYTES_MAX = 1_048_576
const FRAME_BYTES_MAX = MESSAGE_BYTES_MAX + 16_384
const LIMIT = 3
const PAGE = 'https://app.example.org'
const keys = new Map<string, string>()

function keyed(id: string, settings: Parameters<typeof app>[1] = {}) {
  const { value } = generateKey('sk', systemRandom)
  keys.set(id, value)
  const jwtSecrets = [{ value: JWT_SECRET }]
  return app(id, { apiKeys: [{ value }], jwtSecrets, ...settings })
}

const it = serving({
  apps: [
    keyed('plain', { allowedOrigins: [PAGE] }),
    keyed('large', { messageBytesMax: MESSAGE_BYTES_MAX }),
    keyed('few', { limits: ['connections.app 0'] }),
    ...TIERS.map((tier) => keyed(`by-${tier}`, { limits: [`publish.${tier} ${LIMIT}/1h`] })),
  ],
})
const crowded = serving({
  apps: [keyed('crowded')],
  config: { limits: { connectionCountMax: 1 }, load: { shedding: false } },
})

const base = () => it.server.http.replace('http', 'ws')
const keyOf = (id: string) => keys.get(id) ?? ''
const isAction = (action: string) => (frame: WireFrame) => frame['action'] === action

function urlAs(user: string, appId: string): string {
  const iat = Math.floor(Date.now() / 1_000)
  const claims = { app: appId, sub: user, iat, exp: iat + 600, channels: ['**'] }
  return `${base()}/?token=${macToken(JWT_SECRET, claims)}`
}

async function clientOf(url: string): Promise<FamilyA> {
  const client = new FamilyA(url)
  await client.connect()
  return client
}

/** @returns the answer to each: an `ack`, or an `error`. */
async function answerTo(client: FamilyA, frame: WireFrame): Promise<WireFrame> {
  client.send(frame)
  return until(`an answer about ${String(frame['id'])}`, () =>
    client.frames.find(({ id, action }) => id === frame['id'] && action !== 'message'),
  )
}

const publish = (channel: string, id: string, data: unknown = {}) => {
  return { action: 'publish', channel, id, data }
}

for (const tier of TIERS) {
  test(`the limit of one ${tier} stops it alone, in the exact words`, async () => {
    const ann = await clientOf(urlAs('ann', `by-${tier}`))
    const bob = await clientOf(urlAs('bob', `by-${tier}`))
    await bob.subscribe('a')
    for (let count = 0; count < LIMIT; count++) await ann.publish('a', `m${count}`, {})
    const told = await answerTo(ann, publish('a', 'over'))
    const { retryAfter, ...rest } = told
    assert.ok(Number.isInteger(retryAfter) && Number(retryAfter) > 0, JSON.stringify(told))
    const about = { channel: 'a', id: 'over' }
    const text = { error: 'Rate limit exceeded', code: 'rate_limited', tier }
    assert.deepEqual(rest, { action: 'error', ...text, ...about })
    // Each on a connection of its own: one is told at most once a second.
    const isTaken = async (user: string, channel: string) => {
      const client = await clientOf(urlAs(user, `by-${tier}`))
      const answer = await answerTo(client, publish(channel, `${user} in ${channel}`))
      await client.disconnect()
      return answer['action'] === 'ack'
    }
    assert.equal(await isTaken('ann', 'a'), false)
    assert.equal(await isTaken('ann', 'b'), tier === 'channel')
    assert.equal(await isTaken('joe', 'c'), tier !== 'app')
    const ids = Array.from({ length: LIMIT }, (_none, index) => `m${index}`)
    await until('what was taken', () => bob.ids.length === LIMIT)
    assert.deepEqual(bob.ids, ids)
    await Promise.all([ann.disconnect(), bob.disconnect()])
  })
}

test('who is throttled is told at most once a second, and everything else is answered', async () => {
  const ann = await clientOf(urlAs('eve', 'by-user'))
  for (let count = 0; count < LIMIT; count++) await ann.publish('a', `e${count}`, {})
  const begun = performance.now()
  for (let count = 0; count < 500; count++) ann.send(publish('a', `over${count}`))
  ann.send({ action: 'ping' })
  await ann.next('a pong', isAction('pong'))
  const toldMax = 1 + Math.floor((performance.now() - begun) / 1_000)
  const told = ann.frames.filter(isAction('error')).length
  assert.ok(told >= 1 && told <= toldMax, `${told} of ${toldMax}`)
  await ann.disconnect()
})

test('a message up to the limit of its app passes; a larger one is told, a huge one ends', async () => {
  const large = await clientOf(`${base()}/?key=${keyOf('large')}`)
  await large.subscribe('a')
  const text = (bytes: number) => 'x'.repeat(bytes - '""'.length)
  await large.publish('a', 'exact', text(MESSAGE_BYTES_MAX))
  await until('it came whole', () => large.ids.includes('exact'))
  assert.equal(String(large.messages[0]?.data).length, MESSAGE_BYTES_MAX - 2)
  const over = await answerTo(large, publish('a', 'over', text(MESSAGE_BYTES_MAX + 1)))
  assert.deepEqual([over['error'], over['code']], ['Message too large', 'message_too_large'])

  const plain = await clientOf(`${base()}/?key=${keyOf('plain')}`)
  await plain.publish('a', 'exact', text(65_536))
  const told = await answerTo(plain, publish('a', 'over', text(65_537)))
  assert.deepEqual([told['error'], told['channel']], ['Message too large', 'a'])
  plain.send(publish('a', 'huge', text(FRAME_BYTES_MAX)))
  await until('the end', () => plain.closed !== undefined)
  assert.equal(plain.closed, 1009)
  await large.disconnect()
})

test('what is not said as it should be is told in the exact words, and nothing ends', async () => {
  const ann = new FamilyB(urlAs('ann', 'plain'))
  await ann.connect()
  const rows: readonly [WireFrame | string, string, string][] = [
    [{ action: 'dance' }, 'Unknown action', 'unknown_action'],
    [{ action: 'subscribe', channel: 'no name' }, 'Invalid channel name', 'invalid_channel'],
    [{ action: 'subscribe', channel: 'a:' }, 'Invalid channel name', 'invalid_channel'],
    [{ action: 'subscribe', channel: '\u0430' }, 'Invalid channel name', 'invalid_channel'],
    [{ action: 'subscribe', channel: 7 }, 'Malformed message', 'invalid_frame'],
    [
      { action: 'subscribe', channel: 'a', rewind: 2 },
      'Not permitted to read history on channel',
      'forbidden',
    ],
    [
      { action: 'presence.enter', channel: 'a' },
      'Not permitted to use presence on channel',
      'forbidden',
    ],
    [
      { action: 'presence.get', channel: 'a' },
      'Not permitted to use presence on channel',
      'forbidden',
    ],
    [{ action: 'history', channel: 'a' }, 'Not permitted to read history on channel', 'forbidden'],
    [{ action: 'resume', token: '?' }, 'Resume failed', 'resume_failed'],
  ]
  for (const [frame, error, code] of rows) {
    const seen = ann.frames.length
    ann.send(frame as WireFrame)
    const told = await until(JSON.stringify(frame), () =>
      ann.frames.slice(seen).find(isAction('error')),
    )
    assert.deepEqual([told['error'], told['code']], [error, code], JSON.stringify(frame))
  }
  ann.send({ action: 'ping' })
  await ann.next('a pong', isAction('pong'))
  await ann.disconnect()
})

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'strict-transport-security': 'max-age=31536000',
  'x-xss-protection': '1; mode=block',
  'content-security-policy': "default-src 'self'",
  'referrer-policy': 'strict-origin',
}

async function requireUpgrade(
  server: { readonly http: string },
  key: string,
  { status, headers = {} }: { readonly status: number; readonly headers?: Record<string, string> },
): Promise<void> {
  const answer = await rawAnswer(server.http, upgradeRequest(`/?key=${key}`, headers))
  assert.equal(answer.status, status, answer.text.slice(0, 400))
  const lower = answer.headers.map(([name, value]) => [name.toLowerCase(), value] as const)
  for (const [name, value] of Object.entries(HEADERS)) {
    const found = lower.filter(([each]) => each === name).map(([, each]) => each)
    assert.deepEqual(found, [value], `${name} of ${status}`)
  }
  if (status === 101) return
  const body = JSON.parse(answer.text.slice(answer.text.indexOf('\r\n\r\n') + 4)) as WireFrame
  assert.deepEqual([typeof body['error'], typeof body['code']], ['string', 'string'])
  assert.equal(answer.text.includes(key), false, 'no key comes back')
}

test('every answer to an upgrade has the security headers, let in or not', async () => {
  await requireUpgrade(it.server, keyOf('large'), { status: 101 })
  await requireUpgrade(it.server, generateKey('sk', systemRandom).value, { status: 401 })
  const headers = { Origin: 'https://evil.example' }
  await requireUpgrade(it.server, keyOf('plain'), { status: 403, headers })
  await requireUpgrade(it.server, keyOf('few'), { status: 429 })
  const url = `${crowded.server.http.replace('http', 'ws')}/?key=${keyOf('crowded')}`
  const one = await clientOf(url)
  await requireUpgrade(crowded.server, keyOf('crowded'), { status: 503 })
  await one.disconnect()
})

test('no key, token or query string is in what the server logs', () => {
  for (const { stdout, stderr } of [it.server, crowded.server]) {
    for (const secret of [...keys.values(), JWT_SECRET, 'key=', 'token=', 'eyJ']) {
      assert.equal(`${stdout}${stderr}`.includes(secret), false, secret.slice(0, 6))
    }
  }
})
