/** What docs/documents.md says: its commands work as they are written, its limits are ours. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseDocumentRegion } from '../../packages/server/src/ports/records/document-region.ts'
import { LIMITS } from '../../packages/server/src/core/limits/limit-names.ts'
import { UNLIMITED } from '../../packages/server/src/ports/records/plan.ts'
import { Administration, ownerKey } from '../support/administration.ts'
import { commandsOf } from '../support/page-commands.ts'
import { app, repositoryRoot, startServer } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { buyTokens } from '../support/tokens.ts'
import { until } from '../support/wait.ts'

const EDITOR_CLIENT = {
  clientId: 'editor-client',
  clientSecret: 'a-secret-of-the-editor-0123456789',
}
const EDITOR = app('editor', EDITOR_CLIENT)
const { blockWith, run, text } = commandsOf('docs/documents.md')
const it = serving({ apps: [EDITOR] })

test('the commands of the page get a token, find a document, and tell use and health', () => {
  const printed = run(tmpdir(), blockWith('/connect/token'), it.server.http)
  const [where, usage, health] = printed
    .trim()
    .split('\n')
    .map((line): ReturnType<JSON['parse']> => JSON.parse(line))
  const { host } = new URL(it.server.http)
  assert.deepEqual(where, { region: 'local', url: `ws://${host}/notes`, isNew: true })
  const nothing = { current: 0, limit: UNLIMITED, percent: 0, status: 'healthy' }
  assert.deepEqual(usage.usage, { connections: nothing, documents: nothing })
  assert.equal(health.status, 'healthy')
})

const programs = Array.from(text.matchAll(/```js\n([\s\S]*?)```/g), ([, program = '']) => program)

/** A folder where programs of the page find the packages they import. */
function folder(): string {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-editors-'))
  symlinkSync(join(repositoryRoot(), 'node_modules'), join(home, 'node_modules'))
  return home
}

function programWith(mark: string): string {
  const found = programs.find((program) => program.includes(mark))
  assert.ok(found !== undefined, `the page has a program with ${mark}`)
  return found
}

test('the editors of the page meet in one document, as they are written', async () => {
  const { access } = await buyTokens(it.server, EDITOR_CLIENT)
  const home = folder()
  const running: ChildProcess[] = []
  const browser = `import { WebSocket } from 'ws'
globalThis.WebSocket = WebSocket
globalThis.fetch = async () => ({ text: async () => '${access}' })\n`
  /** What a browser has is put in front, and what somebody types behind. */
  const start = (name: string, program: string) => {
    const here = program.replace('wss://realtime.example.com', it.server.http.replace('http', 'ws'))
    assert.notEqual(here, program)
    const types = `
const text = doc.getText('page')
text.observe(() => console.log(text.toJSON()))
provider.on('synced', () => text.toJSON().includes('${name}') || text.insert(0, '${name} '))\n`
    const script = join(home, `${name}.mjs`)
    writeFileSync(script, browser + here + types)
    const child = spawn(process.execPath, [script], {
      cwd: home,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.push(child)
    let printed = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (more: string) => (printed += more))
    }
    return () => printed
  }
  try {
    const first = start('ann', programWith("from 'y-websocket'"))
    const other = start('bob', programWith("from '@hocuspocus/provider'"))
    for (const printed of [first, other]) {
      await until('both are there', () => {
        const last = printed().trim().split('\n').at(-1) ?? ''
        return last.includes('ann') && last.includes('bob')
      }).catch((error: unknown) => assert.fail(`${String(error)}\n${printed()}`))
    }
  } finally {
    for (const child of running) child.kill()
    rmSync(home, { recursive: true, force: true })
  }
})

test('the programs of the page are right for the packages they import', () => {
  const home = folder()
  try {
    const tiptap = `${programWith("from 'y-websocket'")}\n${programWith('@tiptap/core')}`
    writeFileSync(join(home, 'tiptap.ts'), tiptap)
    writeFileSync(join(home, 'hocuspocus.ts'), programWith("from '@hocuspocus/provider'"))
    const checked = spawnSync(
      process.execPath,
      [
        join(repositoryRoot(), 'node_modules/typescript/bin/tsc'),
        ...['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--module', 'esnext'],
        ...['--moduleResolution', 'bundler', '--lib', 'es2024,dom,dom.iterable', '--types', ''],
        ...['tiptap.ts', 'hocuspocus.ts'],
      ],
      { cwd: home, encoding: 'utf8' },
    )
    assert.equal(checked.status, 0, checked.stdout)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})

test('the regions of the page are some', () => {
  const rows = Array.from(text.matchAll(/^ {4}- (\S+ wss:\S+)$/gm), ([, row = '']) => row)
  assert.equal(rows.length, 2)
  for (const row of rows) assert.ok(parseDocumentRegion(row) !== undefined, row)
})

test('the commands of the page list and delete documents, and the audit says who did', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-documents-'))
  const dataDir = join(home, 'data')
  const server = await startServer({ dataDir })
  try {
    const administration = new Administration(
      () => server,
      () => ownerKey(dataDir),
    )
    const { id: tenantId } = await administration.done('tenants.create', { body: { name: 'A' } })
    const { app: made } = await administration.done('apps.create', {
      body: { tenantId, name: 'editor', plan: 'unlimited' },
    })
    const commands = blockWith('documents list').replaceAll(' editor ', ` ${made.id} `)
    const printed = run(home, commands, server.http)
    assert.match(printed, /"items": ?\[\]/)
    assert.match(printed, /"wasOpen": ?false/)
    const changed = await administration.done('apps.get', { parameters: { appId: made.id } })
    assert.equal(changed.settings.documentPersistence, true)
    const parameters = { tenantId, database: 'local' }
    const { items } = await administration.done('audit.list', { parameters })
    const row = items.find(({ entry }) => entry['action'] === 'document.deleted')
    assert.equal(row?.entry['reason'], 'asked by the customer')
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})

test('the numbers of the page are those of the server', () => {
  for (const name of ['documents_connect.ip', 'discovery.ip', 'usage.ip', 'health.ip'] as const) {
    assert.ok(text.includes(`\`${name}\` ${LIMITS[name].default.quota}`), name)
    assert.equal(LIMITS[name].default.windowMs, 60_000)
  }
  assert.ok(text.includes(String(UNLIMITED)))
})
