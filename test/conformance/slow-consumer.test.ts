/** Readers that do not keep up are cut and counted; readers that do lose nothing. */
import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { get, post, send } from '../support/http.ts'
import { frameBytes, RawSocket } from '../support/raw-socket.ts'
import { app, type LiveServer } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { signedQuery } from '../support/signing.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { Wire, type WireFrame } from '../support/wire.ts'

const APP = app('slow')
const PADDING = 'x'.repeat(10_000)
const BATCH_SIZE = 10

const it = serving({ apps: [APP], config: { limits: { outboxBytesMax: 1024 * 1024 } } })
/** As it is without any setting. */
const untuned = serving({ apps: [APP] })

/** A WebSocket that reads until told not to and looks at what it read only when asked. */
async function rawReader(server: LiveServer, channels: readonly string[]): Promise<RawSocket> {
  const raw = new RawSocket(server.port)
  await raw.upgrade(`/app/${APP.key}?protocol=7`)
  for (const channel of channels) {
    const subscribe = JSON.stringify({ event: 'pusher:subscribe', data: { channel } })
    raw.write(frameBytes({ opcode: 1, payload: subscribe }))
  }
  await until('subscribed', () => raw.texts().length === channels.length + 1)
  return raw
}

function stallable(channel: string): Promise<RawSocket> {
  return rawReader(it.server, [channel])
}

/** The numbered events a raw reader got, in the order they came. */
function numberedOf(raw: RawSocket): { readonly channel: string; readonly number: number }[] {
  return raw
    .texts()
    .map((text) => JSON.parse(text) as WireFrame)
    .filter(({ event }) => event === 'n')
    .map(({ channel = '', data }) => ({ channel, number: Number.parseInt(String(data), 10) }))
}

/** Publishes numbered events of 10 KB, ten per call and one call after the other. */
async function publishNumbered(channel: string, from: number, count: number): Promise<void> {
  for (let start = from; start < from + count; start += BATCH_SIZE) {
    const batch = Array.from({ length: BATCH_SIZE }, (_none, offset) => {
      return { channel, name: 'n', data: `${start + offset}:${PADDING}` }
    })
    const answer = await post(it.server, APP, ['/batch_events', { batch }])
    assert.equal(answer.status, 200, answer.body)
  }
}

/** The numbers a reader got, in the order they came. */
function numbersOf(wire: Wire): number[] {
  return wire.all('n').map(({ data }) => Number.parseInt(String(data), 10))
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_none, index) => index)
}

async function subscriberCount(channel: string): Promise<number> {
  const info = { info: 'subscription_count' }
  const answer = await get(it.server, APP, [`/channels/${channel}`, info])
  return (JSON.parse(answer.body) as { subscription_count: number }).subscription_count
}

function cutCount(server: LiveServer): Promise<number> {
  return server.metric('lockgate_slow_consumers_total')
}

test('a reader that stops is cut and counted; its neighbour gets every event once, in order', async () => {
  const stalled = await stallable('stream')
  const healthy = await Wire.open(it.server, APP)
  await healthy.join(APP, 'stream')
  const before = await cutCount(it.server)
  stalled.socket.pause()
  let published = 0
  while ((await cutCount(it.server)) === before) {
    assert.ok(published < 20_000, 'a stalled reader is never cut')
    await publishNumbered('stream', published, 200)
    published += 200
  }
  assert.equal(await cutCount(it.server), before + 1)
  await until('it is no subscriber any more', async () => (await subscriberCount('stream')) === 1)
  await publishNumbered('stream', published, 100)
  published += 100
  await until('everything arrived', () => healthy.all('n').length >= published)
  await healthy.fence()
  assert.deepEqual(numbersOf(healthy), upTo(published))
  stalled.socket.resume()
  const code = await stalled.closeCode(60_000)
  assert.ok([4100, 1006].includes(code), String(code))
  const got = numberedOf(stalled).map(({ number }) => number)
  assert.deepEqual(got, upTo(got.length), 'no gap in what it got before the end')
  await until('the gauge is back', async () => {
    return (await it.server.metric('lockgate_connections_open')) === 1
  })
  await healthy.close()
})

test('readers that never read again are all freed', async () => {
  const stalled = await Promise.all(upTo(10).map(() => stallable('abandoned')))
  const before = await cutCount(it.server)
  for (const raw of stalled) raw.socket.pause()
  let published = 0
  while ((await cutCount(it.server)) < before + stalled.length) {
    assert.ok(published < 20_000, 'stalled readers are never cut')
    await publishNumbered('abandoned', published, 200)
    published += 200
  }
  await until('no connection is left', async () => {
    return (await it.server.metric('lockgate_connections_open')) === 0
  })
  for (const raw of stalled) raw.destroy()
})

test('a healthy reader survives 26 MB published at once without losing one message', async () => {
  const channels = upTo(100).map((index) => `burst-${index}`)
  const reader = await rawReader(untuned.server, channels)
  const before = await cutCount(untuned.server)
  const path = `/apps/${APP.id}/events`
  const agent = new Agent({ keepAlive: true, maxSockets: 26 })
  const calls = upTo(26).map((round) => {
    const body = JSON.stringify({ name: 'n', data: `${round}:${PADDING}`, channels })
    const target = `${path}?${signedQuery(APP, { method: 'POST', path, body })}`
    return { method: 'POST', target, body, agent }
  })
  const answers = await Promise.all(calls.map((options) => send(untuned.server.http, options)))
  agent.destroy()
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
  const bytes = 26 * channels.length * PADDING.length
  await until('26 MB', () => reader.byteCount > bytes || reader.isClosed, 60_000)
  await until('all 2,600 messages', () => numberedOf(reader).length >= 2600 || reader.isClosed)
  const numbered = numberedOf(reader)
  const close = reader.isClosed ? `closed with ${await reader.closeCode()}` : 'still open'
  assert.equal(numbered.length, 2600, `${numbered.length} messages arrived, ${close}`)
  const seen = new Map(channels.map((channel) => [channel, [] as number[]]))
  for (const { channel, number } of numbered) seen.get(channel)?.push(number)
  const order = seen.get('burst-0') ?? []
  assert.deepEqual(
    [...order].sort((a, b) => a - b),
    upTo(26),
    'each call exactly once',
  )
  for (const [channel, numbers] of seen) assert.deepEqual(numbers, order, `order on ${channel}`)
  assert.equal(await cutCount(untuned.server), before)
  reader.destroy()
})
