/**
 * Rotation without downtime for wSocket clients (contract wSocket 11 and 12.5): until the grace is
 * over the old and the new key, or secret, let in; then the old one is refused and its live
 * connections end, and nobody else notices.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { Administration, ownerKey } from '../support/administration.ts'
import { macToken } from '../support/foreign-world.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { FamilyA, FamilyB, refusedUpgrade, type WireFrame } from '../support/wsocket-clients.ts'

const APP = app('rotating')
/** Long enough for four clients to come in meanwhile, on a busy machine too. */
const GRACE_SECONDS = 4
/** What the end of a grace may take beyond it, and some. */
const GRACE_OVER_MS = 30_000

let server: LiveServer
const dataDir = mkdtempSync(join(tmpdir(), 'lockgate-wsocket-rotation-'))
const admin = new Administration(
  () => server,
  () => ownerKey(dataDir),
)
before(async () => {
  server = await startServer({ apps: [APP], dataDir })
})
after(async () => {
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

const base = () => server.http.replace('http', 'ws')
const keyUrl = (value: string) => `${base()}/?key=${value}`

function tokenUrl(secret: string): string {
  const iat = Math.floor(Date.now() / 1_000) - 5
  const claims = { app: APP.id, sub: 'ann', iat, exp: iat + 600, channels: ['**'] }
  return `${base()}/?token=${macToken(secret, claims)}`
}

for (const [kind, urlOf] of [
  ['api_key', keyUrl],
  ['jwt_secret', tokenUrl],
] as const) {
  test(`a rotated ${kind} lets in under both values until the grace is over, then under one`, async () => {
    const body = { kind, name: kind, ...(kind === 'api_key' ? { prefix: 'sk' } : {}) }
    const made = await admin.done('credentials.create', { parameters: { appId: APP.id }, body })
    const first = String(made.value)
    const parameters = { credentialId: made.credential.id }
    const early = new FamilyA(urlOf(first))
    await early.connect()
    await early.subscribe('room')
    const rotation = { parameters, body: { overlapSeconds: GRACE_SECONDS } }
    const { value } = await admin.done('credentials.rotate', rotation)
    const second = String(value)
    assert.notEqual(second, first)
    const [old, fresh] = [new FamilyB(urlOf(first)), new FamilyB(urlOf(second))]
    for (const client of [old, fresh]) {
      await client.connect()
      await client.subscribe('room')
    }
    await old.publish('room', `${kind}-1`, {})
    for (const client of [early, old, fresh]) {
      await until('everybody has it', () => client.ids.includes(`${kind}-1`))
    }
    assert.equal(early.closed, undefined)
    for (const client of [early, old]) {
      await until('the end of the grace', () => client.closed !== undefined, GRACE_OVER_MS)
      assert.equal(client.closed, 4401)
      const told: WireFrame = client.frames.at(-1) ?? {}
      assert.equal(told['action'], 'error')
      assert.equal(typeof told['error'], 'string')
    }
    const refused = await refusedUpgrade(urlOf(first))
    assert.equal(refused.status, 401)
    await fresh.publish('room', `${kind}-2`, {})
    assert.equal(fresh.closed, undefined)
    const late = new FamilyA(urlOf(second))
    await late.connect()
    await Promise.all([late.disconnect(), fresh.disconnect()])
  })
}
