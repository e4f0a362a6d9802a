/** Which protocol an upgrade request speaks: every row of docs/adr/0033. */
import { describe, expect, test } from 'bun:test'
import { protocolOf, upgradeRouter } from './registry.ts'
import type { Admission, UpgradeRequest, WebSocketProtocol } from './session.ts'

const PREFIXES = ['/ws', '/collaboration']

function jwt(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2ln`
}

const DOCUMENTS = jwt({ aud: 'WireSocket.API' })
const AMONG_OTHERS = jwt({ aud: ['other', 'WireSocket.API'] })
const FOREIGN = jwt({ aud: 'https://customer.example' })
const NO_AUDIENCE = jwt({ sub: 'ann' })

interface Row {
  readonly protocols?: string
  readonly authorization?: string
  readonly isUnderPrefix?: false
}

/** @param url path and query as sent. */
function requestOf(url: string, { protocols, authorization, isUnderPrefix }: Row): UpgradeRequest {
  const [path = '', ...query] = url.split('?')
  return {
    path,
    query: query.join('?'),
    isUnderPrefix: isUnderPrefix ?? true,
    subprotocols: protocols === undefined ? [] : protocols.split(', '),
    authorization,
    origin: undefined,
    host: 'localhost',
    isTls: false,
    source: () => ({ ip: '192.0.2.1', agent: '' }),
  }
}

const ROWS: readonly (readonly [url: string, expected: string | undefined, row?: Row])[] = [
  // A subprotocol says most.
  ['/', 'mqtt', { protocols: 'mqtt' }],
  ['/mqtt', 'mqtt', { protocols: 'x, mqtt' }],
  ['/app/key', 'mqtt', { protocols: 'mqtt' }],
  ['/ws/doc', 'mqtt', { protocols: 'mqtt' }],
  ['/elsewhere', 'mqtt', { protocols: 'mqtt', isUnderPrefix: false }],
  ['/?key=k', 'mqtt', { protocols: 'mqtt' }],
  ['/', undefined, { isUnderPrefix: false }],
  ['/', 'yjs', { protocols: `access_token, ${DOCUMENTS}` }],
  ['/', 'yjs', { protocols: `Bearer, ${FOREIGN}` }],
  ['/doc', 'yjs', { protocols: `access_token, ${FOREIGN}` }],
  ['/a/b/c', 'yjs', { protocols: `access_token, ${FOREIGN}` }],
  ['/?key=k', 'yjs', { protocols: 'access_token, x' }],
  ['/doc', undefined, { protocols: 'access_token, x', isUnderPrefix: false }],
  ['/', 'unsaid', { protocols: 'graphql-ws' }],
  // Pusher's paths.
  ['/app/key?protocol=7', 'pusher'],
  ['/app/key/', 'pusher'],
  ['/app', 'pusher'],
  ['/app/', 'pusher'],
  ['/app/a/b', 'pusher'],
  ['/app?key=k', 'pusher'],
  ['/app?token=t', 'pusher'],
  ['/app/key', 'pusher', { protocols: `access_token, ${DOCUMENTS}` }],
  ['/app/key', 'pusher', { authorization: `Bearer ${DOCUMENTS}` }],
  ['/app/key', 'pusher', { isUnderPrefix: false }],
  ['/x/app/key', 'pusher', { isUnderPrefix: false }],
  ['/x/app/key', 'pusher'],
  ['/x/y/app/key/', 'pusher'],
  ['/application', 'yjs'],
  // Documents.
  ['/doc', 'yjs'],
  ['/doc/', 'yjs'],
  ['/doc/doc', 'yjs'],
  ['/doc/other', 'yjs'],
  ['/doc?token=t', 'yjs'],
  [`/doc?token=${FOREIGN}`, 'yjs'],
  ['/doc?key=k', 'yjs'],
  ['/ws', 'yjs'],
  ['/ws/', 'yjs'],
  ['/ws/doc', 'yjs'],
  ['/ws/app/key', 'yjs'],
  ['/ws?token=t', 'yjs'],
  ['/ws?key=k', 'yjs'],
  ['/ws/a/b/c', 'yjs'],
  ['/collaboration', 'yjs'],
  ['/collaboration/doc', 'yjs'],
  ['/collaborations/doc/x', undefined],
  ['/doc', undefined, { isUnderPrefix: false }],
  ['/a/b/c', undefined],
  ['/a/b/c?token=t', undefined],
  // At the root: what is shown.
  ['/?key=k', 'wsocket'],
  ['?key=k', 'wsocket'],
  ['//?key=k', 'wsocket'],
  ['/?token=t', 'wsocket'],
  [`/?token=${FOREIGN}`, 'wsocket'],
  [`/?token=${NO_AUDIENCE}`, 'wsocket'],
  ['/?token=', 'wsocket'],
  [`/?token=${DOCUMENTS}`, 'yjs'],
  [`/?token=${AMONG_OTHERS}`, 'yjs'],
  [`/?token=${FOREIGN}/doc`, 'yjs'],
  [`/?token=${DOCUMENTS}%2Fdoc`, 'yjs'],
  ['/?token=t/doc', 'yjs'],
  [`/?key=k&token=${DOCUMENTS}`, 'wsocket'],
  [`/?token=${DOCUMENTS}&key=k`, 'wsocket'],
  ['/?access_token=t', 'yjs'],
  ['/?key=k', 'wsocket', { authorization: `Bearer ${DOCUMENTS}` }],
  ['/', 'yjs', { authorization: `Bearer ${DOCUMENTS}` }],
  ['/', 'unsaid', { authorization: `Bearer ${FOREIGN}` }],
  ['/', 'unsaid', { authorization: 'Basic eDp5' }],
  ['/', 'unsaid'],
  ['', 'unsaid'],
  ['/?monkey=k', 'unsaid'],
  [`/?token=${'a'.repeat(20_000)}`, 'wsocket'],
]

test.each(ROWS)('%s is for %p %o', (url, expected, row = {}) => {
  expect(protocolOf(requestOf(url, row), PREFIXES)).toBe(expected as never)
})

test('without prefixes what is below them is decided like any other path', () => {
  expect(protocolOf(requestOf('/ws/a/b', {}), [])).toBeUndefined()
  expect(protocolOf(requestOf('/ws', {}), [])).toBe('yjs')
})

const taken: string[] = []

/** Takes what it is given, unless the path says that it is not its own. */
function taking(name: string, frameBytesMax?: number): WebSocketProtocol {
  const admission = { kind: 'refused_http', refusal: 'idle' } as const satisfies Admission
  return {
    ...(frameBytesMax === undefined ? {} : { frameBytesMax }),
    admit({ path }) {
      taken.push(`${name} ${path}`)
      return path.includes('strange') ? undefined : admission
    },
  }
}

describe('a router', () => {
  const all = { pusher: taking('pusher'), mqtt: taking('mqtt'), wsocket: taking('wsocket') }
  const router = upgradeRouter({ ...all, yjs: taking('yjs', 5_000_000) }, PREFIXES)

  test('asks the one protocol of a request and nobody else', () => {
    taken.length = 0
    expect(router.admit(requestOf('/doc', {}), undefined)?.protocol).toBe('yjs')
    expect(router.admit(requestOf('/?key=k', {}), undefined)?.protocol).toBe('wsocket')
    expect(router.admit(requestOf('/strange', {}), undefined)).toBeUndefined()
    expect(taken).toEqual(['yjs /doc', 'wsocket /', 'yjs /strange'])
  })

  test('says what each protocol sends to who sent nothing of any', () => {
    const routed = router.admit(requestOf('/', {}), undefined)
    expect(routed).toMatchObject({ protocol: undefined, admission: { kind: 'refused_http' } })
    const text = JSON.stringify(routed)
    for (const word of ['/app/{key}', '?key={key}', '/{document}', 'subprotocol mqtt']) {
      expect(text).toContain(word)
    }
  })

  test('names only protocols that are served', () => {
    const text = JSON.stringify(upgradeRouter(all, []).admit(requestOf('/', {}), undefined))
    expect(text).not.toContain('Yjs')
    expect(upgradeRouter(all, []).admit(requestOf('/doc', {}), undefined)).toBeUndefined()
  })

  test('knows the largest frame of all', () => {
    expect(router.frameBytesMax).toBe(5_000_000)
    expect(upgradeRouter(all, []).frameBytesMax).toBe(0)
  })

  test.each(['pusher', 'mqtt', 'wsocket', 'yjs'] as const)(
    '%s on a listener of its own',
    (name) => {
      taken.length = 0
      const requests = ['/doc', '/?key=k', '/app/key', '/x?token=t']
      for (const url of requests) {
        expect(router.admit(requestOf(url, {}), name)?.protocol).toBe(name)
      }
      expect(taken.every((each) => each.startsWith(`${name} `))).toBe(true)
      const strange = router.admit(requestOf('/strange', {}), name)
      expect(strange?.admission).toMatchObject({ refusal: 'request_malformed' })
    },
  )

  test('the root of a listener for documents is what a prefix is elsewhere', () => {
    taken.length = 0
    for (const path of ['/', '', '/doc', '/ws/doc']) router.admit(requestOf(path, {}), 'yjs')
    expect(taken).toEqual(['yjs /ws', 'yjs /ws', 'yjs /doc', 'yjs /ws/doc'])
  })
})
