import { beforeEach, describe, expect, test } from 'bun:test'
import vectors from '../../../../../test/vectors/wsocket.json'
import {
  openWSocketWorld,
  type WSocketPeer,
  type WSocketWorld,
} from '../../../../../test/support/wsocket-world.ts'

import { CHANNELS_PER_TURN } from './resuming.ts'

let world: WSocketWorld
let key: string
let bot: WSocketPeer
beforeEach(async () => {
  world = await openWSocketWorld()
  key = await world.keyOf()
  bot = await world.connect({ key })
})

type Wire = Readonly<Record<string, unknown>>

async function say(channel: string, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) await bot.send({ action: 'publish', channel, id, data: { id } })
}

/** As each SDK spells what it makes itself. */
const SPELLINGS: readonly [string, (json: Wire) => string][] = [
  ['standard', (json) => btoa(JSON.stringify(json))],
  ['standard, unpadded', (json) => btoa(JSON.stringify(json)).replaceAll('=', '')],
  ['for URLs', (json) => Buffer.from(JSON.stringify(json)).toString('base64url')],
  [
    'for URLs, padded',
    (json) => btoa(JSON.stringify(json)).replaceAll('+', '-').replaceAll('/', '_'),
  ],
]
const encode = (json: Wire) => btoa(JSON.stringify(json))

const summary = (frames: readonly Wire[]) =>
  frames.map(({ action, channel, id, code }) => [action, channel ?? '', id ?? code ?? ''].join(' '))

describe('a client that comes back', () => {
  test.each(
    SPELLINGS.flatMap(([name, spell]) =>
      (['resumeToken', 'token'] as const).map((field) => [name, field, spell] as const),
    ),
  )('gets what it missed: base64 %s in the field %s', async (_name, field, spell) => {
    const ann = await world.connect({ key })
    await ann.send({ action: 'subscribe', channel: 'a' }, { action: 'subscribe', channel: 'b' })
    await say('a', 'seen')
    const frames = await ann.take()
    const seen = frames.find(({ action }) => action === 'message')
    ann.drop()
    await say('a', 'a1', 'a2')
    await say('b', 'b1')
    const again = await world.connect({ key })
    const time = field === 'token' ? 'since' : 'lastTs'
    const token = spell({ channels: ['a', 'b'], [time]: seen?.['timestamp'] })
    const told = await again.send({ action: 'resume', [field]: token })
    expect(summary(told)).toEqual([
      'subscribed a ',
      'message a a1',
      'message a a2',
      'subscribed b ',
      'message b b1',
      'ack  resume',
    ])
    expect(told.at(-1)).toEqual({
      action: 'ack',
      id: 'resume',
      channel: '',
      data: { recovered: true, channels: ['a', 'b'] },
    })
    await say('b', 'live')
    expect(summary(await again.take())).toEqual(['message b live'])
  })

  test('is told one error for each channel it may not have, and gets the others', async () => {
    const token = await world.tokenOf({ channels: { ok: ['subscribe'] } })
    const ann = await world.connect({ token })
    const shown = encode({ channels: ['secret', 'no name', 'ok'], lastTs: world.time.ms })
    const told = await ann.send({ action: 'resume', resumeToken: shown })
    expect(summary(told)).toEqual([
      'error secret forbidden',
      'error no name invalid_channel',
      'subscribed ok ',
      'ack  resume',
    ])
    expect(told.at(-1)?.['data']).toEqual({ recovered: false, channels: ['ok'] })
    expect([...ann.session.channels]).toEqual(['ok'])
  })

  test('is told of a gap where more was missed than is replayed, and is subscribed', async () => {
    world.set('app', { resumeMessageCountMax: 2 })
    await say('a', 'm1', 'm2', 'm3', 'm4')
    const ann = await world.connect({ key })
    const shown = encode({ channels: ['a'], lastTs: world.time.ms - 1_000 })
    const told = await ann.send({ action: 'resume', resumeToken: shown })
    expect(summary(told)).toContain('error a history_gap')
    expect(told.at(-1)?.['data']).toEqual({ recovered: false, channels: ['a'] })
    expect(ann.session.channels.has('a')).toBe(true)
  })

  test.each(vectors.refusedTokens)(
    'with a token that says nothing lives: $name',
    async (vector) => {
      const ann = await world.connect({ key })
      const told = await ann.send({ action: 'resume', resumeToken: vector.token })
      expect(told).toMatchObject([{ action: 'error', code: 'resume_failed' }])
      expect(await ann.send({ action: 'ping' })).toEqual([{ action: 'pong' }])
    },
  )

  test('with a token of great length lives', async () => {
    const ann = await world.connect({ key })
    const told = await ann.send({ action: 'resume', resumeToken: 'A'.repeat(70_000) })
    expect(told).toMatchObject([{ action: 'error', code: 'resume_failed' }])
  })

  test('holds no more subscriptions than it may, whatever its token names', async () => {
    world.set('app', { limits: ['subscriptions.connection 2'] })
    const ann = await world.connect({ key })
    const shown = encode({ channels: ['a', 'b', 'c', 'd'], lastTs: world.time.ms })
    const told = await ann.send({ action: 'resume', resumeToken: shown })
    expect(told.at(-1)?.['data']).toEqual({ recovered: false, channels: ['a', 'b'] })
    expect(ann.session.channels.size).toBe(2)
  })

  test('that names thousands of channels leaves others their turn, whatever they are', async () => {
    const ann = await world.connect({ token: await world.tokenOf({ channels: ['other'] }) })
    const names = Array.from({ length: 2_000 }, (_none, index) => `a${index}`)
    ann.outbox.hasRoom = false
    ann.say({ action: 'resume', resumeToken: encode({ channels: names, lastTs: 1 }) })
    await world.settle()
    expect(ann.outbox.frames).toEqual([])
    ann.outbox.hasRoom = true
    ann.session.writable()
    for (let turn = 0; turn < 2_000; turn++) await Promise.resolve()
    let told = await ann.take()
    while (told.at(-1)?.['action'] !== 'ack') told = [...told, ...(await ann.take())]
    expect(told.length).toBe(names.length + 1)
    expect(world.turns.count).toBe(names.length / CHANNELS_PER_TURN)
  })

  test('has what it sends meanwhile wait until it has what it missed', async () => {
    await say('a', 'm1')
    const ann = await world.connect({ key })
    const shown = encode({ channels: ['a'], lastTs: world.time.ms - 1 })
    ann.say({ action: 'resume', resumeToken: shown })
    expect(ann.inflow.isPaused).toBe(true)
    const told = await ann.send({ action: 'ping' })
    expect(summary(told)).toEqual(['subscribed a ', 'message a m1', 'ack  resume', 'pong  '])
    expect(ann.inflow.isPaused).toBe(false)
  })
})

describe('where the server remembers', () => {
  const tokenIn = (frames: readonly Wire[]) => {
    const [token] = frames.flatMap(({ id, data }) => {
      return id === 'resume' ? [(data as { resumeToken?: string }).resumeToken] : []
    })
    return token
  }

  test('a token comes with the first subscription, and leads on for three reconnects', async () => {
    world.set('app', { resumeTokens: 'server' })
    let ann = await world.connect({ key })
    const told = await ann.send(
      { action: 'subscribe', channel: 'a' },
      { action: 'subscribe', channel: 'b' },
    )
    expect(summary(told)).toEqual(['subscribed a ', 'ack  resume', 'subscribed b '])
    const resumeToken = tokenIn(told)
    expect(resumeToken).toMatch(/^[\w-]+$/)
    const got: unknown[] = []
    for (let round = 1; round <= 3; round++) {
      await say('a', `live${round}`)
      got.push(...(await ann.take()).filter(({ action }) => action === 'message'))
      ann.drop()
      await say('b', `missed${round}`)
      ann = await world.connect({ key })
      const back = await ann.send({ action: 'resume', resumeToken })
      got.push(...back.filter(({ action }) => action === 'message'))
      const names = back.filter(({ action }) => action === 'subscribed')
      expect(names.map(({ channel }) => channel)).toEqual(['a', 'b'])
      expect(back.at(-1)?.['data']).toMatchObject({ recovered: true })
      expect(tokenIn(back)).toBeString()
    }
    expect(got.map((message) => (message as Wire)['id'])).toEqual([
      'live1',
      'missed1',
      'live2',
      'missed2',
      'live3',
      'missed3',
    ])
  })

  test('what was forgotten is taken from the token itself', async () => {
    world.set('app', { resumeTokens: 'server' })
    const ann = await world.connect({ key })
    const token = tokenIn(await ann.send({ action: 'subscribe', channel: 'a' }))
    ann.drop()
    world.time.ms += 119_000
    await say('a', 'late')
    world.time.ms += 2_000
    world.resumes.tick()
    const again = await world.connect({ key })
    const told = await again.send({ action: 'resume', resumeToken: token })
    expect(summary(told)).toContain('subscribed a ')
    expect(summary(told)).toContain('message a late')
  })

  test('the name of somebody else leads nowhere but to what the token says', async () => {
    world.set('app', { resumeTokens: 'server' })
    const ann = await world.connect({ key })
    await ann.send({ action: 'subscribe', channel: 'a' })
    const token = tokenIn(await ann.send({ action: 'subscribe', channel: 'b' }))
    expect(token).toBeUndefined()
    ann.session.tick(world.time.ms)
    const newer = tokenIn(await ann.take())
    const mallory = await world.connect({ token: await world.tokenOf({ channels: ['b'] }) })
    const told = await mallory.send({ action: 'resume', resumeToken: newer })
    expect(summary(told)).toContain('error a forbidden')
    expect([...mallory.session.channels]).toEqual(['b'])
  })

  test('a connection that breaks while it gets back what it missed loses nothing of it', async () => {
    world.set('app', { resumeTokens: 'server' })
    let ann = await world.connect({ key })
    await ann.send({ action: 'subscribe', channel: 'a' }, { action: 'subscribe', channel: 'b' })
    ann.session.tick(world.time.ms)
    const resumeToken = tokenIn(await ann.take())
    ann.drop()
    await say('a', 'a1')
    await say('b', 'b1')
    ann = await world.connect({ key })
    // What was sent before has not been read yet, and so the rest of it waits.
    ann.outbox.hasRoom = false
    ann.say({ action: 'resume', resumeToken })
    await world.settle()
    ann.drop()
    ann = await world.connect({ key })
    const told = await ann.send({ action: 'resume', resumeToken })
    expect(summary(told).filter((text) => !text.startsWith('ack'))).toEqual([
      'subscribed a ',
      'message a a1',
      'subscribed b ',
      'message b b1',
    ])
    expect(world.resumes.size).toBe(1)
  })

  test('a token is not given before all is back: it would leave out the rest', async () => {
    await say('a', 'a1')
    await say('b', 'b1')
    world.set('app', { resumeTokens: 'server' })
    const ann = await world.connect({ key })
    const shown = encode({ channels: ['a', 'b'], lastTs: world.time.ms - 1 })
    const told = await ann.send({ action: 'resume', resumeToken: shown })
    expect(summary(told).filter((text) => text.startsWith('ack'))).toEqual(['ack  resume'])
    ann.session.tick(world.time.ms)
    expect(await ann.take()).toEqual([])
    expect(told.at(-1)?.['data']).toMatchObject({ channels: ['a', 'b'] })
  })

  test('says no gap where nothing had been published for longer than messages are kept', async () => {
    world.set('app', { resumeTokens: 'server', history: ['** 1h'] })
    await say('a', 'old')
    world.time.ms += 7_200_000
    const ann = await world.connect({ key })
    const resumeToken = tokenIn(await ann.send({ action: 'subscribe', channel: 'a' }))
    ann.drop()
    await say('a', 'missed')
    const again = await world.connect({ key })
    const told = await again.send({ action: 'resume', resumeToken })
    expect(summary(told)).toEqual(['subscribed a ', 'message a missed', 'ack  resume'])
    expect(told.at(-1)?.['data']).toMatchObject({ recovered: true })
  })

  test('a client with more channels than a token holds gets all of them back', async () => {
    world = await openWSocketWorld({ subscriptionCountMax: 500 })
    key = await world.keyOf()
    world.set('app', { resumeTokens: 'server' })
    const names = Array.from({ length: 300 }, (_none, index) => `${index}`.padEnd(200, 'x'))
    let ann = await world.connect({ key })
    for (const channel of names) ann.say({ action: 'subscribe', channel })
    await ann.take()
    ann.session.tick(world.time.ms)
    const resumeToken = tokenIn(await ann.take())
    expect(String(resumeToken).length).toBeLessThanOrEqual(65_536)
    ann.drop()
    const resume = async () => {
      ann = await world.connect({ key })
      let told = await ann.send({ action: 'resume', resumeToken })
      while (told.at(-1)?.['action'] !== 'ack') told = [...told, ...(await ann.take())]
      return told.at(-1)?.['data'] as { recovered: boolean; channels: string[] }
    }
    expect(await resume()).toMatchObject({ recovered: true, channels: names })
    ann.drop()
    world.time.ms += 121_000
    // The name was forgotten: what does not stand in the token is not said to be there.
    const { recovered, channels } = await resume()
    expect([recovered, channels.length < names.length]).toEqual([false, true])
  })
})
