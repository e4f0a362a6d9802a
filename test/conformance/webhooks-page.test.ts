/** What docs/webhooks.md tells people to do, run as it is written. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import { Administration, ownerKey } from '../support/administration.ts'
import { library } from '../support/clients.ts'
import { app, type LiveServer, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const BIN = join(repositoryRoot(), 'packages/server/bin/lockgate.js')
const PAGE = readFileSync(join(repositoryRoot(), 'docs/webhooks.md'), 'utf8')
const URL_OF_PAGE = 'https://shop.example/hooks'
const CHAT = app('chat')

function blocks(language: string): readonly string[] {
  const found = PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))
  return Array.from(found, ([, text = '']) => text)
}

/** A shell that keeps its variables from one block of the page to the next. */
class Session {
  readonly #child: ChildProcess
  #output = ''
  #count = 0

  constructor(home: string, environment: Readonly<Record<string, string>>) {
    this.#child = spawn('bash', ['-euo', 'pipefail'], {
      cwd: home,
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
    // `npx lockgate` is the bin of this checkout.
    this.#child.stdin?.write(`npx() { shift; '${process.execPath}' '${BIN}' "$@"; }\n`)
  }

  /** @returns what the commands printed. */
  async run(commands: string): Promise<string> {
    const from = this.#output.length
    const mark = `done ${++this.#count}`
    this.#child.stdin?.write(`${commands}\necho '${mark}'\n`)
    const isOver = () => this.#output.includes(mark) || this.#child.exitCode !== null
    await until(mark, isOver, 60_000)
    assert.equal(this.#child.exitCode, null, this.#output)
    return this.#output.slice(from).replace(`${mark}\n`, '')
  }

  end(): void {
    this.#child.stdin?.end()
  }
}

test('an endpoint is made, verified, rotated with proof and replayed as the page says', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-page-'))
  const dataDir = join(home, 'data')
  const config = { outbound: { allowedNetworks: ['127.0.0.0/8'] } }
  const server = await startServer({ apps: [CHAT], dataDir, config })
  const port = await freePort()
  symlinkSync(join(repositoryRoot(), 'node_modules'), join(home, 'node_modules'))
  const [make = '', rotate = '', mend = ''] = blocks('sh')
  const [receiver = ''] = blocks('js')
  writeFileSync(join(home, 'receiver.mjs'), receiver)
  const session = new Session(home, {
    LOCKGATE_URL: server.http,
    LOCKGATE_OPERATOR_KEY: ownerKey(dataDir),
  })
  const heard = { text: '' }
  const running = spawn(process.execPath, ['receiver.mjs'], {
    cwd: home,
    env: { PATH: process.env['PATH'], PORT: String(port) },
  })
  running.stdout.setEncoding('utf8').on('data', (text: string) => (heard.text += text))
  try {
    assert.ok(make.includes(URL_OF_PAGE))
    await session.run(make.replace(URL_OF_PAGE, `http://127.0.0.1:${port}/hooks`))
    assert.match(readFileSync(join(home, 'secrets'), 'utf8'), /^whsec_\S{48}\n$/)
    await library(server, CHAT).trigger('news', 'article', {})
    await until('the receiver is told', () => heard.text.includes('message.published'))
    const asked = await session.run(rotate)
    assert.match(asked, /adopted +no[\s\S]*adopted +yes/)
    assert.match(asked, /receiver verifies +yes/)
    assert.ok(heard.text.includes('webhook.probe'))
    await assertOldEnded(server, dataDir)
    const mended = await session.run(mend)
    assert.match(mended, /replayed count +0/)
  } finally {
    session.end()
    running.kill()
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})

async function assertOldEnded(server: LiveServer, dataDir: string): Promise<void> {
  const admin = new Administration(
    () => server,
    () => ownerKey(dataDir),
  )
  const { items } = await admin.done('credentials.list', { parameters: { appId: CHAT.id } })
  const secret = items.find(({ kind }) => kind === 'webhook_secret')
  assert.deepEqual(
    secret?.versions.map(({ state }) => state),
    ['disabled', 'current'],
  )
}
