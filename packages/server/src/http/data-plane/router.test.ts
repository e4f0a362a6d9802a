import { beforeEach, describe, expect, test } from 'bun:test'
import {
  ISSUER_BASE,
  LIMITS,
  OTHER_TENANT_ID,
  TENANT_ID,
  type TokenWorld,
  credentialsForm,
  openTokenWorld,
} from '../../../../../test/support/token-world.ts'
import { DocumentRegions } from '../../core/documents/regions.ts'
import { HealthState } from '../../core/load/health-state.ts'
import { Outage } from '../../ports/outage.ts'
import type { AppSettings } from '../../ports/records/app.ts'
import { UNLIMITED } from '../../ports/records/plan.ts'
import { readTarget } from '../target.ts'
import type { DataPlaneDeps, DocumentUse, NodeLoad } from './deps.ts'
import { dataQuestion } from './paths.ts'
import { handleData } from './router.ts'

const REGIONS = [
  { code: 'eu-central-1', url: 'wss://eu.example' },
  { code: 'us-east-1', url: 'wss://us.example:8443/ws' },
]

let world: TokenWorld
let token: string
let deps: DataPlaneDeps
let use: DocumentUse
let pins: Map<string, string>
let status: ReturnType<NodeLoad['state']>['status']
let failure: Error | undefined
let logged: unknown[]
let denied: unknown[]

beforeEach(() => openWorld())

async function openWorld(guardTexts: readonly string[] = []) {
  world = await openTokenWorld({ guardTexts })
  setApp({ allowedOrigins: [] })
  token = await tokenOf('app')
  use = { connectionCount: 0, documentCount: 0 }
  pins = new Map()
  status = 'healthy'
  failure = undefined
  logged = []
  denied = []
  const { clock } = world.core.administration
  const load = { state: () => ({ status }), retryAfterSeconds: () => 37 }
  const find = async (key: string) => {
    if (failure !== undefined) throw failure
    return pins.get(key)
  }
  const regions = new DocumentRegions('here-1', REGIONS, { pins: { find } })
  const log = (...said: unknown[]) => void logged.push(said)
  deps = {
    ...world.oauth,
    clock,
    load,
    health: new HealthState({ load, pingStore: async () => {}, clock }),
    documents: {
      locate: (app, name, at) => regions.locate(app, name, at),
      async usage() {
        if (failure !== undefined) throw failure
        return use
      },
    },
    recordDenial: (attempt) => void denied.push(attempt),
    log: { debug: log, info: log, warn: log, error: log },
  }
}

function setApp(changes: Partial<AppSettings>) {
  const loaded = world.loaded('app')
  const settings = { ...loaded.app.settings, ...changes }
  world.core.authority.apps.put({ ...loaded, app: { ...loaded.app, settings } })
}

async function tokenOf(appId: string): Promise<string> {
  return (await world.call('/connect/token', { form: credentialsForm(appId) })).body.access_token
}

interface Asked {
  readonly method?: string
  readonly token?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly host?: string
  readonly isTls?: boolean
  readonly ip?: string
}

async function ask(path: string, asked: Asked = {}) {
  const { method = 'GET', isTls = false, ip = '192.0.2.1', host = 'here.example' } = asked
  const given = 'token' in asked ? asked.token : token
  const authorization = given === undefined ? undefined : { authorization: `Bearer ${given}` }
  const headers = { host, ...authorization, ...asked.headers }
  const request = new Request(`http://${host}${path}`, { method, headers })
  const target = readTarget(request.url, '')
  const question = dataQuestion(target?.path ?? '')
  if (target === undefined || question === undefined) throw new Error(`${path} is not served here`)
  const source = () => ({ ip, agent: 'test' })
  const call = { request, target: { ...target, isTls }, source, deps }
  const answer = await handleData(question, call)
  const text = await answer.text()
  const body: ReturnType<JSON['parse']> = text === '' ? undefined : JSON.parse(text)
  return { status: answer.status, headers: answer.headers, body }
}

describe('/usage', () => {
  test('tells how much of the plan in the token is used', async () => {
    use = { connectionCount: 77, documentCount: 451 }
    const { status: code, body } = await ask('/usage')
    expect(code).toBe(200)
    expect(body).toEqual({
      tenantId: TENANT_ID,
      appId: 'app',
      usage: {
        connections: { current: 77, limit: 100, percent: 77, status: 'warning' },
        documents: { current: 451, limit: 500, percent: 90.2, status: 'critical' },
      },
      timestamp: new Date(world.time.ms).toISOString(),
    })
  })

  test('counts against what the token says, whatever the plan says by now', async () => {
    const { apps } = world.core.authority
    const loaded = world.loaded('app')
    apps.put({ ...loaded, limits: { ...LIMITS, maxConnections: UNLIMITED } })
    use = { connectionCount: 90, documentCount: 0 }
    expect((await ask('/usage')).body.usage.connections).toMatchObject({ limit: 100, percent: 90 })
    token = await tokenOf('app')
    expect((await ask('/usage')).body.usage.connections).toEqual({
      current: 90,
      limit: UNLIMITED,
      percent: 0,
      status: 'healthy',
    })
  })

  test('takes the token in the query, and believes the header first', async () => {
    expect((await ask(`/usage?token=${token}`, { token: undefined })).status).toBe(200)
    expect((await ask(`/usage?token=${token}`, { token: 'x' })).status).toBe(401)
  })

  test('answers the 13th question of a minute from one address with 429', async () => {
    for (let count = 0; count < 12; count++) expect((await ask('/usage')).status).toBe(200)
    const { status: code, headers, body } = await ask('/usage')
    expect(code).toBe(429)
    expect(headers.get('retry-after')).toBe('60')
    expect(body).toMatchObject({ error: 'rate_limited', statusCode: 429, limit: 'usage.ip' })
    expect((await ask('/usage', { ip: '192.0.2.2' })).status).toBe(200)
    expect((await ask('/discovery?documentName=a')).status).toBe(200)
    expect((await ask('/health')).status).toBe(200)
  })

  test('counts questions with wrong tokens too', async () => {
    for (let count = 0; count < 12; count++) {
      expect((await ask('/usage', { token: 'x' })).status).toBe(401)
    }
    expect((await ask('/usage')).status).toBe(429)
  })
})

describe('/discovery', () => {
  const where = (name: string, asked?: Asked) => ask(`/discovery?documentName=${name}`, asked)

  test('says that a document nobody has open is where it is asked for', async () => {
    const { status: code, body } = await where('notes')
    expect(code).toBe(200)
    expect(body).toEqual({ region: 'here-1', url: 'ws://here.example/notes', isNew: true })
    const { body: secure } = await where('notes', { isTls: true })
    expect(secure.url).toBe('wss://here.example/notes')
  })

  test.each([
    ['eu.example', 'eu-central-1', 'wss://eu.example/notes'],
    ['us.example:8443', 'us-east-1', 'wss://us.example:8443/ws/notes'],
  ])('asked as %s it speaks for %s', async (host, region, url) => {
    expect((await where('notes', { host })).body).toEqual({ region, url, isNew: true })
  })

  test('sends to the region that has it, whichever is asked', async () => {
    pins.set(`${TENANT_ID}::app::notes`, 'us-east-1')
    const there = { region: 'us-east-1', url: 'wss://us.example:8443/ws/notes', isNew: false }
    for (const host of ['here.example', 'eu.example', 'us.example:8443']) {
      expect((await where('notes', { host })).body).toEqual(there)
    }
    // Of another app the document of that name is another one.
    const { body } = await where('notes', { token: await tokenOf('sibling') })
    expect(body.isNew).toBe(true)
  })

  test('names no URL where nobody knows one', async () => {
    pins.set(`${TENANT_ID}::app::notes`, 'gone-1')
    expect((await where('notes')).body).toEqual({ region: 'gone-1', url: null, isNew: false })
  })

  test('takes names that are percent-encoded once', async () => {
    expect((await where('a%2Db')).body.url).toBe('ws://here.example/a-b')
  })

  test.each([
    ['no name', '/discovery', 'request_malformed'],
    ['an empty name', '/discovery?documentName=', 'document_name_invalid'],
    ['a slash', '/discovery?documentName=a/b', 'document_name_invalid'],
    ['a path', '/discovery?documentName=..%2F..', 'document_name_invalid'],
    ['256 characters', `/discovery?documentName=${'a'.repeat(256)}`, 'document_name_invalid'],
    ['encoded twice', '/discovery?documentName=a%252Db', 'document_name_invalid'],
  ])('refuses %s with 400', async (_name, path, error) => {
    const { status: code, body } = await ask(path)
    expect(code).toBe(400)
    expect(body).toMatchObject({ error, statusCode: 400 })
    expect(Object.keys(body)).toEqual(['error', 'message', 'statusCode'])
  })

  test('answers the 61st question of a minute from one address with 429', async () => {
    for (let count = 0; count < 60; count++) expect((await where('a')).status).toBe(200)
    const { status: code, headers } = await where('a')
    expect([code, headers.get('retry-after')]).toEqual([429, '60'])
    expect((await ask('/usage')).status).toBe(200)
  })
})

describe.each(['/usage', '/discovery?documentName=a'])('whoever asks %s', (path) => {
  test('without a token gets 401', async () => {
    const { status: code, headers, body } = await ask(path, { token: undefined })
    expect(code).toBe(401)
    expect(body).toMatchObject({ error: 'credential_missing', statusCode: 401 })
    expect(headers.get('www-authenticate')).toContain('Bearer')
  })

  test('with a token that is none, or one that has ended, gets 401', async () => {
    const [head, , signature] = token.split('.')
    const forged = Buffer.from(JSON.stringify({ iss: `${ISSUER_BASE}/${OTHER_TENANT_ID}` }))
    for (const each of ['x', `${head}.${forged.toString('base64url')}.${signature}`, '{}']) {
      const { status: code, body } = await ask(path, { token: each })
      expect([code, body.error]).toEqual([401, 'credential_invalid'])
    }
    world.time.ms += 900_000
    expect((await ask(path)).body).toMatchObject({ error: 'token_expired', statusCode: 401 })
  })

  test('with a token of a disabled app gets 403', async () => {
    setApp({ enabled: false })
    const { status: code, body } = await ask(path)
    expect([code, body.error]).toEqual([403, 'app_disabled'])
  })

  test('by another method gets 405 and is told which there are', async () => {
    const { status: code, headers, body } = await ask(path, { method: 'POST' })
    expect([code, body.error]).toEqual([405, 'method_unknown'])
    expect(headers.get('allow')).toBe('GET, HEAD, OPTIONS')
  })

  test('while the store is away gets 503 and a time to come back', async () => {
    failure = new Outage('store_unavailable', 'gone', { port: 'store' })
    const { status: code, headers, body } = await ask(path)
    expect([code, body.error, headers.get('retry-after')]).toEqual([503, 'unavailable', '37'])
  })

  test('meets a bug as 500, and reads nothing of it', async () => {
    failure = new TypeError('inside')
    const { status: code, body } = await ask(path)
    expect([code, body.error]).toEqual([500, 'internal'])
    expect(JSON.stringify(body)).not.toContain('inside')
  })

  test('on a page is answered so that the page can read it', async () => {
    const origin = 'https://app.example'
    const preflight = await ask(path, { method: 'OPTIONS', token: undefined, headers: { origin } })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin)
    expect(preflight.headers.get('access-control-allow-headers')).toBe('Authorization')
    for (const asked of [{}, { token: 'x' }]) {
      const { status: code, headers } = await ask(path, { ...asked, headers: { origin } })
      expect(code).toBe('token' in asked ? 401 : 200)
      expect(headers.get('access-control-allow-origin')).toBe(origin)
      expect(headers.get('access-control-allow-credentials')).toBeNull()
      expect(headers.get('vary')).toBe('Origin')
    }
  })

  test('on a page that may not use the token gets 403, and the denial is in the audit', async () => {
    const asked = async (origin: string) => (await ask(path, { headers: { origin } })).body.error
    expect(await asked('https://evil.example')).toBe('origin_refused')
    expect(denied).toMatchObject([{ action: 'auth.denied', reason: 'origin_refused' }])
    expect(await asked('https://app.example')).toBeUndefined()
    expect((await ask(path)).status).toBe(200)
  })

  test('leaves no token in logs, answers and the audit', async () => {
    failure = new Outage('store_unavailable', 'gone', { port: 'store' })
    const answers = [
      await ask(`${path}${path.includes('?') ? '&' : '?'}token=${token}`, { token: undefined }),
      await ask(path, { headers: { origin: 'null' } }),
      await ask(path, { token: `${token}x` }),
    ]
    const told = JSON.stringify([answers, logged, denied])
    expect(logged.length).toBeGreaterThan(0)
    for (const part of token.split('.')) expect(told).not.toContain(part)
  })
})

describe('/health', () => {
  test('says healthy with 200, to anybody', async () => {
    const { status: code, body, headers } = await ask('/health', { token: undefined })
    expect(code).toBe(200)
    expect(body).toEqual({ status: 'healthy', timestamp: new Date(world.time.ms).toISOString() })
    expect(headers.get('retry-after')).toBeNull()
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test.each(['degraded', 'overloaded'] as const)(
    'says %s with 503 and when to come back',
    async (each) => {
      status = each
      const { status: code, body, headers } = await ask('/health')
      expect([code, body.status, headers.get('retry-after')]).toEqual([503, each, '37'])
    },
  )

  test('answers 600 questions a minute of one address', async () => {
    await openWorld(['health.ip 3/1m'])
    for (let count = 0; count < 3; count++) expect((await ask('/health')).status).toBe(200)
    const { status: code, headers, body } = await ask('/health')
    expect([code, headers.get('retry-after')]).toEqual([429, '60'])
    expect(body.message).toContain('health.ip')
  })
})
