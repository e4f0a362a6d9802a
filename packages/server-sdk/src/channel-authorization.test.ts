import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import Pusher from 'pusher'
import vectors from '../../../test/vectors/pusher.json'
import {
  type AuthorizationError,
  authenticateUser,
  authorizeChannel,
  isSocketId,
  SIGNED_DATA_BYTES_MAX,
  WATCHLIST_LENGTH_MAX,
} from './channel-authorization.ts'

const MASTER_KEY = vectors.sharedSecrets[0]?.masterKeyBase64 ?? ''
const KEY = { appKey: 'app-key', secret: 'a-secret-of-the-app' }
const SOCKET = '123.456'

const library = new Pusher({
  appId: '1',
  key: KEY.appKey,
  secret: KEY.secret,
  host: '127.0.0.1',
  encryptionMasterKeyBase64: MASTER_KEY,
})

const name = fc
  .tuple(
    fc.constantFrom('private-', 'presence-', 'private-encrypted-', 'private-cache-', 'cache-', ''),
    fc.string({
      unit: fc.constantFrom(...'abzAZ09_-=@,.;'.split('')),
      minLength: 1,
      maxLength: 30,
    }),
  )
  .map((parts) => parts.join(''))
const socketId = fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `${a}.${b}`)
const info = fc.dictionary(fc.string({ maxLength: 9 }), fc.jsonValue({ maxDepth: 3 }))
const userId = fc.string({
  unit: fc.constantFrom(...'abz09_-=@,.;'.split('')),
  minLength: 1,
  maxLength: 40,
})

async function refusalOf(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => undefined,
    (reason: AuthorizationError) => reason,
  )
  if (error === undefined) throw new Error('it was signed')
  return error.code
}

describe('channels', () => {
  test.each(vectors.channels)('vector: $name', async (vector) => {
    const { channel, secret, signature } = vector
    const data: unknown = 'channelData' in vector ? JSON.parse(vector.channelData) : undefined
    const answer = await authorizeChannel(
      { appKey: vectors.key, secret },
      {
        socketId: vector.socketId,
        channelName: channel,
        channelData: data,
        encryptionMasterKeyBase64: MASTER_KEY,
      },
    )
    expect(answer.auth).toBe(`${vectors.key}:${signature}`)
    expect(answer.channel_data).toBe('channelData' in vector ? vector.channelData : undefined)
  })

  test.each(vectors.sharedSecrets)('vector: $name', async (vector) => {
    const answer = await authorizeChannel(KEY, {
      socketId: SOCKET,
      channelName: vector.channel,
      encryptionMasterKeyBase64: vector.masterKeyBase64,
    })
    expect(answer.shared_secret).toBe(vector.sharedSecretBase64)
  })

  test('the answer is, byte for byte, that of the pusher library', async () => {
    await fc.assert(
      fc.asyncProperty(socketId, name, fc.option(info), async (socket, channelName, data) => {
        const channelData = data === null ? undefined : { user_id: 'u.1', user_info: data }
        const request = { socketId: socket, channelName, channelData }
        const ours = await authorizeChannel(KEY, {
          ...request,
          encryptionMasterKeyBase64: MASTER_KEY,
        })
        const theirs = library.authorizeChannel(socket, channelName, channelData)
        expect(JSON.stringify(ours)).toBe(JSON.stringify(theirs))
      }),
    )
  })

  test('of several keys the newest signs', async () => {
    const request = { socketId: SOCKET, channelName: 'private-a' }
    const newest = { appKey: 'new', secret: 'newest-secret' }
    const answer = await authorizeChannel([newest, KEY], request)
    expect(answer).toEqual(await authorizeChannel(newest, request))
    const failure: unknown = await authorizeChannel([], request).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(TypeError)
  })

  const badSockets = [
    '',
    '1',
    '1.',
    '.1',
    '1.2.3',
    ' 1.2',
    '1.2\n',
    '1.2:private-a',
    '1e3.2',
    'a.b',
  ]
  test.each(badSockets)('socket id %j is not signed', async (socket) => {
    const attempt = authorizeChannel(KEY, { socketId: socket, channelName: 'private-a' })
    expect(await refusalOf(attempt)).toBe('socket_id_invalid')
  })

  const badNames = [
    '',
    ':user::{"id":"victim"}',
    'private-a:{"user_id":"victim"}',
    'private-ä',
    'private-a b',
    'private-a\n',
    '#server-to-user-victim',
    `private-${'x'.repeat(200)}`,
  ]
  test('a channel name outside the alphabet, of a user or too long is not signed', async () => {
    for (const channelName of badNames) {
      const attempt = authorizeChannel(KEY, { socketId: SOCKET, channelName })
      expect(await refusalOf(attempt)).toBe('channel_name_invalid')
    }
  })

  test('no text a client may choose gives the signature of a sign-in or of another channel', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 30 }),
        fc.string({ unit: 'binary', maxLength: 60 }),
        async (socket, channelName) => {
          const attempt = authorizeChannel(KEY, { socketId: socket, channelName })
          const isSigned = await attempt.then(
            () => true,
            () => false,
          )
          if (!isSigned) return
          expect(`${socket}:${channelName}`.split(':')).toHaveLength(2)
        },
      ),
    )
  })

  const badMembers: unknown[] = [
    'text',
    [],
    {},
    { user_id: '' },
    { user_id: 'a b' },
    { user_id: 'x'.repeat(129) },
    { user_id: 1.5 },
    { user_id: null },
    { user_id: 'a', user_info: 'text' },
    { user_id: 'a', user_info: ['text'] },
    { user_id: 'a', user_info: { text: 'x'.repeat(SIGNED_DATA_BYTES_MAX) } },
  ]
  test('presence data without a proper user id, or too large, are not signed', async () => {
    for (const channelData of badMembers) {
      const attempt = authorizeChannel(KEY, {
        socketId: SOCKET,
        channelName: 'presence-a',
        channelData,
      })
      expect(await refusalOf(attempt)).toBe('channel_data_invalid')
    }
  })

  test('data that JSON cannot hold, or that nest without end, are not signed', async () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    let deep: unknown = 1
    for (let depth = 0; depth < 40; depth++) deep = [deep]
    for (const channelData of [circle, { id: 1n }, () => 1, deep]) {
      const request = { socketId: SOCKET, channelName: 'private-a', channelData }
      expect(await refusalOf(authorizeChannel(KEY, request))).toBe('channel_data_invalid')
    }
  })

  test('presence without data is signed for those who are signed in', async () => {
    const answer = await authorizeChannel(KEY, { socketId: SOCKET, channelName: 'presence-a' })
    expect(answer).toEqual(library.authorizeChannel(SOCKET, 'presence-a') as typeof answer)
  })

  test('an encrypted channel is not signed without a whole master key', async () => {
    const short = btoa('x'.repeat(31))
    for (const encryptionMasterKeyBase64 of [
      undefined,
      '',
      short,
      `${MASTER_KEY}=`,
      'x'.repeat(44),
    ]) {
      const attempt = authorizeChannel(KEY, {
        socketId: SOCKET,
        channelName: 'private-encrypted-a',
        ...(encryptionMasterKeyBase64 === undefined ? {} : { encryptionMasterKeyBase64 }),
      })
      expect(await refusalOf(attempt)).toBe('master_key_invalid')
    }
  })

  test('a refusal tells neither the secret nor what was asked', async () => {
    const attempt = authorizeChannel(KEY, { socketId: SOCKET, channelName: 'sneaky name' })
    const error = (await attempt.catch((reason: unknown) => reason)) as AuthorizationError
    expect(`${error.message}${error.stack}${JSON.stringify(error)}`).not.toMatch(/sneaky|a-secret/)
  })
})

describe('users', () => {
  test.each(vectors.users)('vector: $name', async ({ secret, userData, ...vector }) => {
    const user = JSON.parse(userData) as { id: string }
    const answer = await authenticateUser(
      { appKey: vectors.key, secret },
      { socketId: vector.socketId, user },
    )
    expect(answer).toEqual({ auth: `${vectors.key}:${vector.signature}`, user_data: userData })
  })

  test('the answer is, byte for byte, that of the pusher library', async () => {
    await fc.assert(
      fc.asyncProperty(socketId, userId, info, async (socket, id, user_info) => {
        const user = { id, user_info, watchlist: ['a', 'b'] }
        const ours = await authenticateUser(KEY, { socketId: socket, user })
        const theirs = library.authenticateUser(socket, user)
        expect(JSON.stringify(ours)).toBe(JSON.stringify(theirs))
      }),
    )
  })

  test('a user without a proper id, or with too long a watch-list, is not signed in', async () => {
    const many = Array.from({ length: WATCHLIST_LENGTH_MAX + 1 }, (_, index) => `u${index}`)
    const users = [
      { id: '' },
      { id: 'a:b' },
      { id: 'x'.repeat(129) },
      { id: 'a', watchlist: ['b c'] },
      { id: 'a', watchlist: many },
      { id: 'a', user_info: { text: 'x'.repeat(SIGNED_DATA_BYTES_MAX) } },
      // What untyped callers do.
      { id: 7 } as unknown as { id: string },
      null as unknown as { id: string },
    ]
    for (const user of users) {
      expect(await refusalOf(authenticateUser(KEY, { socketId: SOCKET, user }))).toBe(
        'user_invalid',
      )
    }
    const user = { id: 'a', watchlist: many.slice(1) }
    expect((await authenticateUser(KEY, { socketId: SOCKET, user })).auth).toStartWith('app-key:')
  })

  test('a socket id that is none is not signed in', async () => {
    const attempt = authenticateUser(KEY, { socketId: '1.1::user::', user: { id: 'a' } })
    expect(await refusalOf(attempt)).toBe('socket_id_invalid')
    expect(isSocketId(12)).toBe(false)
  })
})
