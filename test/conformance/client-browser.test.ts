/**
 * The way of docs/connection-tokens.md in a real browser: the route handler of the example mints,
 * the page connects over `wss`, and stays connected over renewals and a network drop.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { CloudSignal } from '../../packages/client/src/client.ts'
import { makeCertificate } from '../support/certificate.ts'
import { launchChromium } from '../support/chromium.ts'
import { CuttableWire, loginOf, optionsOf, SECRET_KEY } from '../support/client-world.ts'
import { freePort } from '../support/free-port.ts'
import { ORGANIZATION } from '../support/mqtt-clients.ts'
import { type LiveServer, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const ROOT = repositoryRoot()
const PAGE_MS = 30_000
/** The least that a token lives, so the timer of the page renews it after half of that. */
const TOKEN_MS = 60_000
const RENEWAL_COUNT = 10
const home = mkdtempSync(join(tmpdir(), 'lockgate-page-'))
const certFile = join(home, 'cert.pem')
const keyFile = join(home, 'key.pem')

const DEFAULT_RULES = [
  { effect: 'allow', actions: ['publish'], filter: 'rooms/+/chat' },
  { effect: 'allow', actions: ['subscribe'], filter: 'rooms/#' },
]
const TENANT = {
  id: '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111',
  shortId: ORGANIZATION,
  name: 'Pages',
  ruleSets: [{ name: 'default', rules: DEFAULT_RULES }],
  apps: [
    {
      id: 'pages',
      name: 'pages',
      key: 'pages-key',
      secret: 'pages-secret-0123456789abcdef',
      plan: 'unlimited',
      region: 'local',
      apiKeys: [{ value: SECRET_KEY }],
      tokenTtlMaxMs: TOKEN_MS,
    },
  ],
}

let server: LiveServer
let browser: Browser
let wire: CuttableWire
let program: ChildProcess
let address = ''

before(async () => {
  const { cert, key } = makeCertificate('127.0.0.1', 'IP:127.0.0.1')
  writeFileSync(certFile, cert)
  writeFileSync(keyFile, key)
  server = await startServer({ config: { tls: { certFile, keyFile }, tenants: [TENANT] } })
  wire = new CuttableWire(Number(new URL(server.https).port))
  const port = await freePort()
  address = `http://127.0.0.1:${port}`
  program = startExample({ port, wirePort: await wire.listen() })
  browser = await launchChromium()
  await until('the example serves', () => {
    return fetch(address).then(
      ({ ok }) => ok,
      () => false,
    )
  })
})
after(async () => {
  await browser.close()
  program.kill()
  wire.close()
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

/** Runs the commands of the example's page, with what is a placeholder put in. */
function startExample({ port, wirePort }: { port: number; wirePort: number }): ChildProcess {
  const page = readFileSync(join(ROOT, 'examples/mqtt-token/README.md'), 'utf8')
  const [, commands = ''] = /```sh\n([\s\S]*?)```/.exec(page) ?? []
  const script = commands
    .replace('https://127.0.0.1:8443', server.https)
    .replace('wss://127.0.0.1:8443', `wss://127.0.0.1:${wirePort}`)
    .replace('org_...', ORGANIZATION)
    .replace('sk_...', SECRET_KEY)
    .replace('npx bun', `exec '${join(ROOT, 'node_modules/bun/bin/bun.exe')}'`)
  return spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], PORT: String(port), NODE_EXTRA_CA_CERTS: certFile },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}

interface Visit {
  readonly page: Page
  /** What the broker sent, one list for each WebSocket. */
  readonly sockets: Buffer[][]
  readonly complaints: string[]
  readonly line: (text: string | RegExp) => Promise<void>
}

/** Opens the page, signs in, and waits until it is connected. */
async function signedIn(email: string): Promise<Visit> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  page.setDefaultTimeout(PAGE_MS)
  const sockets: Buffer[][] = []
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('websocket', (socket) => {
    const frames: Buffer[] = []
    sockets.push(frames)
    socket.on('framereceived', ({ payload }) => frames.push(Buffer.from(payload)))
  })
  await page.goto(address)
  await page.fill('#sign-in input', email)
  await page.click('#sign-in button')
  await page.locator('#state', { hasText: /^connected$/ }).waitFor()
  const line = (text: string | RegExp) =>
    page.locator('#log > li', { hasText: text }).first().waitFor()
  return { page, sockets, complaints, line }
}

async function submit(page: Page, form: string, fields: Readonly<Record<string, string>>) {
  for (const [name, value] of Object.entries(fields)) {
    await page.fill(`#${form} [name=${name}]`, value)
  }
  await page.click(`#${form} button`)
}

test('a page publishes and receives over wss, and is refused outside of its rules', async () => {
  const { page, sockets, complaints, line } = await signedIn('ann@example.com')
  await submit(page, 'subscribe', { filter: 'rooms/1/#' })
  await line('subscribed to rooms/1/#')
  await submit(page, 'publish', { topic: 'rooms/1/chat', text: 'hello from the page' })
  await line('rooms/1/chat: hello from the page')
  await submit(page, 'subscribe', { filter: 'secrets/#' })
  await line(/not_authorized: .* \(0x87\)/)
  await submit(page, 'publish', { topic: 'rooms/1/state', text: 'not allowed' })
  await until('two refusals', async () => {
    return (await page.locator('#log > li', { hasText: 'not_authorized' }).count()) === 2
  })
  const frames = sockets.flat()
  // SUBACK (0x90) and PUBACK (0x40) with the reason code 0x87 in them, §3.9.3, §3.4.2.1.
  assert.ok(frames.some((frame) => frame[0] === 0x90 && frame.at(-1) === 0x87))
  assert.ok(frames.some((frame) => frame[0] === 0x40 && frame[4] === 0x87))
  assert.equal(await page.locator('#state').textContent(), 'connected')
  assert.deepEqual(complaints, [])
  await page.context().close()
})

test('a stranger gets no token from the route handler', async () => {
  const answer = await fetch(`${address}/api/mqtt-token`, { method: 'POST' })
  assert.deepEqual([answer.status, await answer.json()], [401, { error: 'Unauthorized' }])
})

interface Heard {
  readonly numbers: number[]
}

test('a token of 60 s is renewed again and again, and a drop comes, without a message lost', async () => {
  const { page, sockets, complaints } = await signedIn('bob@example.com')
  await page.evaluate(async () => {
    const scope = globalThis as unknown as { client: CloudSignal } & Heard
    Object.assign(scope, { numbers: [] })
    await scope.client.subscribe('rooms/2/chat', (message) => {
      scope.numbers.push(Number(message.text()))
    })
  })
  const heard = () => page.evaluate(() => (globalThis as unknown as Heard).numbers)
  const renewals = async () => Number(await page.locator('#renewals').textContent())
  const publisher = new CloudSignal(optionsOf(server))
  await publisher.connectWithToken(loginOf({ userEmail: 'publisher@example.com' }))
  let sentCount = 0
  const ending = new AbortController()
  const stream = (async () => {
    while (!ending.signal.aborted) {
      await publisher.publish('rooms/2/chat', String(sentCount), { qos: 1 })
      sentCount += 1
      await pause(5)
    }
  })()
  // One by the timer of the page: the token lives 60 s, so it is due after about half of that.
  await until('the timer has renewed', async () => (await renewals()) >= 1, TOKEN_MS)
  // The others at once, one after the other: what happens is the same, and CI waits for none.
  for (let count = 1; count < RENEWAL_COUNT; count += 1) {
    await page.evaluate(async () => {
      await (globalThis as unknown as { client: CloudSignal }).client.refreshToken()
    })
  }
  assert.equal(await renewals(), RENEWAL_COUNT)
  await until('the stream is past the renewals', async () => {
    const goal = sentCount
    return (await heard()).length >= goal
  })
  const steady = await heard()
  assert.deepEqual(steady, [...steady.keys()], 'each once and in order')
  assert.equal(sockets.length, 1, 'all on the connection of the start')
  // AUTH (0xF0) with success, once for each renewal, §3.15.2.1.
  const answers = () => sockets[0]?.filter((frame) => frame[0] === 0xf0).length ?? 0
  await until('the last answer is seen', () => answers() >= RENEWAL_COUNT)
  assert.equal(answers(), RENEWAL_COUNT)

  wire.cut()
  await page.locator('#state', { hasText: 'reconnecting' }).waitFor()
  const whileAway = sentCount
  await until('messages are sent meanwhile', () => sentCount > whileAway + 10)
  wire.mend()
  await page.locator('#state', { hasText: /^connected$/ }).waitFor()
  ending.abort()
  await stream
  await until('everything has arrived', async () => new Set(await heard()).size === sentCount)
  // After a drop QoS 1 may say one twice, that whose acknowledgement was on its way.
  const all = await heard()
  assert.deepEqual([...new Set(all)], [...Array(sentCount).keys()], 'none lost, in order')
  assert.deepEqual(complaints, [])
  publisher.destroy()
  await page.context().close()
})
