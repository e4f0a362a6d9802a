/** What a revocation of many connections promises on the wire, while messages are flowing. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { library } from '../support/clients.ts'
import { send } from '../support/http.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { dataOf, Wire } from '../support/wire.ts'

/** More than one slice of closes, and all that the app may have. */
const CLIENT_COUNT = 450
const APP = app('revoked', { connectionCountMax: CLIENT_COUNT })
const CHANNEL = 'private-flow'

let dataDir = ''
let server: LiveServer
before(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-revocation-'))
  server = await startServer({ apps: [APP], dataDir })
})
after(async () => {
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

async function administer(method: string, path: string, body?: unknown) {
  const key = readFileSync(join(dataDir, 'operator.key'), 'utf8').trim()
  const answer = await send(server.http, {
    method,
    target: `/admin/v1${path}`,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const parsed = JSON.parse(answer.body)
  assert.equal(answer.status, 200, answer.body)
  return parsed
}

async function joined(pair = APP): Promise<Wire[]> {
  const wires = await Promise.all(
    Array.from({ length: CLIENT_COUNT }, () => Wire.open(server, pair)),
  )
  await Promise.all(wires.map((wire) => wire.join(pair, CHANNEL)))
  return wires
}

/** Publishes 0, 1, 2 ... one after the other until it is stopped. */
function publishOn(pair = APP) {
  const backend = library(server, APP, pair)
  const state = { isOn: true, sentCount: 0 }
  const done = (async () => {
    while (state.isOn) await backend.trigger(CHANNEL, 'n', { n: state.sentCount++ })
  })()
  const stop = async () => {
    state.isOn = false
    await done
    return state.sentCount
  }
  return { stop, state, publishOne: (n: number) => backend.trigger(CHANNEL, 'n', { n }) }
}

/** Every message up to some one, the refusal, the close, nothing else. @returns how many. */
function checkStory(wire: Wire, code: number): number {
  const numbers = wire.all('n', CHANNEL).map((frame) => (dataOf(frame) as { n: number }).n)
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => (numbers[0] ?? 0) + index),
  )
  assert.equal(wire.frames.at(-1)?.event, 'pusher:error')
  assert.equal(wire.closed?.code, code)
  return numbers.length
}

async function checkAllClosed(wires: readonly Wire[], code: number): Promise<void> {
  await Promise.all(wires.map((wire) => wire.closure()))
  const counts = wires.map((wire) => checkStory(wire, code))
  assert.ok(Math.max(...counts) > 0, 'messages flowed while the connections were closed')
}

test('an app that is revoked gets nothing more, and its clients find their places free', async () => {
  const wires = await joined()
  const flow = publishOn()
  await until('messages flow', () => flow.state.sentCount > 3)
  const receipt = await administer('POST', '/revocations', {
    kind: 'app',
    appId: APP.id,
    reason: 'tested',
  })
  assert.equal(receipt.closedCount, CLIENT_COUNT)
  // All that the app may have at one time, while the old ones may still be leaving the hub.
  const again = await joined()
  const sentCount = await flow.stop()
  await flow.publishOne(sentCount)
  await checkAllClosed(wires, 4009)
  const isLast = (wire: Wire) =>
    wire.all('n').some((frame) => (dataOf(frame) as { n: number }).n === sentCount)
  await until('the last message reaches those who came back', () => again.every(isLast))
  assert.ok(!wires.some(isLast))
  await Promise.all(again.map((wire) => wire.close()))
})

test('a version that is revoked closes what it authorized, and members are gone', async () => {
  const { items } = await administer('GET', `/apps/${APP.id}/credentials`)
  const signing = items.find(({ kind }: { kind: string }) => kind === 'signing_secret')
  const path = `/credentials/${signing.id}`
  const wires = await joined()
  const present = wires.slice(0, CLIENT_COUNT / 2)
  const member = (index: number) => JSON.stringify({ user_id: String(index % 90) })
  await Promise.all(present.map((wire, index) => wire.join(APP, 'presence-room', member(index))))
  const rotated = await administer('POST', `${path}/rotate`, { overlapSeconds: 3_600 })
  const renewed = { ...APP, secret: String(rotated.value) }
  const flow = publishOn(renewed)
  await until('messages flow', () => flow.state.sentCount > 3)
  const versionId = signing.versions.at(-1).id
  const { receipt } = await administer('POST', `${path}/revoke`, { versionId, reason: 'tested' })
  assert.equal(receipt.closedCount, CLIENT_COUNT)
  const backend = library(server, APP, renewed)
  await until('the channels are empty', async () => {
    const answer = await backend.get({ path: '/channels' })
    const { channels } = (await answer.json()) as { channels: Record<string, unknown> }
    return Object.keys(channels).length === 0
  })
  await flow.stop()
  await checkAllClosed(wires, 4200)
})
