/**
 * The server is killed while fifty editors type into documents that are kept: whatever one of them
 * saw relayed or acknowledged is there afterwards, for them and for clients that have nothing.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../support/free-port.ts'
import { type Seeded, seeded } from '../support/seeded.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import {
  converged,
  customerToken,
  EDITOR_KINDS,
  Editors,
  type LiveEditor,
  listenOn,
  MANY_EDITORS,
} from '../support/yjs-editors.ts'

const SECRET = 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGaWq5tEu0iRoP'
const APP = app('kept', { documentPersistence: true, jwtSecrets: [{ value: SECRET }] })
const NAMES = ['one', 'two', 'three', 'four', 'five']
const EDITOR_COUNT = 50
const KILL_COUNT = 3
/** Words until a kill; at most so many more. */
const WORD_COUNT_MIN = 200
const WORD_COUNT_MORE = 1_500

/** What may not be lost: words that another replica got from the server, or that were confirmed. */
class Seen {
  readonly words = new Set<string>()
  confirmedCount = 0

  follow({ text, provider }: LiveEditor): void {
    let waiting: string[] = []
    text.observe(({ changes }, { origin }) => {
      const texts = changes.delta.flatMap(({ insert }) =>
        typeof insert === 'string' ? insert : [],
      )
      // A provider is the origin of what came over its connection.
      if (origin !== null) for (const each of texts) this.#take(each)
      else if (provider.synced) waiting.push(...texts)
    })
    if (!('hasUnsyncedChanges' in provider)) return
    provider.on('disconnect', () => (waiting = []))
    provider.on('unsyncedChanges', ({ number }: { number: number }) => {
      if (number > 0 || !provider.synced) return
      // It counts the confirmation of its first answer too, so it may be one ahead.
      const confirmed = waiting.splice(0, waiting.length - 1)
      this.confirmedCount += confirmed.length
      for (const each of confirmed) this.#take(each)
    })
  }

  #take(text: string): void {
    for (const word of text.match(/<\d+>/g) ?? []) this.words.add(word)
  }
}

test('killed while fifty editors type, it has all that anybody saw, and all replicas converge', async () => {
  const random = seeded()
  const label = `seed ${random.seed}`
  console.log(label)
  const dataDir = mkdtempSync(join(tmpdir(), 'lockgate-yjs-killed-'))
  const port = await freePort()
  const config = { ...MANY_EDITORS, ...listenOn(port) }
  const start = () => startServer({ apps: [APP], dataDir, config })
  const editors = new Editors(() => ({ port }))
  const seen = new Seen()
  let wordCount = 0
  let server: LiveServer | undefined
  try {
    server = await start()
    const typists = Array.from({ length: EDITOR_COUNT }, (_, n) => {
      const name = NAMES[n % NAMES.length] ?? ''
      const editor = editors.of(random.below(EDITOR_KINDS.length), { name, token: token() })
      return { name, editor }
    })
    const all = typists.map(({ editor }) => editor)
    for (const editor of all) seen.follow(editor)
    for (let kill = 0; kill < KILL_COUNT; kill++) {
      await Promise.all(all.map((editor) => editor.synced()))
      const end = wordCount + WORD_COUNT_MIN + random.below(WORD_COUNT_MORE)
      while (wordCount < end) {
        for (let n = random.below(EDITOR_COUNT); n > 0; n--) {
          const { text } = random.pick(all)
          text.insert(between(text.toJSON(), random), `<${wordCount++}>`)
        }
        await pause(random.below(4))
      }
      // In the middle of it: nothing is awaited.
      await server.killHard()
      for (const editor of all) editor.disconnect()
      const promised = [...seen.words]
      server = await start()
      // Nobody who typed is there yet to bring it.
      const texts = await readAfresh(editors)
      const has = new Set(texts.join('').match(/<\d+>/g))
      assert.deepEqual(
        promised.filter((word) => !has.has(word)),
        [],
        `kill ${kill}, ${label}`,
      )
      for (const editor of all) editor.connect()
    }
    for (const name of NAMES) {
      const own = typists.filter((typist) => typist.name === name)
      await converged(
        own.map(({ editor }) => editor),
        30_000,
      )
    }
    const words = all.flatMap(({ read }) => read.match(/<\d+>/g) ?? [])
    assert.equal(new Set(words).size, wordCount, label)
    const texts = await readAfresh(editors)
    for (const [n, name] of NAMES.entries()) {
      assert.equal(texts[n], typists.find((typist) => typist.name === name)?.editor.read, label)
    }
    assert.ok(seen.words.size > wordCount / 2, `${seen.words.size} words were seen`)
    assert.ok(seen.confirmedCount > 0, 'words were confirmed to Hocuspocus clients')
    assert.equal(await server.metric('lockgate_bugs_total'), 0, label)
  } finally {
    editors.destroyAll()
    await server?.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
})

function token(): string {
  return customerToken(SECRET, { app: 'kept', channels: { '*': ['subscribe', 'publish'] } })
}

/** @returns a place that is in no word. */
function between(text: string, random: Seeded): number {
  return text.length === 0 ? 0 : text.indexOf('>', random.below(text.length)) + 1
}

/** @returns what clients without anything are told of each document. */
async function readAfresh(editors: Editors): Promise<string[]> {
  const fresh = NAMES.map((name, n) =>
    editors.of(n % EDITOR_KINDS.length, { name, token: token() }),
  )
  await Promise.all(fresh.map((editor) => editor.synced()))
  const texts = fresh.map(({ read }) => read)
  for (const editor of fresh) editor.destroy()
  return texts
}
