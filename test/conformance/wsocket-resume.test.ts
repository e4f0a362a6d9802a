/**
 * Clients of both families that come back while publishers go on at full speed, and tokens that
 * nobody should have made (contract wSocket 6 and 12.3 to 12.4), at the started server.
 */
import assert from 'node:assert/strict'
import { systemRandom } from '../../packages/server/src/adapters/system/random.ts'
import { generateKey } from '../../packages/server/src/credentials/key-format.ts'
import { macToken } from '../support/foreign-world.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { FamilyA, FamilyB, type WireFrame } from '../support/wsocket-clients.ts'

const KEY = generateKey('sk', systemRandom).value
const JWT_SECRET = 'q8Wf2-Zr5Tb7Kd1Lm9Xc3Vn6Hs4Gy0PjRaEuIoYtQwN'
const RESUME = { resumeWindowMs: 60_000, resumeMessageCountMax: 10_000 }

const it = serving({
  apps: [
    app('chat', { apiKeys: [{ value: KEY }], jwtSecrets: [{ value: JWT_SECRET }], ...RESUME }),
  ],
})

const RECONNECT_COUNT = 3
/** An app takes one message in a millisecond: times rise with each, and may not run ahead. */
const PER_MS = 0.8
/** Messages between two reconnects. */
const BETWEEN_COUNT = 200

const base = () => it.server.http.replace('http', 'ws')
const keyUrl = () => `${base()}/?key=${KEY}`
const isAction = (action: string) => (frame: WireFrame) => frame['action'] === action
const isResumed = ({ action, id }: WireFrame) => action === 'ack' && id === 'resume'

let count = 0
const fresh = (name: string) => `${name}:${++count}`

type Spell = (json: object) => string
const standard: Spell = (json) => Buffer.from(JSON.stringify(json)).toString('base64')
const forUrls: Spell = (json) => Buffer.from(JSON.stringify(json)).toString('base64url')
/** As each SDK spells what it makes (contract wSocket 6). */
const SPELLINGS: readonly [string, Spell][] = [
  ['standard, padded', standard],
  ['standard, unpadded', (json) => standard(json).replaceAll('=', '')],
  ['for URLs, unpadded', forUrls],
  [
    'for URLs, padded',
    (json) => forUrls(json).padEnd(Math.ceil(forUrls(json).length / 4) * 4, '='),
  ],
]

/** Publishes to all channels in turn until it is stopped. */
async function publishing(channels: readonly string[]) {
  const bot = new FamilyA(keyUrl())
  await bot.connect()
  const sent = new Map<string, string[]>(channels.map((channel) => [channel, []]))
  const state = { sentCount: 0, isStopped: false }
  const ackCount = () => bot.frames.filter(isAction('ack')).length
  const run = async () => {
    const begun = performance.now()
    while (!state.isStopped) {
      const room = (performance.now() - begun) * PER_MS - state.sentCount
      for (let next = 0; next < room; next++) {
        const channel = channels[state.sentCount % channels.length] ?? ''
        const id = `m${state.sentCount++}`
        sent.get(channel)?.push(id)
        bot.send({ action: 'publish', channel, id, data: { id } })
      }
      await new Promise(setImmediate)
    }
    await until('everything is acknowledged', () => ackCount() === state.sentCount)
    await bot.disconnect()
  }
  const running = run()
  return {
    sent,
    /** Waits for so many more. */
    more: async (wanted: number) => {
      const from = state.sentCount
      await until(`${wanted} more`, () => state.sentCount >= from + wanted)
    },
    stop: () => {
      state.isStopped = true
      return running
    },
  }
}

for (const [name, Family] of [
  ['A', FamilyA],
  ['B', FamilyB],
] as const) {
  test(`family ${name}: connections that break at full speed lose, repeat and mix nothing`, async () => {
    const channels = [fresh('a'), fresh('b'), fresh('c')]
    const ann = new Family(keyUrl())
    await ann.connect()
    for (const channel of channels) await ann.subscribe(channel)
    const bot = await publishing(channels)
    for (let round = 0; round < RECONNECT_COUNT; round++) {
      await bot.more(BETWEEN_COUNT)
      await until('some have come', () => ann.frames.some(isAction('message')))
      await ann.drop()
      await bot.more(BETWEEN_COUNT)
      await ann.connect()
      const resumed = await ann.next('all is back', isResumed)
      assert.deepEqual(resumed['data'], { recovered: true, channels })
    }
    await bot.stop()
    const wanted = [...bot.sent.values()].flat().length
    await until('the last have come', () => ann.ids.length >= wanted)
    for (const channel of channels) {
      const got = ann.messages.filter((message) => message.channel === channel)
      assert.deepEqual(
        got.map(({ id }) => id),
        bot.sent.get(channel),
      )
      const times = got.map(({ timestamp }) => timestamp)
      assert.ok(times.every((time, index) => time > (times[index - 1] ?? 0)))
    }
    await ann.disconnect()
  })
}

for (const [spelling, spell] of SPELLINGS) {
  test(`a token is read however it is spelled: base64 ${spelling}, both fields, both times`, async () => {
    const channel = fresh('spelled')
    const bot = new FamilyB(keyUrl())
    await bot.connect()
    const before = Date.now() - 1_000
    await bot.publish(channel, 'missed', { text: 'missed' })
    // Three lengths, so that no, one and two signs of padding are among them.
    for (const more of ['', 'x', 'xx']) {
      for (const [field, time] of [
        ['resumeToken', 'lastTs'],
        ['token', 'since'],
      ] as const) {
        const ann = new FamilyB(keyUrl())
        await ann.connect()
        const token = spell({ channels: [channel], [time]: before, more: `${more}>>??` })
        ann.send({ action: 'resume', [field]: token })
        const resumed = await ann.next('it is back', isResumed)
        assert.deepEqual(resumed['data'], { recovered: true, channels: [channel] })
        assert.deepEqual(ann.ids, ['missed'])
        assert.deepEqual([...ann.channels], [channel])
        await ann.disconnect()
      }
    }
    await bot.disconnect()
  })
}

test('a token that names a forbidden channel gets one error for it, and the others back', async () => {
  const [open, closed] = [fresh('open'), fresh('closed')]
  const bot = new FamilyA(keyUrl())
  await bot.connect()
  const lastTs = Date.now() - 1_000
  for (const channel of [open, closed]) await bot.publish(channel, 'missed', {})
  const iat = Math.floor(Date.now() / 1_000)
  const claims = { app: 'chat', sub: 'ann', iat, exp: iat + 600, channels: ['open:*'] }
  const ann = new FamilyA(`${base()}/?token=${macToken(JWT_SECRET, claims)}`)
  await ann.connect()
  const names = [closed, 'support:1', 'no name', open]
  ann.send({ action: 'resume', resumeToken: standard({ channels: names, lastTs }) })
  const resumed = await ann.next('it is back', isResumed)
  assert.deepEqual(resumed['data'], { recovered: false, channels: [open] })
  const errors = ann.frames.filter(isAction('error'))
  assert.deepEqual(
    errors.map(({ channel, code, error }) => [channel, code, error]),
    [
      [closed, 'forbidden', 'Not permitted to subscribe on channel'],
      ['support:1', 'invalid_channel', 'Invalid channel name'],
      ['no name', 'invalid_channel', 'Invalid channel name'],
    ],
  )
  assert.deepEqual(
    ann.messages.map(({ channel }) => channel),
    [open],
  )
  await bot.publish(closed, 'secret', {})
  await bot.publish(open, 'live', {})
  await until('what is live', () => ann.ids.includes('live'))
  assert.deepEqual(ann.ids, ['missed', 'live'])
  await Promise.all([ann.disconnect(), bot.disconnect()])
})

test('tokens that are too long or say nothing are told so, and the connection lives', async () => {
  const ann = new FamilyA(keyUrl())
  await ann.connect()
  const channels = Array.from({ length: 3_000 }, (_none, index) => `c${index}`)
  const tokens = ['A'.repeat(70_000), '', '%%%', standard([]), standard({ lastTs: 1 })]
  for (const resumeToken of [...tokens, standard({ channels, lastTs: 1 })]) {
    const seen = ann.frames.length
    ann.send({ action: 'resume', resumeToken })
    const told = await until('the error', () => ann.frames.slice(seen).find(isAction('error')))
    assert.deepEqual([told['error'], told['code']], ['Resume failed', 'resume_failed'])
  }
  ann.send({ action: 'ping' })
  await ann.next('a pong', isAction('pong'))
  assert.equal(ann.frames.some(isAction('subscribed')), false)
  await ann.disconnect()
})
