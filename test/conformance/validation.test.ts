/** What a body may be, on every route that takes one: refused with one code, and never half done. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { ownerKey } from '../support/administration.ts'
import { type RawAnswer, rawAnswer, rawRequest } from '../support/raw-answer.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { signedQuery } from '../support/signing.ts'
import { test } from '../support/test.ts'

const APP = app('valid')
const home = mkdtempSync(join(tmpdir(), 'lockgate-validation-'))
after(() => rmSync(home, { recursive: true, force: true }))
const it = serving({ apps: [APP], dataDir: join(home, 'data') })
const PATH = `/apps/${APP.id}/events`
const EVENT = { name: 'e', data: 'x', channel: 'valid' }

/** latin1, so that bytes are what they are. */
function publish(body: string, type = 'application/json'): Promise<RawAnswer> {
  const bytes = Buffer.from(body, 'latin1')
  const query = signedQuery(APP, { method: 'POST', path: PATH, body: bytes })
  const headers: Record<string, string> = type === '' ? {} : { 'Content-Type': type }
  return rawAnswer(it.server.http, rawRequest(`POST ${PATH}?${query}`, headers, body))
}

function administer(body: string, type = 'application/json'): Promise<RawAnswer> {
  const headers = {
    Authorization: `Bearer ${ownerKey(join(home, 'data'))}`,
    'Content-Type': type,
  }
  return rawAnswer(it.server.http, rawRequest('POST /admin/v1/tenants', headers, body))
}

function askToken(body: string, type: string): Promise<RawAnswer> {
  const headers = { 'Content-Type': type }
  return rawAnswer(it.server.http, rawRequest('POST /connect/token', headers, body))
}

const BROKEN = [
  ['no JSON', '{'],
  ['a list', '[]'],
  ['a name twice', '{"name":"e","name":"f","data":"x","channel":"valid"}'],
  ['a name twice, spelled otherwise', '{"name":"e","n\\u0061me":"f"}'],
  ['a name twice, deep inside', '{"name":"e","x":{"a":1,"a":2}}'],
  ['bytes that are no UTF-8', '{"name":"\xff"}'],
  ['an overlong encoding', '{"name":"\xc0\xaf"}'],
  ['half a surrogate pair', '{"name":"\xed\xa0\x80"}'],
  ['too many levels', `{"x":${'['.repeat(40)}${']'.repeat(40)}}`],
  ['too many names', `{${Array.from({ length: 1_001 }, (_, index) => `"n${index}":1`).join()}}`],
  ['more after the end', '{}{}'],
] as const

test('a body that is not one sound JSON object gets 400 on every route that takes JSON', async () => {
  for (const [what, body] of BROKEN) {
    for (const answer of [
      await publish(body),
      await administer(body),
      await askToken(body, 'application/json'),
    ]) {
      assert.equal(answer.status, 400, `${what}: ${answer.text}`)
    }
  }
})

const WRONG_TYPES = [
  'text/plain',
  'text/plain; application/json',
  'multipart/form-data; boundary=x',
  'application/xml',
  'application/json, text/plain',
  'application/json; charset=utf-16',
]

test('a body of another content type gets 415 on every route, before it is read', async () => {
  const body = JSON.stringify(EVENT)
  for (const type of [...WRONG_TYPES, 'application/x-www-form-urlencoded']) {
    assert.equal((await publish(body, type)).status, 415, type)
    assert.equal((await administer(body, type)).status, 415, type)
  }
  for (const type of WRONG_TYPES) assert.equal((await askToken('a=b', type)).status, 415, type)
})

test('the content types that clients send are taken', async () => {
  const body = JSON.stringify(EVENT)
  const types = [
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON',
    '', // none at all
  ]
  for (const type of types) assert.equal((await publish(body, type)).status, 200, type)
  const form = 'application/x-www-form-urlencoded'
  for (const type of [form, `${form}; charset=UTF-8`]) {
    assert.equal((await askToken('grant_type=x&client_id=y', type)).status, 400, type)
  }
})

test('every refusal of the HTTP API has the same shape: error, code, status', async () => {
  const answers = [
    ...(await Promise.all(BROKEN.map(([, body]) => publish(body)))),
    await publish('{}', 'text/plain'),
    await rawAnswer(it.server.http, rawRequest(`GET /apps/${APP.id}/channels`)),
    await rawAnswer(it.server.http, rawRequest('GET /nothing')),
    await rawAnswer(it.server.http, rawRequest(`DELETE ${PATH}`)),
  ]
  for (const { status, text } of answers) {
    const body = JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as Record<string, unknown>
    assert.deepEqual(Object.keys(body), ['error', 'code', 'status'])
    assert.equal(body['status'], status)
  }
})
