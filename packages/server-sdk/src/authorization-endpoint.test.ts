import { describe, expect, test } from 'bun:test'
import {
  channelAuthorizationEndpoint,
  userAuthenticationEndpoint,
} from './authorization-endpoint.ts'
import { authenticateUser, authorizeChannel } from './channel-authorization.ts'
import type {
  ChannelEndpointOptions,
  ChannelQuestion,
  EndpointDecision,
  RateSubject,
  UserEndpointOptions,
} from './endpoint-options.ts'
import { BODY_BYTES_MAX, PARAMETER_COUNT_MAX } from './endpoint-parameters.ts'

const KEY = { appKey: 'app-key', secret: 'hush-hush-secret' }
const MASTER_KEY = btoa('m'.repeat(32))
const SOCKET = '123.456'
const PAGE = 'https://app.example'
const URL_OF_ENDPOINT = 'https://app.example/pusher/auth'

interface User {
  readonly id: string
  readonly tenant: string
}
const ADA: User = { id: 'ada', tenant: 't1' }

/** The cookie is the name of the user, as far as these tests go. */
const USERS: Readonly<Record<string, User>> = { 'session=ada': ADA }
const authenticate = ({ request }: { request: Request }) =>
  USERS[request.headers.get('cookie') ?? '']

interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly fields?: Readonly<Record<string, string>>
}

function ask({ method = 'POST', headers = {}, fields, ...rest }: Ask = {}): Request {
  const form = fields ?? { socket_id: SOCKET, channel_name: 'private-t1' }
  const body = rest.body ?? new URLSearchParams(form).toString()
  return new Request(URL_OF_ENDPOINT, {
    method,
    headers: {
      origin: PAGE,
      cookie: 'session=ada',
      'content-type': 'application/x-www-form-urlencoded',
      ...headers,
    },
    ...(method === 'POST' || method === 'PUT' ? { body } : {}),
  })
}

function channels(given: Partial<ChannelEndpointOptions<User>> = {}) {
  const decisions: EndpointDecision[] = []
  const questions: ChannelQuestion<User>[] = []
  const endpoint = channelAuthorizationEndpoint<User>({
    keys: KEY,
    authenticate,
    authorize: (question) => {
      questions.push(question)
      return question.channel.name.includes(question.user.tenant) ? { allow: true } : undefined
    },
    encryptionMasterKeyBase64: MASTER_KEY,
    onDecision: (decision) => decisions.push(decision),
    ...given,
  })
  return { endpoint, decisions, questions }
}

function users(given: Partial<UserEndpointOptions<User>> = {}) {
  return userAuthenticationEndpoint<User>({
    keys: KEY,
    authenticate,
    signIn: () => ({ allow: true }),
    ...given,
  })
}

async function codeOf(answer: Promise<Response>): Promise<[number, unknown]> {
  const response = await answer
  const body = (await response.json()) as { error?: unknown }
  return [response.status, body.error]
}

describe('a granted channel', () => {
  test('is signed for this socket, and the answer is kept by nobody', async () => {
    const it = channels()
    const answer = await it.endpoint(ask(), { address: '192.0.2.7' })
    expect(answer.status).toBe(200)
    const wanted = await authorizeChannel(KEY, { socketId: SOCKET, channelName: 'private-t1' })
    expect(await answer.json()).toEqual({ ...wanted })
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('vary')).toBe('Origin')
  })

  test('on a presence channel the member is the authenticated user, whatever is sent along', async () => {
    const it = channels({ authorize: () => ({ allow: true, userInfo: { name: 'Ada' } }) })
    const fields = {
      socket_id: SOCKET,
      channel_name: 'presence-t1',
      channel_data: '{"user_id":"eve"}',
      user_id: 'eve',
    }
    const answer = await it.endpoint(ask({ fields }))
    const channelData = { user_id: 'ada', user_info: { name: 'Ada' } }
    const request = { socketId: SOCKET, channelName: 'presence-t1', channelData }
    expect(await answer.json()).toEqual({ ...(await authorizeChannel(KEY, request)) })
  })

  test('on an encrypted channel gets the secret of that channel', async () => {
    const fields = { socket_id: SOCKET, channel_name: 'private-encrypted-t1' }
    const answer = await channels().endpoint(ask({ fields }))
    const body = (await answer.json()) as { shared_secret: string }
    expect(atob(body.shared_secret)).toHaveLength(32)
  })

  test('the policy is asked with the user, the channel and the parameters of the page', async () => {
    const it = channels()
    const fields = { socket_id: SOCKET, channel_name: 'private-cache-t1', room: 'blue' }
    await it.endpoint(ask({ fields }), { address: '192.0.2.7' })
    expect(it.questions[0]).toMatchObject({
      user: ADA,
      channel: { name: 'private-cache-t1', kind: 'private', isCache: true },
      address: '192.0.2.7',
    })
    expect(it.questions[0]?.parameters.get('room')).toBe('blue')
  })

  test('JSON is read as well as a form', async () => {
    const body = JSON.stringify({ socket_id: SOCKET, channel_name: 'private-t1', page: 3 })
    const headers = { 'content-type': 'application/json; charset=UTF-8' }
    expect((await channels().endpoint(ask({ headers, body }))).status).toBe(200)
  })

  test('the newest key signs, and a key that is rotated is taken up', async () => {
    let keys = [KEY]
    const it = channels({ keys: () => keys })
    const auth = async () => ((await (await it.endpoint(ask())).json()) as { auth: string }).auth
    const before = await auth()
    keys = [{ ...KEY, secret: 'the-next-secret' }, KEY]
    expect(await auth()).not.toBe(before)
  })
})

describe('a refusal', () => {
  test('a channel is denied unless the policy says allow, whatever else it says', async () => {
    const verdicts: unknown[] = [
      undefined,
      null,
      false,
      true,
      1,
      'yes',
      {},
      { allow: false },
      { allow: 'true' },
      { allow: 1 },
    ]
    for (const verdict of verdicts) {
      const it = channels({ authorize: () => verdict as { allow: false } })
      expect(await codeOf(it.endpoint(ask()))).toEqual([403, 'denied'])
    }
  })

  test('nobody who is not authenticated reaches the policy', async () => {
    const it = channels()
    for (const cookie of ['', 'session=eve']) {
      const answer = it.endpoint(ask({ headers: { cookie } }))
      expect(await codeOf(answer)).toEqual([403, 'not_authenticated'])
    }
    const nobody = channels({ authenticate: () => null })
    expect(await codeOf(nobody.endpoint(ask()))).toEqual([403, 'not_authenticated'])
    expect([...it.questions, ...nobody.questions]).toEqual([])
  })

  test('a socket id or channel that could be another signature is not signed', async () => {
    const it = channels({ authorize: () => ({ allow: true }) })
    const bad = [
      [{ channel_name: 'private-t1' }, 'socket_id_invalid'],
      [{ socket_id: '', channel_name: 'private-t1' }, 'socket_id_invalid'],
      [{ socket_id: '1.1::user::{}', channel_name: 'private-t1' }, 'socket_id_invalid'],
      [{ socket_id: '1.1 ', channel_name: 'private-t1' }, 'socket_id_invalid'],
      [{ socket_id: SOCKET }, 'channel_name_invalid'],
      [{ socket_id: SOCKET, channel_name: ':user::{"id":"ada"}' }, 'channel_name_invalid'],
      [{ socket_id: SOCKET, channel_name: 'private-t1:{"user_id":1}' }, 'channel_name_invalid'],
      [{ socket_id: SOCKET, channel_name: '#server-to-user-ada' }, 'channel_name_invalid'],
      [{ socket_id: SOCKET, channel_name: `private-${'x'.repeat(200)}` }, 'channel_name_invalid'],
      [{ socket_id: SOCKET, channel_name: 'public-needs-no-signature' }, 'channel_name_invalid'],
    ] as const
    for (const [fields, code] of bad) {
      expect(await codeOf(it.endpoint(ask({ fields })))).toEqual([400, code])
    }
    expect(it.questions).toEqual([])
  })

  test('of another method, type or size costs little and says what is taken', async () => {
    const it = channels()
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await it.endpoint(ask({ method }))
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
    }
    const types = ['', 'text/plain', 'multipart/form-data; boundary=x', 'application/jsonp']
    types.push('application/x-www-form-urlencoded; charset=utf-16', 'application/json, text/plain')
    for (const type of types) {
      const answer = it.endpoint(ask({ headers: { 'content-type': type } }))
      expect(await codeOf(answer)).toEqual([415, 'content_type_unsupported'])
    }
    const body = `socket_id=${SOCKET}&channel_name=private-t1&x=${'x'.repeat(BODY_BYTES_MAX)}`
    expect(await codeOf(it.endpoint(ask({ body })))).toEqual([413, 'body_too_large'])
    const said = ask({ headers: { 'content-length': String(BODY_BYTES_MAX + 1) } })
    expect(await codeOf(it.endpoint(said))).toEqual([413, 'body_too_large'])
    expect(it.questions).toEqual([])
  })

  test('of a body that can be read two ways, or not at all', async () => {
    const it = channels()
    const twice = `socket_id=${SOCKET}&channel_name=private-t1&channel_name=private-t2`
    const many = Array.from({ length: PARAMETER_COUNT_MAX + 1 }, (_, index) => `p${index}=1`)
    const forms = ['', twice, many.join('&'), Uint8Array.of(0xff, 0x3d)]
    for (const body of forms) {
      expect(await codeOf(it.endpoint(ask({ body })))).toEqual([400, 'body_malformed'])
    }
    const headers = { 'content-type': 'application/json' }
    for (const body of [
      '',
      '[]',
      'null',
      '{',
      '{"socket_id":{}}',
      '{"a":[1]}',
      '{"a":null}',
      '{}',
    ]) {
      expect(await codeOf(it.endpoint(ask({ headers, body })))).toEqual([400, 'body_malformed'])
    }
  })

  test('a stream without end is cut off', async () => {
    let sent = 0
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 1_024
        controller.enqueue(new Uint8Array(1_024).fill(0x61))
      },
    })
    const request = new Request(URL_OF_ENDPOINT, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: endless,
    })
    expect(await codeOf(channels().endpoint(request))).toEqual([413, 'body_too_large'])
    expect(sent).toBeLessThan(BODY_BYTES_MAX * 4)
  })
})

describe('pages of other sites', () => {
  const elsewhere: Readonly<Record<string, string>>[] = [
    { origin: 'https://evil.example' },
    { origin: 'http://app.example' },
    { origin: 'https://app.example:8443' },
    { origin: 'https://app.example.evil.example' },
    { origin: 'null' },
    { origin: '' },
  ]

  test('get nothing, whatever the cookie, with a list of origins or without', async () => {
    for (const given of [{}, { allowedOrigins: [PAGE] }]) {
      const it = channels(given)
      for (const headers of elsewhere) {
        const answer = await it.endpoint(ask({ headers }))
        expect(answer.status).toBe(403)
        expect(await answer.json()).toEqual({ error: 'origin_denied' })
        expect(answer.headers.get('access-control-allow-origin')).toBeNull()
      }
      expect(it.questions).toEqual([])
    }
  })

  test('a browser that says cross-site without saying where from is refused', async () => {
    const request = (site: string) => {
      const given = ask({ headers: { 'sec-fetch-site': site } })
      given.headers.delete('origin')
      return given
    }
    for (const site of ['cross-site', 'same-site']) {
      const answer = channels().endpoint(request(site))
      expect(await codeOf(answer)).toEqual([403, 'origin_denied'])
    }
    expect((await channels().endpoint(request('same-origin'))).status).toBe(200)
  })

  test('a program without Origin is judged by its credentials', async () => {
    const request = ask()
    request.headers.delete('origin')
    expect((await channels({ allowedOrigins: [] }).endpoint(request)).status).toBe(200)
  })

  test('a listed page may read the answer and send the headers it needs', async () => {
    const it = channels({ allowedOrigins: ['https://pages.example'] })
    const headers = { origin: 'https://pages.example' }
    const answer = await it.endpoint(ask({ headers }))
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://pages.example')
    expect(answer.headers.get('access-control-allow-credentials')).toBe('true')
    const asked = { ...headers, 'access-control-request-method': 'POST' }
    const before = await it.endpoint(ask({ method: 'OPTIONS', headers: asked }))
    expect(before.status).toBe(204)
    expect(before.headers.get('access-control-allow-headers')).toContain('x-csrf-token')
    expect(before.headers.get('access-control-allow-methods')).toBe('POST')
    const refused = await it.endpoint(ask({ method: 'OPTIONS', headers: { origin: PAGE } }))
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([
      403,
      null,
    ])
  })

  test('a list that no Origin header can equal is refused when the endpoint is made', () => {
    for (const origin of [
      '*',
      'app.example',
      'https://app.example/',
      'https://*.app.example',
      'null',
    ]) {
      expect(() => channels({ allowedOrigins: [origin] })).toThrow(TypeError)
    }
  })
})

describe('the rate limit', () => {
  test('is asked with the address before the user is looked up, and with the user after', async () => {
    const subjects: RateSubject<User>[] = []
    let refuseAt = 9
    const it = channels({
      rateLimit: (subject) => {
        subjects.push(subject)
        return { isAllowed: subjects.length !== refuseAt, retryAfterSeconds: 2.1 }
      },
    })
    await it.endpoint(ask(), { address: '192.0.2.7' })
    expect(subjects).toEqual([{ address: '192.0.2.7' }, { address: '192.0.2.7', user: ADA }])
    for (refuseAt of [1, 2]) {
      subjects.length = 0
      const answer = await it.endpoint(ask(), { address: '192.0.2.7' })
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '3'])
      expect(subjects).toHaveLength(refuseAt)
    }
    expect(it.questions).toHaveLength(1)
  })
})

describe('sign-in', () => {
  test('signs the authenticated user, with what the policy adds', async () => {
    const endpoint = users({
      signIn: () => ({ allow: true, userInfo: { name: 'Ada' }, watchlist: ['bob'] }),
    })
    const answer = await endpoint(ask({ fields: { socket_id: SOCKET, id: 'eve' } }))
    const user = { id: 'ada', user_info: { name: 'Ada' }, watchlist: ['bob'] }
    expect(await answer.json()).toEqual({
      ...(await authenticateUser(KEY, { socketId: SOCKET, user })),
    })
  })

  test('is denied by default, to strangers, and for what is no socket id', async () => {
    const fields = { socket_id: SOCKET }
    const denying = users({ signIn: () => undefined })
    expect(await codeOf(denying(ask({ fields })))).toEqual([403, 'denied'])
    const stranger = ask({ fields, headers: { cookie: 'session=eve' } })
    expect(await codeOf(users()(stranger))).toEqual([403, 'not_authenticated'])
    const bad = ask({ fields: { socket_id: '1.1:x' } })
    expect(await codeOf(users()(bad))).toEqual([400, 'socket_id_invalid'])
  })
})

describe('decisions', () => {
  test('are heard with who and what, and never with a signature or a secret', async () => {
    const it = channels()
    const peer = { address: '192.0.2.7' }
    await it.endpoint(ask(), peer)
    await it.endpoint(ask({ fields: { socket_id: SOCKET, channel_name: 'private-t2' } }), peer)
    await it.endpoint(ask({ fields: { socket_id: 'evil', channel_name: 'evil' } }), peer)
    const known = { ...peer, userId: 'ada', socketId: SOCKET }
    expect(it.decisions).toEqual([
      { outcome: 'granted', code: 'granted', ...known, channelName: 'private-t1' },
      { outcome: 'refused', code: 'denied', ...known, channelName: 'private-t2' },
      { outcome: 'refused', code: 'socket_id_invalid', ...peer },
    ])
    expect(JSON.stringify(it.decisions)).not.toMatch(/hush|app-key:|evil/)
  })

  test('a callback that throws grants nothing, says nothing and is heard', async () => {
    const error = new Error('database password: hunter2')
    const fail = () => {
      throw error
    }
    for (const given of [
      { authenticate: fail },
      { authorize: fail },
      { rateLimit: fail },
      { keys: fail },
      { keys: [] },
      { authenticate: () => ({ id: 'not a legal id', tenant: 't1' }), authorize: presence },
    ]) {
      const it = channels(given)
      const fields = { socket_id: SOCKET, channel_name: 'presence-t1' }
      const answer = await it.endpoint(ask({ fields }))
      expect([answer.status, await answer.text()]).toEqual([500, '{"error":"failed"}'])
      expect(it.decisions.map(({ outcome }) => outcome)).toEqual(['failed'])
      expect(it.decisions[0]?.error).toBeInstanceOf(Error)
    }
  })

  test('where nobody hears them, what a callback throws goes on to the platform', async () => {
    const error = new Error('policy')
    const endpoint = users({
      signIn: () => {
        throw error
      },
    })
    const attempt = endpoint(ask({ fields: { socket_id: SOCKET } }))
    expect(await attempt.catch((reason: unknown) => reason)).toBe(error)
  })
})

function presence() {
  return { allow: true } as const
}
