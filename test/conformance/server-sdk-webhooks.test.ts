/** The programs of examples/webhooks, as a reader would run them, fed by the senders' own libraries. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { freePort } from '../support/free-port.ts'
import { addPackage, packedSdk } from '../support/packed-sdk.ts'
import { repositoryRoot } from '../support/server.ts'
import {
  publicTextOf,
  pusherWebhook,
  type SentWebhook,
  standardWebhook,
} from '../support/signed-webhooks.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const ROOT = repositoryRoot()
const BUN = join(ROOT, 'node_modules/bun/bin/bun.exe')
const OLD_SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
const NEW_SECRET = `whsec_${Buffer.alloc(32, 2).toString('base64')}`
const PAIR = generateKeyPairSync('ed25519').privateKey
const TOKEN = { key: 'app-key', secret: 'hush-hush-secret' }
const KEYS = [OLD_SECRET, NEW_SECRET, publicTextOf(PAIR), `${TOKEN.key}:${TOKEN.secret}`].join(',')

/** Every program, and what it runs on. */
const PROGRAMS = [
  ['express.mjs', process.execPath],
  ['express.mjs', BUN],
  ['hono.mjs', process.execPath],
  ['hono.mjs', BUN],
  ['node.mjs', process.execPath],
  ['fetch.mjs', BUN],
] as const
/** These answer a delivery that came already as handled, and do not handle it again. */
const READY_RECEIVERS: readonly string[] = ['node.mjs', 'fetch.mjs']

const home = mkdtempSync(join(tmpdir(), 'lockgate-sdk-webhooks-'))
const running: ChildProcess[] = []

before(() => {
  packedSdk(home)
  for (const name of ['express', 'hono', '@hono/node-server']) addPackage(home, name)
  cpSync(join(ROOT, 'examples/webhooks'), home, { recursive: true })
})
after(() => {
  for (const child of running) child.kill('SIGKILL')
  rmSync(home, { recursive: true, force: true })
})

interface Receiver {
  readonly post: (sent: SentWebhook) => Promise<number>
  /** Names of the events it printed. */
  readonly events: () => string[]
  readonly output: () => string
}

async function start(program: string, runtime: string): Promise<Receiver> {
  const port = await freePort()
  const env = { ...process.env, PORT: String(port), WEBHOOK_KEYS: KEYS }
  const child = spawn(runtime, [join(home, program)], { cwd: home, env })
  running.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => (output += part))
  }
  const url = `http://127.0.0.1:${port}/webhooks`
  await until(`${program} answers`, async () => {
    assert.equal(child.exitCode, null, output)
    return fetch(url).then(
      () => true,
      (error: Error) => {
        assert.match(JSON.stringify(error.cause), /ECONNREFUSED/) // it is not there yet
        return false
      },
    )
  })
  const post = async ({ rawBody, headers }: SentWebhook) => {
    const answer = await fetch(url, { method: 'POST', body: rawBody, headers })
    await answer.arrayBuffer()
    return answer.status
  }
  const events = () => Array.from(output.matchAll(/^event (\S+)$/gm), ([, name = '']) => name)
  return { post, events, output: () => output }
}

let count = 0
/** A delivery that no test used before. */
function standard(keys: readonly (string | typeof PAIR)[], atMs = Date.now()): SentWebhook {
  count += 1
  const data = { channel: 'private-ä' }
  const body = JSON.stringify({ type: `e.${count}`, timestamp: new Date(atMs).toISOString(), data })
  return standardWebhook({ id: `msg_${count}`, atMs, body, keys })
}

function typeOf({ rawBody }: SentWebhook): string {
  return (JSON.parse(rawBody) as { type: string }).type
}

for (const [program, runtime] of PROGRAMS) {
  const name = `${program} on ${runtime === BUN ? 'Bun' : 'Node'}`

  test(`${name} takes genuine deliveries, before, during and after a rotation`, async () => {
    const { post, events } = await start(program, runtime)
    const genuine = [[OLD_SECRET], [NEW_SECRET, OLD_SECRET], [NEW_SECRET], [PAIR]].map((keys) =>
      standard(keys),
    )
    for (const sent of genuine) {
      assert.equal(await post(sent), 204)
      // Both libraries agree that it is genuine.
      if (sent.headers['webhook-signature']?.includes('v1,') !== true) continue
      const isOld = genuine.indexOf(sent) < 2
      new Webhook(isOld ? OLD_SECRET : NEW_SECRET).verify(sent.rawBody, { ...sent.headers })
    }
    const body = {
      time_ms: Date.now(),
      events: [{ name: 'channel_vacated', channel: 'private-a' }],
    }
    const pusher = pusherWebhook(JSON.stringify(body), TOKEN)
    assert.equal(await post(pusher), 204)
    const wanted = [...genuine.map(typeOf), 'channel_vacated']
    await until('all events are printed', () => events().length >= wanted.length)
    assert.deepEqual(events(), wanted)
  })

  test(`${name} refuses forged, changed, late and repeated deliveries and prints nothing`, async () => {
    const { post, events, output } = await start(program, runtime)
    const genuine = standard([OLD_SECRET])
    assert.equal(await post(genuine), 204)
    const isReady = READY_RECEIVERS.includes(program)
    assert.equal(await post(genuine), isReady ? 204 : 401)
    const other = `whsec_${Buffer.alloc(32, 3).toString('base64')}`
    const fresh = standard([OLD_SECRET])
    const reserialized = JSON.stringify(JSON.parse(fresh.rawBody), undefined, 2)
    const pusher = pusherWebhook('{"time_ms":1,"events":[]}', TOKEN)
    const forged: readonly [SentWebhook, number][] = [
      [standard([other]), 401],
      [standard([OLD_SECRET], Date.now() - 600_000), 401],
      [standard([OLD_SECRET], Date.now() + 600_000), 401],
      [{ ...fresh, rawBody: fresh.rawBody.replace('ä', 'a') }, 401],
      [{ ...fresh, rawBody: reserialized }, 401],
      [{ ...fresh, headers: { ...fresh.headers, 'webhook-id': 'msg_other' } }, 401],
      [{ ...fresh, headers: {} }, isReady ? 400 : 401],
      [pusher, 401],
      [{ ...pusher, headers: { ...pusher.headers, 'x-pusher-key': 'other' } }, 401],
    ]
    for (const [sent, status] of forged) assert.equal(await post(sent), status)
    const large = await post({ ...fresh, rawBody: 'x'.repeat(1_200_000) })
    assert.equal(large, 413)
    // A genuine one at the end is answered, and is the only one printed beside the first.
    assert.equal(await post(fresh), 204)
    await until('the last event is printed', () => events().length >= 2)
    assert.deepEqual(events(), [genuine, fresh].map(typeOf))
    for (const secret of [OLD_SECRET, NEW_SECRET, TOKEN.secret]) {
      assert.ok(!output().includes(secret))
    }
  })
}

test('every program among the examples is one that runs here', () => {
  const programs = readdirSync(join(ROOT, 'examples/webhooks')).filter(
    (file) => file.endsWith('.mjs') && file !== 'keys.mjs',
  )
  assert.deepEqual(programs.toSorted(), [...new Set(PROGRAMS.map(([file]) => file))].toSorted())
})
