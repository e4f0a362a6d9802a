/** Everything the README tells a reader to type does what the README says. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ORGANIZATION } from '../support/mqtt-clients.ts'
import { commandsOf } from '../support/page-commands.ts'
import { app, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const ROOT = process.cwd()
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')
const APP = app('readme')

/** @returns the fenced block of `language` that contains `mark`. */
function blockWith(language: string, mark: string): string {
  const blocks = README.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))
  const found = Array.from(blocks, ([, text = '']) => text).find((text) => text.includes(mark))
  assert.ok(found !== undefined, `the README has a ${language} block with ${mark}`)
  return found
}

/** Runs a snippet as a reader would: a file in a project that has the libraries installed. */
class Snippet {
  output = ''
  readonly #child: ChildProcess
  readonly #file: string

  constructor(name: string, text: string) {
    const folder = join(ROOT, '.cache', 'readme')
    mkdirSync(folder, { recursive: true })
    this.#file = join(folder, `${name}-${process.pid}.mjs`)
    writeFileSync(this.#file, text)
    this.#child = spawn(process.execPath, [this.#file], { cwd: ROOT })
    const keep = (bytes: Buffer) => {
      this.output += bytes.toString('utf8')
    }
    this.#child.stdout?.on('data', keep)
    this.#child.stderr?.on('data', keep)
  }

  get exitCode(): number | null {
    return this.#child.exitCode
  }

  end(): void {
    this.#child.kill('SIGKILL')
    rmSync(this.#file, { force: true })
  }
}

test('the snippets of pusher-js and pusher, with only host, port, key and secret put in, meet', async () => {
  const server = await startServer({ apps: [APP] })
  const fill = (text: string) =>
    text
      .replaceAll('APP_ID', APP.id)
      .replaceAll('APP_KEY', APP.key)
      .replaceAll('APP_SECRET', APP.secret)
      .replaceAll('8080', new URL(server.http).port)
  const client = new Snippet('client', fill(blockWith('js', "pusher.subscribe('news')")))
  const echo = new Snippet('echo', fill(blockWith('js', 'laravel-echo')))
  try {
    await until('the client to be subscribed', async () => {
      const publisher = new Snippet('publisher', fill(blockWith('js', 'pusher.trigger')))
      try {
        await until('the publisher to end', () => publisher.exitCode !== null)
        assert.equal(publisher.exitCode, 0, publisher.output)
      } finally {
        publisher.end()
      }
      return client.output.includes("{ text: 'it works' }")
    })
    assert.equal(echo.exitCode, null, `Echo stays connected: ${echo.output}`)
  } finally {
    client.end()
    echo.end()
    await server.stop()
  }
})

test('the commands for MQTT print what the README says', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-readme-'))
  const server = await startServer({ apps: [APP], dataDir: join(home, 'data') })
  try {
    const { run, text, blockWith: commands } = commandsOf('README.md')
    const block = commands('mosquitto_pub')
    const here = block
      .replaceAll('APP_ID', APP.id)
      .replaceAll('org_lockgatedemo', ORGANIZATION)
      .replaceAll('-h 127.0.0.1', `-h 127.0.0.1 -p ${new URL(server.mqtt).port}`)
    const [, promised = ''] = /^prints `(.+)`\./m.exec(text) ?? []
    assert.equal(run(home, here, server.http), `${promised}\n`)
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})

test('the snippets for channels with history and for documents do what the README says', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-readme-'))
  const server = await startServer({ apps: [APP], dataDir: join(home, 'data') })
  const running: Snippet[] = []
  try {
    const { run, blockWith: commands } = commandsOf('README.md')
    const key = run(home, commands('--prefix pk').replaceAll('APP_ID', APP.id), server.http).trim()
    const start = (name: string, mark: string) => {
      const text = blockWith('js', mark).replaceAll('PAGE_KEY', key)
      const snippet = new Snippet(name, text.replaceAll('8080', new URL(server.http).port))
      running.push(snippet)
      return snippet
    }
    const first = start('first-client', '/?key=')
    await until('the first message to be acknowledged', () => first.output.includes('"ack"'))
    assert.match(first.output, /"subscribed".+"message".+"sequence":1\D.+"ack"/s)
    const second = start('second-client', '/?key=')
    await until('the second message', () => second.output.includes('"sequence":2'))
    assert.match(second.output, /"subscribed".+"sequence":1\D.+"sequence":2\D/s)

    const editors = ['first', 'second'].map((name) => start(`${name}-editor`, 'y-websocket'))
    await until('both editors to have both texts', () =>
      editors.every(({ output }) => output.includes('it works. it works. ')),
    )
  } finally {
    for (const snippet of running) snippet.end()
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})

test('the configuration of the README passes check-config and its secret stays hidden', () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-readme-'))
  try {
    const secret = 'a-long-secret-of-the-readme-0123456789'
    writeFileSync(join(home, 'secret'), `${secret}\n`)
    const text = blockWith('yaml', 'mode: production').replace(
      '/run/secrets/shop',
      join(home, 'secret'),
    )
    writeFileSync(join(home, 'lockgate.yaml'), text)
    const bin = join(ROOT, 'packages/server/bin/lockgate.js')
    const args = [bin, 'check-config', '--config', join(home, 'lockgate.yaml')]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    assert.ok(stdout.includes('***') && !stdout.includes(secret))
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})

test('every command of the README is one that exists', () => {
  const blocks = README.matchAll(/^```sh\n([\s\S]*?)^```/gm)
  const commands = Array.from(blocks, ([, text = '']) => text).join('')
  const scripts = Object.keys(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts)
  const bin = join(ROOT, 'packages/server/bin/lockgate.js')
  for (const line of commands.trim().split('\n')) {
    const [, script] = /^npm (?:run )?(\w+)/.exec(line) ?? []
    const [, command] = /npx lockgate ([a-z-]+(?: [a-z]+)?)/.exec(line) ?? []
    if (script !== undefined) assert.ok(scripts.includes(script), line)
    else if (!line.startsWith('mosquitto_')) {
      assert.ok(command !== undefined, line)
      const help = spawnSync(process.execPath, [bin, ...command.split(' '), '--help'], {
        encoding: 'utf8',
      })
      assert.equal(help.status, 0, line)
    }
  }
})
