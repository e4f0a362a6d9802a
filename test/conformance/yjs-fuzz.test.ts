/** Editors whose connections and permissions come and go: in the end all have the same document. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import * as Y from 'yjs'
import { Administration, ownerKey } from '../support/administration.ts'
import { type Seeded, seeded } from '../support/seeded.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import {
  converged,
  customerToken,
  EDITOR_KINDS,
  Editors,
  type LiveEditor,
  MANY_EDITORS,
} from '../support/yjs-editors.ts'

const SECRET = 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGaWq5tEu0iRoP'
const APP = app('fuzz', { documentPersistence: true, jwtSecrets: [{ value: SECRET }] })
const EDITOR_COUNT = 12
/** One of them of each kind signs in with a key whose scopes change while it is connected. */
const KEYED_COUNT = EDITOR_KINDS.length
/** Of the map. */
const KEY_COUNT = 8
const STEP_COUNT = 5_000
const DOCUMENT = 'fuzzed'
const SETTINGS = [
  { documentExpiry: 'enforce' },
  { documentExpiry: 'handshake' },
  { documentCloseCodes: 'http' },
  { documentCloseCodes: 'wiresocket' },
  { documentBytesMax: 1_048_576 },
] as const

const home = mkdtempSync(join(tmpdir(), 'lockgate-yjs-fuzz-'))
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

interface Participant {
  editor: LiveEditor
  readonly kind: number
  /** Of the key it signs in with. */
  readonly credentialId: string | undefined
  readonly secret: string
  mayWrite: boolean
}

const READING = ['subscribe']
const WRITING = ['subscribe', 'publish']

function tokenFor(actions: readonly string[]): string {
  return customerToken(SECRET, { app: APP.id, channels: { [DOCUMENT]: actions } })
}

async function joined(n: number): Promise<Participant> {
  const kind = n % EDITOR_KINDS.length
  if (n >= KEYED_COUNT) {
    const secret = tokenFor(WRITING)
    const editor = editors.of(kind, { name: DOCUMENT, token: secret })
    return { editor, kind, credentialId: undefined, secret, mayWrite: true }
  }
  const made = await administration.done('credentials.create', {
    parameters: { appId: APP.id },
    body: { kind: 'api_key', name: `key-${n}`, prefix: 'sk', scopes: WRITING },
  })
  const secret = String(made.value)
  const editor = editors.of(kind, { name: DOCUMENT, token: secret })
  return { editor, kind, credentialId: made.credential.id, secret, mayWrite: true }
}

/** Comes back as a reader with nothing, or as a writer with what it had. */
async function permit(who: Participant, mayWrite: boolean): Promise<void> {
  if (who.mayWrite === mayWrite) return
  who.mayWrite = mayWrite
  const actions = mayWrite ? WRITING : READING
  if (who.credentialId !== undefined) {
    const parameters = { credentialId: who.credentialId }
    await administration.done('credentials.update', { parameters, body: { scopes: actions } })
    return
  }
  const doc = new Y.Doc()
  if (mayWrite) Y.applyUpdate(doc, Y.encodeStateAsUpdate(who.editor.doc))
  who.editor.destroy()
  who.editor = editors.of(who.kind, { name: DOCUMENT, token: tokenFor(actions), doc })
}

/** What a user does; whoever signs in with a key may be refused it, and does not know. */
function edit({ editor, mayWrite, credentialId }: Participant, random: Seeded): void {
  if (!mayWrite && credentialId === undefined) return
  const { text, doc } = editor
  const at = random.below(text.length + 1)
  switch (random.below(4)) {
    case 0:
      return text.delete(at, Math.min(random.below(8), text.length - at))
    case 1:
      return void doc.getMap('m').set(String(random.below(KEY_COUNT)), random.below(1_000))
    case 2:
      return doc.transact(() => {
        text.insert(at, random.pick(['ä', '😀', 'long '.repeat(20)]))
        text.format(0, Math.min(text.length, 5), { bold: random.below(2) === 0 })
      })
    default:
      return text.insert(at, String(random.below(100_000)))
  }
}

function wholeOf({ doc }: LiveEditor): string {
  const map = doc.getMap('m')
  const entries = Array.from({ length: KEY_COUNT }, (_, n) => map.get(String(n)))
  return JSON.stringify([doc.getText('t').toDelta(), entries])
}

test('connections drop, permissions change, documents are compacted: all replicas converge', async () => {
  const random = seeded()
  const label = `seed ${random.seed}`
  console.log(label)
  const all = await Promise.all(Array.from({ length: EDITOR_COUNT }, (_, n) => joined(n)))
  await Promise.all(all.map(({ editor }) => editor.synced()))
  for (let step = 0; step < STEP_COUNT; step++) {
    const who = random.pick(all)
    const chance = random.below(1_000)
    if (chance < 40) who.editor.drop()
    else if (chance < 60) await permit(who, random.below(2) === 0)
    else if (chance < 65) {
      const settings = random.pick(SETTINGS)
      await administration.done('apps.update', {
        parameters: { appId: APP.id },
        body: { settings },
      })
    } else edit(who, random)
    if (random.below(4) === 0) await pause(random.below(6))
  }
  // Two stay readers; the keys are given back what they may.
  for (const who of all.slice(0, -2)) await permit(who, true)
  for (const who of all.slice(-2)) await permit(who, false)
  // What a key was refused comes with its next connection.
  for (const { editor, credentialId } of all) if (credentialId !== undefined) editor.drop()
  const replicas = all.map(({ editor }) => editor)
  await until('all have come back', () => replicas.every(({ isSynced }) => isSynced), 30_000)
  const same = () => new Set(replicas.map(wholeOf)).size === 1
  await until(`all replicas are the same, ${label}`, same, 30_000)
  const fresh = await editors.each({ name: DOCUMENT, token: tokenFor(READING) })
  for (const editor of fresh) assert.equal(wholeOf(editor), wholeOf(replicas[0] ?? editor), label)
  await converged([...replicas, ...fresh])
  const compactions = await server.metric('lockgate_documents_compactions_total')
  assert.ok(compactions >= 1, `${compactions} compactions, ${label}`)
  assert.equal(await server.metric('lockgate_bugs_total'), 0, label)
})
