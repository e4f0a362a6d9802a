/** The React hooks in a real browser, in StrictMode, whose effects run twice. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import type { CloudSignal } from '../../packages/client/src/client.ts'
import { launchChromium } from '../support/chromium.ts'
import { connected, loginOf, mintingApp } from '../support/client-world.ts'
import type { ReactPage, Shown } from '../support/react-page.ts'
import { type LiveServer, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const ROOT = repositoryRoot()
const PAGE_MS = 30_000
let server: LiveServer
let browser: Browser
let web: Server

before(async () => {
  server = await startServer({ apps: [mintingApp('react')] })
  browser = await launchChromium()
  const bundle = bundled()
  web = createServer((request, response) => {
    if (request.url === '/page.js') {
      response.setHeader('content-type', 'text/javascript')
      response.end(bundle)
    } else if (request.url?.startsWith('/token') === true) {
      const user = new URL(request.url, 'http://page').searchParams.get('user') ?? ''
      mint(user).then(
        (token) => response.end(token),
        (error: unknown) => response.destroy(error as Error),
      )
    } else {
      const place = JSON.stringify({ host: `${server.http.replace(/^http/, 'ws')}/mqtt` })
      response.setHeader('content-type', 'text/html')
      response.end(`<!doctype html><body data-place='${place}'><div id="root"></div>
        <script type="module" src="/page.js"></script>`)
    }
  })
  await new Promise<void>((resolve) => {
    web.listen(0, '127.0.0.1', resolve)
  })
})
after(async () => {
  await browser.close()
  web.close()
  await server.stop()
})

function bundled(): string {
  const bun = join(ROOT, 'node_modules/bun/bin/bun.exe')
  const args = ['build', '--target=browser', join(ROOT, 'test/support/react-page.ts')]
  const { status, stdout, stderr } = spawnSync(bun, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  assert.equal(status, 0, stderr)
  return stdout
}

/** As the endpoint of an application: whoever is not signed in gets none. */
async function mint(user: string): Promise<string> {
  if (user === 'nobody') return JSON.stringify({ error: 'Unauthorized' })
  const { organizationId, secretKey } = loginOf()
  const answer = await fetch(`${server.http}/v2/tokens/create`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      organization_id: organizationId,
      secret_key: secretKey,
      user_email: `${user}@example.com`,
      replace_existing: false,
      acl: { subscribe: ['rooms/+'] },
    }),
  })
  return answer.text()
}

async function opened() {
  const page = await browser.newPage()
  page.setDefaultTimeout(PAGE_MS)
  const sockets: { isOpen: boolean }[] = []
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('websocket', (socket) => {
    const state = { isOpen: true }
    sockets.push(state)
    socket.on('close', () => {
      state.isOpen = false
    })
  })
  await page.goto(`http://127.0.0.1:${(web.address() as AddressInfo).port}`)
  await page.waitForFunction(() => 'page' in globalThis)
  const asked = () => page.evaluate(() => (globalThis as unknown as { page: ReactPage }).page.asked)
  return { page, sockets, complaints, asked }
}

async function show(page: Page, what: Shown | undefined): Promise<void> {
  await page.evaluate((shown) => {
    ;(globalThis as unknown as { page: ReactPage }).page.show(shown)
  }, what)
}

async function shows(page: Page, text: RegExp): Promise<void> {
  await page.locator('#shown', { hasText: text }).waitFor()
}

test('mounted twice it asks for one token and opens one connection, and unmounting ends it', async () => {
  const { page, sockets, complaints, asked } = await opened()
  await show(page, { key: 'ann', user: 'ann', room: '1' })
  await shows(page, /^connected granted$/)
  assert.deepEqual([await asked(), sockets.length], [['ann'], 1])
  const publisher = await connected(server)
  await publisher.publish('rooms/1', 'hello', { qos: 1 })
  await shows(page, /^connected granted hello$/)
  await show(page, undefined)
  await until('the connection has ended', () => sockets[0]?.isOpen === false)
  assert.equal(await page.locator('#shown').count(), 0)
  assert.deepEqual([await asked(), sockets.length, complaints], [['ann'], 1, []])
  publisher.destroy()
  await page.close()
})

test('another room is another subscription of the same connection', async () => {
  const { page, sockets, complaints } = await opened()
  const publisher = await connected(server)
  await show(page, { key: 'bob', user: 'bob', room: '2' })
  await shows(page, /^connected granted$/)
  await show(page, { key: 'bob', user: 'bob', room: '3' })
  await page.waitForFunction(() => {
    const { client } = globalThis as unknown as { client: CloudSignal }
    return client.subscriptions.join() === 'rooms/3'
  })
  await shows(page, /^connected granted$/)
  await publisher.publish('rooms/2', 'unheard', { qos: 1 })
  await publisher.publish('rooms/3', 'heard', { qos: 1 })
  await shows(page, /^connected granted heard$/)
  await show(page, { key: 'bob', user: 'bob', room: 'a/b' })
  await shows(page, /^connected not_authorized heard$/)
  assert.deepEqual([sockets.length, complaints], [1, []])
  publisher.destroy()
  await page.close()
})

test('a new token of the same user is for the next renewal, another user is another client', async () => {
  const { page, sockets, complaints, asked } = await opened()
  await show(page, { key: 'eve', user: 'eve', room: '4' })
  await shows(page, /^connected granted$/)
  await show(page, { key: 'eve', user: 'EVE', room: '4' })
  await page.evaluate(async () => {
    await (globalThis as unknown as { client: CloudSignal }).client.refreshToken()
  })
  assert.deepEqual([await asked(), sockets.length], [['eve', 'EVE'], 1])
  await show(page, { key: 'zoe', user: 'zoe', room: '4' })
  await until('there is another connection', () => sockets.length === 2)
  await shows(page, /^connected granted$/)
  await until('the first has ended', () => sockets[0]?.isOpen === false)
  assert.deepEqual([await asked(), complaints], [['eve', 'EVE', 'zoe'], []])
  await page.close()
})

test('who is not signed in gets an error to show, and no connection', async () => {
  const { page, sockets, complaints } = await opened()
  await show(page, { key: 'nobody', user: 'nobody', room: '5' })
  await shows(page, /^error pending answer_unexpected$/)
  assert.deepEqual([sockets.length, complaints], [0, []])
  await page.close()
})
