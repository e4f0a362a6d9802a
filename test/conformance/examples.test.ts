/** The example pages in a real browser, two visitors each, as `npm start` serves them. */
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { launchChromium } from '../support/chromium.ts'
import { newcomer } from '../support/first-start.ts'
import type { LiveServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const PAGE_MS = 30_000

const place = newcomer()
let server: LiveServer
let browser: Browser

before(async () => {
  server = await place.start()
  browser = await launchChromium()
})

after(async () => {
  await browser.close()
  await server.stop()
  place.leave()
})

interface Visitor {
  readonly page: Page
  /** What the browser complained about, such as a style that the security headers forbid. */
  readonly complaints: readonly string[]
}

/** A visitor of its own: nothing is shared with others but the server. */
async function visitor(path: string, name: string): Promise<Visitor> {
  const context = await browser.newContext()
  await context.addInitScript((given) => sessionStorage.setItem('name', given), name)
  const page = await context.newPage()
  page.setDefaultTimeout(PAGE_MS)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  await page.goto(`${server.http}${path}`)
  await page.locator('#state', { hasText: /^connected$/ }).waitFor()
  return { page, complaints }
}

function messageOn({ page }: Visitor, text: string) {
  return page.locator('#messages > li', { hasText: text })
}

async function say({ page }: Visitor, text: string): Promise<void> {
  await page.fill('#text', text)
  await page.click('#form button')
}

test('two visitors of the chat see each other, what is said, and what was said before', async () => {
  const ann = await visitor('/examples/chat', 'Ann')
  await say(ann, 'hello, is anybody here?')
  await messageOn(ann, 'hello, is anybody here?').waitFor()
  const bob = await visitor('/examples/chat', 'Bob')
  await messageOn(bob, 'hello, is anybody here?').waitFor()
  await ann.page.locator('#members > li', { hasText: 'Bob' }).waitFor()
  await bob.page.locator('#members > li', { hasText: 'Ann' }).waitFor()
  assert.equal(await ann.page.locator('#count').textContent(), '2')
  await say(bob, 'I am')
  await messageOn(ann, 'I am').waitFor()
  assert.deepEqual([...ann.complaints, ...bob.complaints], [])
  await ann.page.context().close()
  await bob.page.context().close()
})

test('a visitor who lost the connection gets what was said meanwhile, each once', async () => {
  const cy = await visitor('/examples/chat', 'Cy')
  const dee = await visitor('/examples/chat', 'Dee')
  await cy.page.locator('#members > li', { hasText: 'Dee' }).waitFor()
  await cy.page.context().setOffline(true)
  await cy.page.click('#drop')
  await cy.page.locator('#state', { hasText: 'offline' }).waitFor()
  for (const text of ['missed one', 'missed two']) {
    await say(dee, text)
    await messageOn(dee, text).waitFor()
  }
  await cy.page.context().setOffline(false)
  await messageOn(cy, 'missed two').waitFor()
  for (const text of ['missed one', 'missed two']) {
    assert.equal(await messageOn(cy, text).count(), 1)
  }
  const texts = await cy.page.locator('#messages > li').allTextContents()
  const [one, two] = ['missed one', 'missed two'].map((text) =>
    texts.findIndex((each) => each.includes(text)),
  )
  assert.equal(await cy.page.locator('#members > li', { hasText: 'Cy' }).count(), 1)
  assert.ok(one !== undefined && two !== undefined && one < two)
  await cy.page.context().close()
  await dee.page.context().close()
})

test('two visitors of the editor write one text and see the cursor of the other', async () => {
  const ann = await visitor('/examples/editor', 'Ann')
  const bob = await visitor('/examples/editor', 'Bob')
  const [onAnns, onBobs] = [ann, bob].map(({ page }) => page.locator('.ProseMirror'))
  assert.ok(onAnns && onBobs)
  await onAnns.click()
  await ann.page.keyboard.type('Written by Ann. ')
  await onBobs.filter({ hasText: 'Written by Ann.' }).waitFor()
  await onBobs.click()
  await bob.page.keyboard.press('Control+End')
  await bob.page.keyboard.type('And by Bob.')
  await onAnns.filter({ hasText: 'Written by Ann. And by Bob.' }).waitFor()
  await ann.page.locator('.caret', { hasText: 'Bob' }).waitFor()
  await bob.page.locator('.caret', { hasText: 'Ann' }).waitFor()
  assert.equal(await ann.page.locator('#count').textContent(), '2')
  assert.deepEqual([...ann.complaints, ...bob.complaints], [])
  await bob.page.context().close()
  await ann.page.locator('.caret', { hasText: 'Bob' }).waitFor({ state: 'detached' })
  await ann.page.context().close()
})

test('both are linked from one page, and a stranger gets no token', async () => {
  const page = await browser.newPage()
  await page.goto(`${server.http}/examples`)
  await page.getByRole('link', { name: 'Chat' }).click()
  await page.locator('#state', { hasText: /^connected$/ }).waitFor()
  await page.close()
  const headers = { origin: 'https://elsewhere.example' }
  const answer = await fetch(`${server.http}/examples/token`, { method: 'POST', headers })
  assert.equal(answer.status, 403)
  for (const guest of [
    '',
    'admin',
    'guest-',
    `guest-${'0'.repeat(17)}`,
    'guest-%00',
    'x'.repeat(5_000),
  ]) {
    const refused = await fetch(`${server.http}/examples/token?guest=${guest}`, { method: 'POST' })
    assert.equal(refused.status, 400, guest.slice(0, 40))
  }
  assert.equal((await fetch(`${server.http}/examples/token`)).status, 405)
  assert.equal((await fetch(`${server.http}/examples/../token.ts`)).status, 404)
})
