/** Documents and connections over time: idleness, grace, restarts, revocations, readers. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import * as Y from 'yjs'
import { Administration, ownerKey } from '../support/administration.ts'
import { freePort } from '../support/free-port.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { together } from '../support/test.ts'
import { buyTokens } from '../support/tokens.ts'
import { until } from '../support/wait.ts'
import {
  converged,
  customerToken,
  EDITOR_KINDS,
  Editors,
  type LiveEditor,
  listenOn,
  MANY_EDITORS,
  tokenIdOf,
} from '../support/yjs-editors.ts'

const SECRET = 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGaWq5tEu0iRoP'
const CLIENT = { clientId: 'life-client', clientSecret: 'a-secret-of-the-editors-0123456789' }
const APP = app('life', { ...CLIENT, jwtSecrets: [{ value: SECRET }] })
const KEPT = app('kept', { documentPersistence: true, jwtSecrets: [{ value: SECRET }] })
/** Twice what clients wait for a word of the server. */
const IDLE_MS = 62_000
/** Of the ten seconds that a document outlives its last editor. */
const WITHIN_GRACE_MS = 8_500
const AFTER_GRACE_MS = 11_500

const test = together()
const home = mkdtempSync(join(tmpdir(), 'lockgate-yjs-life-'))
let server: LiveServer
const editors = new Editors(() => server)
const administration = new Administration(
  () => server,
  () => ownerKey(home),
)
before(async () => {
  server = await startServer({ apps: [APP], dataDir: home, config: MANY_EDITORS })
})
after(async () => {
  editors.destroyAll()
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

const accessToken = async () => (await buyTokens(server, CLIENT)).access
const channelToken = (name: string, actions: readonly string[], id = 'life') =>
  customerToken(SECRET, { app: id, channels: { [name]: actions } })

for (const [kind, label] of EDITOR_KINDS.entries()) {
  test(`${label}: who is alone and idle for a minute stays connected, with and without awareness`, async () => {
    const token = await accessToken()
    const alone = editors.of(kind, { name: `alone-${kind}`, token })
    const silent = editors.of(kind, { name: `silent-${kind}`, token })
    silent.provider.awareness?.setLocalState(null)
    await Promise.all([alone.synced(), silent.synced()])
    await pause(IDLE_MS)
    for (const editor of [alone, silent]) {
      assert.deepEqual([editor.openCount, editor.closes], [1, []])
      assert.ok(editor.isSynced)
    }
    // And it is a connection that works.
    silent.write('still here')
    const late = editors.of(kind, { name: `silent-${kind}`, token })
    await until('what the silent one wrote', () => late.read === 'still here')
  })

  test(`${label}: a document is there for ten seconds after its last editor, and then is fresh`, async () => {
    const token = await accessToken()
    const [name, other] = [`brief-${kind}`, `gone-${kind}`]
    const [one, two] = [editors.of(kind, { name, token }), editors.of(kind, { name: other, token })]
    await Promise.all([one.synced(), two.synced()])
    one.write('kept')
    two.write('lost')
    await seenBySecond([one, two], [name, other], { kind, token })
    const mine = new Y.Doc()
    Y.applyUpdate(mine, Y.encodeStateAsUpdate(two.doc))
    for (const editor of [one, two]) editor.destroy()
    await Promise.all([
      pause(WITHIN_GRACE_MS).then(async () => {
        const back = editors.of(kind, { name, token })
        await back.synced()
        assert.equal(back.read, 'kept')
      }),
      pause(AFTER_GRACE_MS).then(async () => {
        const fresh = editors.of(kind, { name: other, token })
        await fresh.synced()
        assert.equal(fresh.read, '')
        // Who still has it brings it.
        editors.of(kind, { name: other, token, doc: mine })
        await until('it is there again', () => fresh.read === 'lost')
      }),
    ])
  })

  test(`${label}: who may only read sees everything and changes nothing`, async () => {
    const name = `read-${kind}`
    const reader = editors.of(kind, { name, token: channelToken(name, ['subscribe']) })
    const writer = editors.of(0, { name, token: channelToken(name, ['subscribe', 'publish']) })
    await Promise.all([reader.synced(), writer.synced()])
    writer.write('one')
    await until('the reader reads', () => reader.read === 'one')
    reader.write(' mine')
    writer.write(' two')
    await until('the reader reads on', () => reader.read.includes('two'))
    const present = writer.provider.awareness
    reader.provider.awareness?.setLocalStateField('user', { name: 'Reader' })
    await until('a reader is seen', () => present?.getStates().has(reader.doc.clientID))
    // What it wrote is not carried in when it comes back either.
    reader.drop()
    await until('it is back', () => reader.openCount === 2 && reader.isSynced)
    const late = editors.of(1, { name, token: await accessToken() })
    await late.synced()
    assert.deepEqual([writer.read, late.read], ['one two', 'one two'])
  })

  test(`${label}: a revoked token closes its connections with 4002, and no others`, async () => {
    const name = `revoked-${kind}`
    const [token, other] = [await accessToken(), await accessToken()]
    const ended = editors.of(kind, { name, token })
    const witness = editors.of(kind, { name, token: other })
    await Promise.all([ended.synced(), witness.synced()])
    ended.write('before')
    await until('it is relayed', () => witness.read === 'before')
    const body = { tokenId: tokenIdOf(token), reason: 'tested' }
    const receipt = await administration.done('tokens.revoke', {
      parameters: { appId: APP.id },
      body,
    })
    assert.equal(receipt.closedCount, 1)
    await until('it is gone', () => !witness.present().includes(ended.doc.clientID))
    ended.write(' after')
    assert.equal((await ended.closure()).code, 4002)
    // Hocuspocus is told of its document, on a socket that is for others too.
    await until('it is refused again', () => ended.denied ?? ended.closes[1]?.code === 4002)
    assert.deepEqual([witness.read, witness.closes], ['before', []])
  })
}

/** What one wrote has arrived when another sees it. */
async function seenBySecond(
  writers: readonly LiveEditor[],
  names: readonly string[],
  { kind, token }: { readonly kind: number; readonly token: string },
): Promise<void> {
  const seconds = names.map((name) => editors.of(kind, { name, token }))
  await until('seen', () => seconds.every(({ read }, n) => read === writers[n]?.read))
  for (const editor of seconds) editor.destroy()
}

test('a restart tells everybody 1012; they come back, kept documents are whole, edits merge', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'lockgate-yjs-restart-'))
  const port = await freePort()
  const config = { ...MANY_EDITORS, ...listenOn(port), drainMs: 300 }
  const start = () => startServer({ apps: [KEPT], dataDir, config })
  let live = await start()
  const local = new Editors(() => ({ port }))
  try {
    const token = channelToken('*', ['subscribe', 'publish'], 'kept')
    const all = await local.each({ name: 'doc', token })
    const unseen = local.of(0, { name: 'left', token })
    await unseen.synced()
    unseen.write('nobody has this open')
    const second = local.of(1, { name: 'left', token })
    await until('it is relayed', () => second.read === unseen.read)
    for (const editor of [unseen, second]) editor.destroy()
    for (const [n, editor] of all.entries()) editor.write(`[${n}]`)
    const early = await converged(all)
    assert.equal(early.length, 3 * all.length)
    await live.stop()
    for (const [n, editor] of all.entries()) {
      await until('it was told', () => editor.closes.length > 0)
      assert.equal(editor.closes[0]?.code, 1012, EDITOR_KINDS[n] ?? '')
      editor.write(`(${n})`) // while there is no server
    }
    live = await start()
    const has = (read: string) =>
      all.every((_, n) => read.includes(`[${n}]`) && read.includes(`(${n})`))
    await until('all edits at all', () => all.every(({ read }) => has(read)), 30_000)
    const text = await converged(all)
    const fresh = await local.each({ name: 'doc', token })
    for (const editor of fresh) assert.equal(editor.read, text)
    const [left] = await local.each({ name: 'left', token })
    assert.equal(left?.read, 'nobody has this open')
  } finally {
    local.destroyAll()
    await live.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
})
