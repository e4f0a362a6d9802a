/** The front page in a real browser: an event arrives, an event is sent. */
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { launchChromium } from '../support/chromium.ts'
import { library } from '../support/clients.ts'
import { newcomer, printedApp } from '../support/first-start.ts'
import type { AppConfig, LiveServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { within } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const PAGE_MS = 30_000

const place = newcomer()
let server: LiveServer | undefined
let browser: Browser | undefined

before(async () => {
  server = await place.start()
  browser = await launchChromium()
})

after(async () => {
  await browser?.close()
  await server?.stop()
  place.leave()
})

interface Visit {
  readonly page: Page
  readonly server: LiveServer
  readonly demo: AppConfig
  /** What the browser complained about. */
  readonly complaints: readonly string[]
}

/** Opens the front page and waits until it says that it is connected. */
async function visited(): Promise<Visit> {
  assert.ok(server && browser)
  const page = await browser.newPage()
  page.setDefaultTimeout(PAGE_MS)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('request', (request) => {
    const { host } = new URL(request.url())
    if (host !== new URL(server?.http ?? '').host) complaints.push(`asks ${request.url()}`)
  })
  await page.goto(`${server.http}/`)
  await page.locator('#status', { hasText: /^\s*connected\s*$/ }).waitFor()
  return { page, server, demo: await printedApp(server), complaints }
}

function firstEvent(page: Page, text: string): Promise<void> {
  return page.locator('#events > li', { hasText: text }).first().waitFor()
}

test('an event published by HTTP appears on the page, newest first', async () => {
  const { page, server: live, demo, complaints } = await visited()
  const backend = library(live, demo)
  await backend.trigger('demo', 'message', { text: 'published by HTTP' })
  await firstEvent(page, 'published by HTTP')
  await backend.trigger('demo', 'message', { text: 'the second one' })
  await firstEvent(page, 'the second one')
  const items = await page.locator('#events > li').allTextContents()
  assert.match(items[0] ?? '', /the second one/)
  assert.match(items[1] ?? '', /published by HTTP/)
  assert.deepEqual(complaints, [])
  await page.close()
})

test('the send button makes an event for everybody on the channel', async () => {
  const { page, server: live, demo, complaints } = await visited()
  const wire = await Wire.open(live, demo)
  await wire.join(demo, 'demo')
  await page.fill('#message', 'sent from the page')
  await page.click('#send')
  await firstEvent(page, 'sent from the page')
  const frame = await within('the event of the page', wire.next('message', 'demo'))
  assert.deepEqual(JSON.parse(String(frame.data)), { text: 'sent from the page' })
  assert.deepEqual(complaints, [])
  await wire.close()
  await page.close()
})

test('markup in an event is shown as text and never run', async () => {
  const { page, server: live, demo, complaints } = await visited()
  const text = '<img src=x onerror="document.title=1"><b>bold</b>'
  await library(live, demo).trigger('demo', 'message', { text })
  await firstEvent(page, '<b>bold</b>')
  assert.equal(await page.locator('#events img, #events b').count(), 0)
  assert.deepEqual(complaints, [])
  await page.close()
})
