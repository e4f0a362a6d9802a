/** Cache channels keep their last event over the life of the process, until its own life is over. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { publish } from '../support/http.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { Wire } from '../support/wire.ts'

const APP = app('kept')
const BRIEF_MS = 1_000
const BRIEF = app('brief', { cacheTtlMs: BRIEF_MS })

const home = mkdtempSync(join(tmpdir(), 'lockgate-cache-'))
after(() => rmSync(home, { recursive: true, force: true }))

const start = () => startServer({ apps: [APP, BRIEF], dataDir: join(home, 'data') })

/** @returns the data of the event a new subscriber is replayed; undefined where it missed. */
async function replayed(server: LiveServer, of: typeof APP): Promise<unknown> {
  const wire = await Wire.open(server, of)
  await wire.join(of, 'cache-news')
  await wire.fence()
  const [last] = wire.all('last')
  assert.equal(wire.all('pusher:cache_miss').length, last === undefined ? 1 : 0)
  await wire.close()
  return last?.data
}

test('what was answered is replayed after a crash, the newest of each channel', async () => {
  let server = await start()
  for (const data of ['"1"', '"2"']) {
    await publish(server, APP, { channel: 'cache-news', name: 'last', data })
  }
  await publish(server, BRIEF, { channel: 'cache-news', name: 'last', data: '"3"' })
  await server.killHard()
  await pause(BRIEF_MS)
  server = await start()
  assert.equal(await replayed(server, APP), '"2"')
  assert.equal(await replayed(server, BRIEF), undefined)
  await server.stop()
})
