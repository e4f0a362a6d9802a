/** Which calls of the HTTP API are believed. */
import assert from 'node:assert/strict'
import { type Answer, call, get, post, send } from '../support/http.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { callParams, callSignature, type HttpCall, md5, signedQuery } from '../support/signing.ts'
import { test } from '../support/test.ts'
import { Wire } from '../support/wire.ts'

const APP = app('signed')
const REPLAY = app('replay', { rejectReplays: true })
const DISABLED = app('disabled', { enabled: false })
const WINDOW_S = 600

const it = serving({ apps: [APP, REPLAY, DISABLED] })

const PATH = `/apps/${APP.id}/events`
const BODY = JSON.stringify({ name: 'e', data: 'x', channel: 'signed' })
const CALL: HttpCall = { method: 'POST', path: PATH, body: BODY }

/** Sends the event with a query made by the test itself. */
function sendQuery(query: string, overrides: Partial<HttpCall> = {}): Promise<Answer> {
  const { method, path, body } = { ...CALL, ...overrides }
  return send(it.server.http, { method, target: `${path}?${query}`, body })
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}

/** A query with these parameters, signed over exactly them. */
function queryOf(params: Readonly<Record<string, string>>): string {
  const all = { ...params, auth_signature: callSignature(APP.secret, CALL, params) }
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

test('a timestamp up to ten minutes off is accepted, one further off is not', async () => {
  for (const offset of [-WINDOW_S + 30, 0, WINDOW_S - 30]) {
    const timestamp = nowSeconds() + offset
    assert.equal((await call(it.server, APP, { ...CALL, timestamp })).status, 200, `${offset} s`)
  }
  for (const offset of [-WINDOW_S - 30, WINDOW_S + 30, -1e6, 1e9]) {
    const timestamp = nowSeconds() + offset
    assert.equal((await call(it.server, APP, { ...CALL, timestamp })).status, 401, `${offset} s`)
  }
  for (const text of ['', 'now', '1e9', '0x10', '-1', `${nowSeconds()}.5`, `${nowSeconds()}000`]) {
    const params = { ...callParams(APP, CALL), auth_timestamp: text }
    assert.equal((await sendQuery(queryOf(params))).status, 401, `timestamp "${text}"`)
  }
})

test('the body must be the one the digest names, and a body needs a digest', async () => {
  const params = callParams(APP, CALL)
  const wrong = queryOf({ ...params, body_md5: md5('another body') })
  assert.equal((await sendQuery(wrong)).status, 401)
  const good = signedQuery(APP, CALL)
  const altered = BODY.replace('"x"', '"y"')
  assert.equal((await sendQuery(good, { body: altered })).status, 401)
  const { body_md5: digest, ...without } = params
  assert.ok(digest)
  assert.equal((await sendQuery(queryOf(without))).status, 401)
})

test('a parameter given twice or as an array is refused, whichever of them was signed', async () => {
  const good = signedQuery(APP, CALL)
  for (const extra of [`auth_key=${APP.key}`, 'AUTH_KEY=other', 'info=a&info=b', 'a[]=1&a[]=2']) {
    assert.ok([400, 401].includes((await sendQuery(`${good}&${extra}`)).status), extra)
  }
  const doubled = { ...callParams(APP, CALL), info: 'a', INFO: 'b' }
  assert.ok([400, 401].includes((await sendQuery(queryOf(doubled))).status))
  const array = { ...callParams(APP, CALL), 'a[]': '1' }
  assert.ok([400, 401].includes((await sendQuery(queryOf(array))).status))
})

test('nothing may be missing, damaged, added or moved', async () => {
  const good = signedQuery(APP, CALL)
  const signature = /auth_signature=([0-9a-f]{64})/.exec(good)?.[1] ?? ''
  const flipped = (signature.startsWith('0') ? '1' : '0') + signature.slice(1)
  const queries = [
    '',
    'auth_key',
    '&&&===',
    '%',
    '%zz=%zz',
    good.replace(signature, ''),
    good.replace(signature, signature.slice(1)),
    good.replace(signature, flipped),
    good.replace(signature, `${signature}00`),
    good.replace(signature, signature.toUpperCase()),
    good.replace(/&auth_signature=.*/, ''),
    good.replace(/auth_version=1\.0&/, ''),
    `${good}&info=subscription_count`,
    queryOf({ ...callParams(APP, CALL), auth_version: '2.0' }),
    `${'a=1&'.repeat(2000)}${good}`,
  ]
  for (const query of queries) {
    const { status } = await sendQuery(query)
    assert.ok([400, 401, 414, 431].includes(status), `${status} for ${query.slice(0, 100)}`)
  }
  assert.equal((await sendQuery(good, { path: `${PATH}/` })).status >= 400, true)
  const moved = await sendQuery(good, { path: `/apps/${APP.id}/batch_events` })
  assert.equal(moved.status, 401)
  const method = await send(it.server.http, { method: 'GET', target: `${PATH}?${good}` })
  assert.ok([401, 404, 405].includes(method.status))
  assert.equal((await sendQuery(good)).status, 200, 'the same query unharmed')
})

test('parameters may be escaped or not, in any order and letter case', async () => {
  const params = { ...callParams(APP, CALL), info: 'subscription_count,user_count' }
  const presence = JSON.stringify({ name: 'e', data: 'x', channel: 'presence-escaped' })
  const signing = { ...params, body_md5: md5(presence) }
  const signature = callSignature(APP.secret, CALL, signing)
  const entries = Object.entries({ ...signing, auth_signature: signature })
  const spellings = [
    entries.map(([name, value]) => `${name}=${value}`),
    entries.map(([name, value]) => `${name}=${encodeURIComponent(value)}`),
    entries.map(([name, value]) => `${name}=${value}`).reverse(),
    entries.map(([name, value]) => `${name.replace('info', 'INFO')}=${value}`),
  ]
  for (const spelling of spellings) {
    const answer = await sendQuery(spelling.join('&'), { body: presence })
    assert.equal(answer.status, 200, answer.body)
  }
})

test('unknown key, unknown app, wrong signature and stale time are answered alike', async () => {
  const stranger = { key: 'no-such-key', secret: APP.secret }
  const liar = { key: APP.key, secret: 'wrong' }
  const nowhere = '/apps/no-such-app/events'
  const answers = [
    await call(it.server, stranger, CALL),
    await call(it.server, APP, { ...CALL, path: nowhere }),
    await call(it.server, liar, CALL),
    await call(it.server, APP, { ...CALL, timestamp: nowSeconds() - 3600 }),
    await call(it.server, stranger, { ...CALL, path: nowhere }),
    await call(it.server, APP, { ...CALL, path: `/apps/${REPLAY.id}/events` }),
    await call(it.server, { ...DISABLED, secret: 'wrong' }, CALL),
  ]
  // The path they named themselves may be repeated to them; nothing else may differ.
  const shapes: unknown[] = answers.map(({ status, headers, body }) => {
    const { date: _date, ...rest } = headers
    return JSON.parse(JSON.stringify({ status, rest, body }).replaceAll(/\/apps\/[\w/-]+/g, 'P'))
  })
  assert.equal(answers[0]?.status, 401)
  for (const shape of shapes) assert.deepEqual(shape, shapes[0])
})

test('the answer to a refused call holds no secret and no expected signature', async () => {
  const answer = await call(it.server, { key: APP.key, secret: 'wrong' }, CALL)
  const params = callParams(APP, CALL)
  for (const secret of [APP.secret, callSignature(APP.secret, CALL, params)]) {
    assert.ok(!answer.body.includes(secret))
    assert.ok(!it.server.stderr.includes(secret))
  }
})

test('a disabled app answers 403 to who knows its secret and 401 to who does not', async () => {
  const path = `/apps/${DISABLED.id}/events`
  assert.equal((await call(it.server, DISABLED, { ...CALL, path })).status, 403)
  assert.equal((await get(it.server, DISABLED, ['/channels'])).status, 403)
  const guess = { key: DISABLED.key, secret: 'wrong' }
  assert.equal((await call(it.server, guess, { ...CALL, path })).status, 401)
})

test('with rejectReplays a captured call works once, without it as before', async () => {
  const wire = await Wire.open(it.server, REPLAY)
  await wire.join(REPLAY, 'signed')
  const path = `/apps/${REPLAY.id}/events`
  const target = `${path}?${signedQuery(REPLAY, { ...CALL, path })}`
  const again = { method: 'POST', target, body: BODY }
  const results = await Promise.all([1, 2, 3].map(() => send(it.server.http, again)))
  const statuses = results.map(({ status }) => status).sort((a, b) => a - b)
  assert.equal(statuses[0], 200)
  assert.ok(
    statuses.slice(1).every((status) => [401, 409].includes(status)),
    String(statuses),
  )
  await wire.next('e')
  await wire.fence()
  assert.equal(wire.all('e').length, 1)
  const reading = `/apps/${REPLAY.id}/channels`
  const query = signedQuery(REPLAY, { method: 'GET', path: reading })
  for (let round = 0; round < 2; round++) {
    const read = await send(it.server.http, { method: 'GET', target: `${reading}?${query}` })
    assert.equal(read.status, 200, 'reading twice is no replay')
  }
  await wire.close()
  const plain = signedQuery(APP, CALL)
  assert.equal((await sendQuery(plain)).status, 200)
  assert.equal((await sendQuery(plain)).status, 200)
})

test('a user id is signed as it stands in the path and decoded only afterwards', async () => {
  for (const [raw, id] of [
    ['a@b,c;d=e', 'a@b,c;d=e'],
    ['a%40b%2Cc', 'a@b,c'],
  ] as const) {
    const wire = await Wire.open(it.server, APP)
    await wire.signin(APP, { id })
    const answer = await post(it.server, APP, [`/users/${raw}/terminate_connections`, {}])
    assert.equal(answer.status, 200, answer.body)
    assert.equal((await wire.closure()).code, 4009)
  }
})
