/** Which pages may read the answers of an app: those of the origins it lists, and no others. */
import assert from 'node:assert/strict'
import { type RawAnswer, rawAnswer, rawRequest } from '../support/raw-answer.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'

const PAGE = 'https://app.example.com'
const EVIL = 'https://evil.example'
const LISTED = app('listed', { allowedOrigins: [PAGE, 'https://*.example.org'] })
const ANY = app('any')
const OPEN = app('open', { dangerousAnyOrigin: true })
const PUBLIC = app('public', { type: 'public', clientId: 'page-client', allowedOrigins: [PAGE] })
const CONFIDENTIAL = app('server', {
  clientId: 'server-client',
  clientSecret: 'a-secret-of-the-server-0123456789',
  allowedOrigins: [PAGE],
})

const it = serving({ apps: [LISTED, ANY, OPEN, PUBLIC, CONFIDENTIAL] })

function header({ headers }: RawAnswer, wanted: string): string | undefined {
  const found = headers.filter(([name]) => name.toLowerCase() === wanted)
  assert.ok(found.length < 2, `${wanted} twice`)
  return found[0]?.[1]
}

const allowed = (answer: RawAnswer) => header(answer, 'access-control-allow-origin')

function ask(line: string, headers: Readonly<Record<string, string>>, body = '') {
  return rawAnswer(it.server.http, rawRequest(line, headers, body))
}

function preflight(path: string, origin: string): Promise<RawAnswer> {
  const asked = { 'Access-Control-Request-Method': 'POST', Origin: origin }
  const wanted = { 'Access-Control-Request-Headers': 'authorization, content-type, x-other' }
  return ask(`OPTIONS ${path}`, { ...asked, ...wanted })
}

/** Nothing says that credentials may come along, or that any origin will do. */
function requireNoCredentials(answer: RawAnswer): void {
  assert.equal(header(answer, 'access-control-allow-credentials'), undefined)
  assert.notEqual(allowed(answer), '*')
}

test('a preflight is answered for exactly the origins an app lists', async () => {
  for (const origin of [PAGE, 'https://a.example.org']) {
    const answer = await preflight('/apps/listed/events', origin)
    assert.equal(answer.status, 204)
    assert.equal(allowed(answer), origin)
    assert.equal(header(answer, 'vary'), 'Origin')
    assert.equal(header(answer, 'access-control-allow-headers'), 'Authorization, Content-Type')
    assert.equal(header(answer, 'access-control-allow-methods'), 'GET, POST')
    assert.ok(Number(header(answer, 'access-control-max-age')) <= 300)
    requireNoCredentials(answer)
  }
})

test('no origin that is not listed is ever reflected', async () => {
  const others = [EVIL, 'null', `${PAGE}.evil.example`, `${PAGE}:444`, 'https://example.org', '*']
  for (const origin of others) {
    for (const id of ['listed', 'any', 'open', 'nobody']) {
      const asked = await preflight(`/apps/${id}/events`, origin)
      assert.deepEqual([asked.status, allowed(asked)], [403, undefined], `${id} ${origin}`)
      assert.equal(header(asked, 'vary'), 'Origin')
      const sent = await ask(`GET /apps/${id}/channels`, { Origin: origin })
      assert.deepEqual([sent.status, allowed(sent)], [401, undefined], `${id} ${origin}`)
      assert.equal(header(sent, 'vary'), 'Origin')
    }
  }
})

test('an app without a list lets no page read its answers, whoever may connect', async () => {
  for (const id of ['any', 'open', 'nobody']) {
    assert.equal((await preflight(`/apps/${id}/events`, PAGE)).status, 403)
    assert.equal(allowed(await ask(`GET /apps/${id}/channels`, { Origin: PAGE })), undefined)
  }
})

test('a page of a listed origin reads refusals too, and when to try again', async () => {
  for (const line of ['GET /apps/listed/channels', 'DELETE /apps/listed/events']) {
    const answer = await ask(line, { Origin: PAGE })
    assert.ok(answer.status >= 400)
    assert.equal(allowed(answer), PAGE)
    assert.match(header(answer, 'access-control-expose-headers') ?? '', /Retry-After/)
    requireNoCredentials(answer)
  }
})

test('pages of a public app read what the token endpoint says to it', async () => {
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const grant = (clientId: string) =>
    `grant_type=refresh_token&refresh_token=x&client_id=${clientId}`
  const toPage = await ask('POST /connect/token', { ...form, Origin: PAGE }, grant('page-client'))
  assert.deepEqual([toPage.status, allowed(toPage)], [401, PAGE])
  requireNoCredentials(toPage)
  for (const [origin, clientId] of [
    [EVIL, 'page-client'],
    ['null', 'page-client'],
    [PAGE, 'server-client'],
    [PAGE, 'nobody'],
  ] as const) {
    const answer = await ask('POST /connect/token', { ...form, Origin: origin }, grant(clientId))
    assert.deepEqual([answer.status, allowed(answer)], [401, undefined], `${origin} ${clientId}`)
  }
  const ended = await ask(
    'POST /oauth/revoke',
    { ...form, Origin: PAGE },
    'token=x&client_id=page-client',
  )
  assert.equal(allowed(ended), PAGE)
})

test('the token endpoint answers no preflight: a form needs none', async () => {
  const answer = await preflight('/connect/token', PAGE)
  assert.deepEqual([answer.status, allowed(answer)], [405, undefined])
})

test('the administration and the page are read by no other site', async () => {
  for (const line of ['OPTIONS /admin/v1/tenants', 'GET /admin/v1/openapi.json', 'GET /']) {
    const asked = { 'Access-Control-Request-Method': 'GET', Origin: PAGE }
    assert.equal(allowed(await ask(line, asked)), undefined, line)
  }
})

test('key sets and metadata, which hold nothing private, are for every page', async () => {
  const tenant = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
  for (const path of [
    `/${tenant}/.well-known/jwks`,
    `/.well-known/oauth-authorization-server/${tenant}`,
  ]) {
    const answer = await ask(`GET ${path}`, { Origin: EVIL })
    assert.deepEqual([answer.status, allowed(answer)], [200, '*'], path)
    assert.equal(header(answer, 'access-control-allow-credentials'), undefined)
  }
})
