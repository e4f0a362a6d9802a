/** The master key of a running server, under load: no call is refused, and a crash is taken up. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseMasterKey } from '../../packages/server/src/credentials/master-key.ts'
import { Administration, ownerKey } from '../support/administration.ts'
import { library } from '../support/clients.ts'
import { send } from '../support/http.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const APP = app('sealed')
const ROTATION_COUNT = 4
/** More than one batch of the rotation. */
const CREDENTIAL_COUNT = 70
const WORKER_COUNT = 3
const KILL_COUNT = 4
const KILL_DELAY_MS_MAX = 40
/** The server looks soon after its start. */
const RESUME_MS = 40_000

interface Place {
  readonly dataDir: string
  readonly config: Readonly<Record<string, unknown>>
  server: LiveServer
  readonly admin: Administration
}

async function withServer(
  config: Readonly<Record<string, unknown>>,
  work: (place: Place) => Promise<void>,
): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'lockgate-master-'))
  const server = await startServer({ apps: [APP], dataDir, config })
  const place: Place = {
    dataDir,
    config,
    server,
    admin: new Administration(
      () => place.server,
      () => ownerKey(dataDir),
    ),
  }
  try {
    await work(place)
  } finally {
    await place.server.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function create({ admin }: Place, kind: string) {
  const parameters = { appId: APP.id }
  return admin.done('credentials.create', { parameters, body: { kind, name: kind } })
}

/** Sealed values, so that there is something to seal anew while calls come in. */
async function fill(place: Place): Promise<void> {
  for (let count = 0; count < CREDENTIAL_COUNT; count++) await create(place, 'webhook_secret')
}

/** Publishes by API key and by signature until it is told to end. @returns every status. */
function load(place: Place, token: string) {
  const running = { isOver: false }
  const statuses: number[] = []
  const byKey = async () => {
    while (!running.isOver) {
      const answer = await send(place.server.http, {
        method: 'POST',
        target: `/apps/${APP.id}/events`,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'e', channel: 'news', data: 'd' }),
      })
      statuses.push(answer.status)
    }
  }
  const signed = async () => {
    const pusher = library(place.server, APP)
    while (!running.isOver) statuses.push((await pusher.trigger('news', 'e', {})).status)
  }
  const workers = Array.from({ length: WORKER_COUNT }, () => [byKey(), signed()]).flat()
  return {
    async end(): Promise<readonly number[]> {
      running.isOver = true
      await Promise.all(workers)
      return statuses
    },
  }
}

async function rotateUnderLoad(place: Place, beforeEach: (next: number) => void): Promise<void> {
  await fill(place)
  const { value } = await create(place, 'api_key')
  const calls = load(place, String(value))
  for (let next = 2; next <= ROTATION_COUNT + 1; next++) {
    beforeEach(next)
    const { currentVersion, outdatedCount } = await place.admin.done('master-key.rotate')
    assert.deepEqual([currentVersion, outdatedCount], [next, 0])
  }
  const statuses = await calls.end()
  assert.ok(statuses.length > ROTATION_COUNT, `${statuses.length} calls`)
  assert.deepEqual([...new Set(statuses)], [200])
  // What was sealed anew opens at the next start, under the key as it is now.
  await place.server.killHard()
  place.server = await startServer({ apps: [APP], dataDir: place.dataDir, config: place.config })
  assert.equal((await library(place.server, APP).trigger('news', 'e', {})).status, 200)
}

test('a key in a file rotates under load, again and again', () =>
  withServer({}, (place) => rotateUnderLoad(place, () => {})))

test('a key of a command rotates under load, once its next version is there', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-command-'))
  const path = join(home, 'key')
  const line = (version: number) => `${version} ${randomBytes(32).toString('base64')}\n`
  writeFileSync(path, `lockgate-master-key 1\n${line(1)}`, { mode: 0o600 })
  assert.ok(parseMasterKey(readFileSync(path, 'utf8')).ok)
  await withServer({ masterKeyCommand: ['cat', path] }, async (place) => {
    // Nothing newer is there yet: that is said, and nothing changes.
    const refused = await place.admin.refused('master-key.rotate')
    assert.deepEqual(refused, [400, 'input_invalid'])
    await rotateUnderLoad(place, (next) => appendFileSync(path, line(next)))
  })
  rmSync(home, { recursive: true })
})

test('a rotation that a crash cut short is taken up by the next start', () =>
  withServer({}, async (place) => {
    await fill(place)
    const { value } = await create(place, 'api_key')
    for (let round = 0; round < KILL_COUNT; round++) {
      const rotating = Promise.allSettled([place.admin.call('master-key.rotate')])
      await pause((round / KILL_COUNT) * KILL_DELAY_MS_MAX) // picks where the kill lands
      await place.server.killHard()
      await rotating
      place.server = await startServer({ apps: [APP], dataDir: place.dataDir })
      assert.equal((await library(place.server, APP).trigger('news', 'e', {})).status, 200)
      const statuses = await load(place, String(value)).end()
      assert.deepEqual([...new Set(statuses)], [200])
    }
    await until(
      'everything is under the newest version',
      async () => (await place.admin.done('master-key.status')).outdatedCount === 0,
      RESUME_MS,
    )
  }))
