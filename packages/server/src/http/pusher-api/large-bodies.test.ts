import { expect, test } from 'bun:test'
import { createHash, createHmac, createSecretKey } from 'node:crypto'
import { KEY, pusherWorld, SECRET } from '../../../../../test/support/pusher-world.ts'
import { createPasswordHash } from '../../adapters/system/password-hash.ts'
import { Bearers } from '../../credentials/bearers.ts'
import { SecretCheck } from '../../credentials/secret-check.ts'
import { STRANGER_BODY_BYTES_MAX } from '../body.ts'
import { ReplayMemory } from './replay-memory.ts'
import { handlePusherApi } from './router.ts'

const PATH = '/apps/app/events'
const BODY = JSON.stringify({ name: 'e', channel: 'c', data: '1' })

/** A server, and a client whose body comes when somebody asks for it. */
function world() {
  const { directory, clock, hub, tally, guard, limitBook, loaded } = pusherWorld({
    rejectReplays: true,
  })
  const records = { recordUse: () => {}, recordDenial: () => {} }
  const passwordHash = createPasswordHash({ cost: 4 })
  const check = new SecretCheck({ fingerprintKey: createSecretKey(Buffer.alloc(32)), passwordHash })
  const deps = {
    ...records,
    hub,
    tally,
    directory,
    clock,
    guard,
    limitBook,
    bearers: new Bearers({ apps: directory, check, clock, ...records, doors: [] }),
    replays: new ReplayMemory(600_000),
    authTimestampWindowMs: 600_000,
    settle: () => undefined,
    source: () => ({ ip: '192.0.2.1', agent: 'test' }),
  }
  const asked = { count: 0, before: () => {} }
  const send = async (query: string, headers: Readonly<Record<string, string>> = {}) => {
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      asked.count++
      asked.before()
      controller.enqueue(new TextEncoder().encode(BODY))
      controller.close()
    }
    const body = new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 })
    const url = `http://lockgate.test${PATH}?${query}`
    const request = new Request(url, { method: 'POST', body, headers })
    const answer = await handlePusherApi(request, { path: PATH, fullPath: PATH, query }, deps)
    return answer?.status
  }
  return { asked, send, loaded, directory, nowMs: clock.nowMs() }
}

function signedQuery(nowMs: number, secret = SECRET): string {
  const digest = createHash('md5').update(BODY).digest('hex')
  const time = `auth_timestamp=${Math.floor(nowMs / 1000)}`
  const query = `auth_key=${KEY}&${time}&auth_version=1.0&body_md5=${digest}`
  const text = `POST\n${PATH}\n${query}`
  return `${query}&auth_signature=${createHmac('sha256', secret).update(text).digest('hex')}`
}

test('of a stranger no byte is asked for that is not announced to be few', async () => {
  const { send, asked, nowMs } = world()
  const long = { 'content-length': String(STRANGER_BODY_BYTES_MAX + 1) }
  for (const query of ['', signedQuery(nowMs, 'wrong'), signedQuery(nowMs - 1e9)]) {
    expect(await send(query)).toBe(401)
    expect(await send(query, long)).toBe(401)
  }
  expect(await send('', { authorization: 'Bearer sk_nobody' })).toBe(401)
  expect(asked.count).toBe(0)
})

test('who is known is read, once, and a signature counts as used once', async () => {
  const { send, asked, nowMs } = world()
  expect(await send(signedQuery(nowMs))).toBe(200)
  expect(asked.count).toBe(1)
  expect(await send(signedQuery(nowMs))).toBe(401)
})

test('what ends while the body comes has ended', async () => {
  const { send, asked, nowMs, loaded, directory } = world()
  asked.before = () => directory.put({ ...loaded, credentials: [] })
  expect(await send(signedQuery(nowMs))).toBe(401)
  expect(asked.count).toBe(1)
})
