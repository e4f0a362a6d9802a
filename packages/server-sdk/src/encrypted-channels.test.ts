import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import Pusher from 'pusher'
import nacl from 'tweetnacl'
import { authorizeChannel } from './channel-authorization.ts'
import {
  EncryptedChannels,
  type EncryptionOptions,
  SWITCH_MARGIN_MS,
} from './encrypted-channels.ts'

const MASTER_KEY = 'zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU='
const OLD_KEY = Buffer.alloc(32, 1).toString('base64')
const CHANNEL = 'private-encrypted-bla'
const SWITCH_MS = Date.parse('2030-01-31T12:00:00Z')

const name = fc
  .string({ unit: fc.constantFrom(...'abzAZ09_-=@,.;'.split('')), maxLength: 100 })
  .map((rest) => `private-encrypted-${rest}`)

/** The cipher text and the secret of the library, which uses tweetnacl. */
function library(masterKeyBase64: string) {
  const pusher = new Pusher({
    appId: '1',
    key: 'k',
    secret: 's',
    cluster: 'x',
    encryptionMasterKeyBase64: masterKeyBase64,
  })
  return pusher as Pusher & { channelSharedSecret(channel: string): Buffer }
}

function opened(secret: Uint8Array, sealed: string): unknown {
  const { nonce, ciphertext } = JSON.parse(sealed) as { nonce: string; ciphertext: string }
  const [nonceBytes, bytes] = [nonce, ciphertext].map((each) => Buffer.from(each, 'base64'))
  const text = nacl.secretbox.open(
    new Uint8Array(bytes ?? []),
    new Uint8Array(nonceBytes ?? []),
    new Uint8Array(secret),
  )
  return text === null ? undefined : JSON.parse(Buffer.from(text).toString('utf8'))
}

function sealedByTweetnacl<T>(
  masterKeyBase64: string,
  data: T,
  textOf: (data: T) => string = JSON.stringify,
): string {
  const nonce = nacl.randomBytes(24)
  const secret = new Uint8Array(library(masterKeyBase64).channelSharedSecret(CHANNEL))
  const text = new TextEncoder().encode(textOf(data))
  const ciphertext = nacl.secretbox(text, nonce, secret)
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  return JSON.stringify({ nonce: base64(nonce), ciphertext: base64(ciphertext) })
}

/** A backend whose clock can be set; pausing moves it. */
function switching(more: Partial<EncryptionOptions> = {}) {
  const clock = { nowMs: SWITCH_MS - 60_000, pausedMs: 0 }
  const channels = new EncryptedChannels({
    masterKeyBase64: MASTER_KEY,
    previousMasterKeyBase64: OLD_KEY,
    switchAt: '2030-01-31T12:00:00Z',
    system: {
      now: () => clock.nowMs,
      pause: async (ms) => {
        clock.nowMs += ms
        clock.pausedMs += ms
      },
    },
    ...more,
  })
  return { clock, channels }
}

describe('under one master key', () => {
  const channels = new EncryptedChannels({ masterKeyBase64: MASTER_KEY })

  test('the shared secret is that of the vector and of the pusher library', async () => {
    expect(await channels.sharedSecret(CHANNEL)).toBe(
      'nlr49ISQHz91yS3cy/yWmW8wFMNeTnNL5tNHnbPJcLQ=',
    )
    await fc.assert(
      fc.asyncProperty(name, async (channel) => {
        const theirs = library(MASTER_KEY).channelSharedSecret(channel).toString('base64')
        expect(await channels.sharedSecret(channel)).toBe(theirs)
      }),
    )
  })

  test('tweetnacl opens what was encrypted here, and the other way round', async () => {
    const secret = library(MASTER_KEY).channelSharedSecret(CHANNEL)
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (data) => {
        const sealed = await channels.encrypt(CHANNEL, data)
        const plain: unknown = JSON.parse(JSON.stringify(data))
        expect(opened(secret, sealed)).toEqual(plain)
        expect(await channels.decrypt(CHANNEL, sealed)).toEqual({ data: plain })
        const theirs = sealedByTweetnacl(MASTER_KEY, data)
        expect(await channels.decrypt(CHANNEL, theirs)).toEqual({ data: plain })
      }),
    )
  })

  test('no nonce comes twice, and no text of the data is in the clear', async () => {
    const sealed = await Promise.all(
      Array.from({ length: 100 }, () => channels.encrypt(CHANNEL, 'attack at dawn')),
    )
    expect(new Set(sealed.map((each) => (JSON.parse(each) as { nonce: string }).nonce)).size).toBe(
      100,
    )
    expect(sealed.join('')).not.toContain('dawn')
  })

  test('what was changed, cut or of another channel is not opened', async () => {
    const sealed = await channels.encrypt(CHANNEL, { a: 1 })
    const { nonce, ciphertext } = JSON.parse(sealed) as { nonce: string; ciphertext: string }
    const changed = Buffer.from(ciphertext, 'base64')
    changed[0] = (changed[0] ?? 0) ^ 1
    for (const attempt of [
      { nonce, ciphertext: changed.toString('base64') },
      { nonce, ciphertext: 'AAAA' },
      { nonce, ciphertext: '' },
      { nonce: 'AAAA', ciphertext },
      { nonce },
      [],
    ]) {
      expect(await channels.decrypt(CHANNEL, JSON.stringify(attempt))).toBeUndefined()
    }
    expect(await channels.decrypt('private-encrypted-other', sealed)).toBeUndefined()
    expect(await channels.decrypt(CHANNEL, 'no JSON')).toBeUndefined()
  })

  test('what another library sealed as text that is no JSON opens as pusher-js opens it', async () => {
    const text = 'a private word'
    const sealed = sealedByTweetnacl(MASTER_KEY, text, (data) => data)
    expect(await channels.decrypt(CHANNEL, sealed)).toEqual({ data: text })
  })

  test('a channel that is not encrypted has no secret and no cipher text', async () => {
    for (const channel of ['private-a', 'encrypted-a', 'private-encrypted-ä', '']) {
      for (const attempt of [channels.sharedSecret(channel), channels.encrypt(channel, 1)]) {
        const failure: unknown = await attempt.catch((error: unknown) => error)
        expect(failure).toBeInstanceOf(TypeError)
      }
    }
    const failure: unknown = await channels
      .encrypt(CHANNEL, undefined)
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(TypeError)
  })
})

describe('while the master key is replaced', () => {
  const oldSecret = library(OLD_KEY).channelSharedSecret(CHANNEL)
  const newSecret = library(MASTER_KEY).channelSharedSecret(CHANNEL)

  test('subscribers are given the old secret until the switch, and the new one from then on', async () => {
    const { clock, channels } = switching()
    const answer = async () => {
      const request = { socketId: '1.1', channelName: CHANNEL, encryptedChannels: channels }
      const answered = await authorizeChannel({ appKey: 'k', secret: 's' }, request)
      return answered.shared_secret
    }
    for (const [nowMs, secret] of [
      [SWITCH_MS - 60_000, oldSecret],
      [SWITCH_MS - 1, oldSecret],
      [SWITCH_MS, newSecret],
      [SWITCH_MS + 60_000, newSecret],
    ] as const) {
      clock.nowMs = nowMs
      expect(await answer()).toBe(secret.toString('base64'))
    }
  })

  test('events are encrypted under the same one, and none just before and after the switch', async () => {
    for (const [offsetMs, secret, waitedMs] of [
      [-SWITCH_MARGIN_MS - 1, oldSecret, 0],
      [-SWITCH_MARGIN_MS, oldSecret, 0],
      [-SWITCH_MARGIN_MS + 1, newSecret, 2 * SWITCH_MARGIN_MS - 1],
      [0, newSecret, SWITCH_MARGIN_MS],
      [SWITCH_MARGIN_MS - 1, newSecret, 1],
      [SWITCH_MARGIN_MS, newSecret, 0],
    ] as const) {
      const { clock, channels } = switching()
      clock.nowMs = SWITCH_MS + offsetMs
      expect(opened(secret, await channels.encrypt(CHANNEL, offsetMs))).toBe(offsetMs)
      expect(clock.pausedMs).toBe(waitedMs)
    }
  })

  test('backends whose clocks differ by less than the margin open what the others publish', async () => {
    // The clocks differ by less than one half of the margin, and the way takes less than the other.
    const quarterMs = SWITCH_MARGIN_MS / 4
    const ahead = fc.integer({ min: 1 - quarterMs, max: quarterMs - 1 })
    const when = fc.integer({ min: -3 * SWITCH_MARGIN_MS, max: 3 * SWITCH_MARGIN_MS })
    const way = fc.integer({ min: 0, max: SWITCH_MARGIN_MS / 2 })
    const parts = fc.record({
      publisherAheadMs: ahead,
      backendAheadMs: ahead,
      atMs: when,
      wayMs: way,
    })
    await fc.assert(
      fc.asyncProperty(parts, async ({ publisherAheadMs, backendAheadMs, atMs, wayMs }) => {
        const publisher = switching()
        publisher.clock.nowMs = SWITCH_MS + atMs + publisherAheadMs
        const sealed = await publisher.channels.encrypt(CHANNEL, 'x')
        const arrivedMs = publisher.clock.nowMs - publisherAheadMs + wayMs
        // The subscriber that cannot open it asks another backend.
        const backend = switching()
        backend.clock.nowMs = arrivedMs + backendAheadMs
        const secret = Buffer.from(await backend.channels.sharedSecret(CHANNEL), 'base64')
        expect(opened(secret, sealed)).toBe('x')
      }),
      { numRuns: 1_000 },
    )
  })

  test('what is pinned for one call keeps its key over the switch', async () => {
    const { clock, channels } = switching()
    const pinned = await channels.pin()
    clock.nowMs = SWITCH_MS + 1
    expect(opened(oldSecret, await pinned.encrypt(CHANNEL, 1))).toBe(1)
  })

  test('what either key encrypted can be opened, at any time', async () => {
    const { clock, channels } = switching()
    for (const nowMs of [SWITCH_MS - 60_000, SWITCH_MS + 60_000]) {
      clock.nowMs = nowMs
      for (const key of [OLD_KEY, MASTER_KEY]) {
        expect(await channels.decrypt(CHANNEL, sealedByTweetnacl(key, 1))).toEqual({ data: 1 })
      }
    }
  })

  test('without a margin nothing waits', async () => {
    const { clock, channels } = switching({ switchMarginMs: 0 })
    clock.nowMs = SWITCH_MS
    expect(opened(newSecret, await channels.encrypt(CHANNEL, 1))).toBe(1)
    expect(clock.pausedMs).toBe(0)
  })
})

describe('options', () => {
  const good = { masterKeyBase64: MASTER_KEY }
  const switchAt = '2030-01-31T12:00:00+01:00'
  test.each([
    [{ masterKeyBase64: '' }, /openssl rand -base64 32/],
    [{ masterKeyBase64: undefined as never }, /32 bytes in base64/],
    [{ masterKeyBase64: MASTER_KEY.slice(0, -1) }, /32 bytes/],
    [{ masterKeyBase64: Buffer.alloc(31).toString('base64') }, /32 bytes/],
    [{ masterKeyBase64: ` ${MASTER_KEY}` }, /32 bytes/],
    [{ ...good, previousMasterKeyBase64: OLD_KEY }, /go together/],
    [{ ...good, switchAt }, /go together/],
    [{ ...good, previousMasterKeyBase64: MASTER_KEY, switchAt }, /the same/],
    [{ ...good, previousMasterKeyBase64: 'short', switchAt }, /32 bytes/],
    [{ ...good, previousMasterKeyBase64: OLD_KEY, switchAt: '2030-01-31T12:00:00' }, /zone/],
    [{ ...good, previousMasterKeyBase64: OLD_KEY, switchAt: '2030-13-31T12:00:00Z' }, /zone/],
    [{ ...good, previousMasterKeyBase64: OLD_KEY, switchAt: new Date(Number.NaN) }, /zone/],
    [{ ...good, switchMarginMs: -1 }, /switchMarginMs/],
    [{ ...good, switchMarginMs: Number.NaN }, /switchMarginMs/],
  ] as readonly (readonly [EncryptionOptions, RegExp])[])(
    'that cannot work are refused: %#',
    (options, text) => {
      const attempt = (): unknown => new EncryptedChannels(options)
      expect(attempt).toThrow(text)
      expect(attempt).not.toThrow(MASTER_KEY.slice(0, 20))
    },
  )

  test('a Date and a time with a zone are the same', () => {
    const previousMasterKeyBase64 = OLD_KEY
    for (const at of [new Date(SWITCH_MS), '2030-01-31T12:00:00Z', '2030-01-31T13:00:00+01:00']) {
      const { channels, clock } = switching({ previousMasterKeyBase64, switchAt: at })
      clock.nowMs = SWITCH_MS
      expect(channels).toBeInstanceOf(EncryptedChannels)
    }
  })

  test('no key is shown when the object is printed', () => {
    const text = Bun.inspect(switching().channels) + JSON.stringify(switching().channels)
    for (const key of [MASTER_KEY, OLD_KEY]) {
      expect(text).not.toContain(key)
      expect(text).not.toContain(Buffer.from(key, 'base64').toString())
    }
    expect(text).not.toContain('Uint8Array')
  })
})
