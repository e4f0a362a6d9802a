/**
 * What the Yjs part of the generator must notice: a peer in this file loses an update, withholds
 * it from one editor, refuses, or never answers what an editor lacks.
 */
import { afterEach, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compilePrograms } from './toolchain.ts'
import { makeLongDocument, writeUpdates } from './yjs-updates.ts'
import * as Y from 'yjs'

const EDITOR_COUNT = 3
const UPDATE_COUNT = 20_000

/** What one more editor gets of an update. */
type Relay = (frame: Uint8Array) => readonly Uint8Array[]

const once: Relay = (frame) => [frame]
const home = mkdtempSync(join(tmpdir(), 'lockgate-yjs-bench-'))
const updates = join(home, 'updates')
let program = ''
let peer: { stop(isForced: boolean): void } | undefined

beforeAll(() => {
  program = compilePrograms().load
  writeUpdates(updates, UPDATE_COUNT, EDITOR_COUNT)
  return () => rmSync(home, { recursive: true })
})

afterEach(() => {
  peer?.stop(true)
  peer = undefined
})

/** @param step2 what is answered to an editor that asks what it lacks. */
function startPeer(relay: Relay, step2: readonly number[] = [0, 1, 2, 0, 0]): number {
  const editors = new Set<Bun.ServerWebSocket>()
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request, self) =>
      self.upgrade(request) ? undefined : new Response('', { status: 400 }),
    websocket: {
      open(socket) {
        editors.add(socket)
        socket.send(Uint8Array.of(0, 0, 1, 0))
      },
      message(socket, message) {
        const frame = message as Buffer
        if (frame[0] !== 0) return
        if (frame[1] === 0) return void socket.send(Uint8Array.from(step2))
        if (frame[1] !== 2) return
        for (const editor of editors) {
          if (editor === socket) continue
          for (const each of relay(frame)) editor.send(each)
        }
      },
    },
  })
  peer = server
  return Number(server.port)
}

async function edit(port: number) {
  const words = [
    ...['yjs', '--port', String(port), '--channel', 'room', '--count', String(EDITOR_COUNT)],
    ...['--window', '6', '--messages', String(UPDATE_COUNT), '--updates', updates],
    ...['--warmup', '0.05', '--seconds', '0.1', '--patience', '1'],
  ]
  const child = Bun.spawn([program, ...words], { stdout: 'pipe', stderr: 'pipe' })
  const [output, complaint, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { output, complaint, exitCode }
}

test('updates that reach everybody are counted, each once', async () => {
  const { output, complaint, exitCode } = await edit(startPeer(once))
  expect({ complaint, exitCode }).toEqual({ complaint: '', exitCode: 0 })
  const { messages, deliveries } = JSON.parse(output) as { messages: number; deliveries: number }
  expect(messages).toBeGreaterThan(0)
  expect(deliveries).toBe(messages * (EDITOR_COUNT - 1))
})

test('an update that comes twice counts once', async () => {
  const { exitCode } = await edit(startPeer((frame) => [frame, frame]))
  expect(exitCode).toBe(0)
})

test('an update that one editor does not get is a broken promise', async () => {
  let isLost = false
  const relay: Relay = (frame) => {
    const isIt = !isLost && Buffer.from(frame).includes('lkgt00000007')
    isLost ||= isIt
    return isIt ? [] : [frame]
  }
  const { complaint, exitCode } = await edit(startPeer(relay))
  expect(exitCode).toBe(1)
  expect(complaint).toMatch(/update 7 of \d+ did not reach 1 editors/)
})

test('a refusal is a broken promise, and so is silence', async () => {
  const refused = await edit(startPeer(once, [2, 0, 2, 110, 111]))
  expect(refused.exitCode).toBe(1)
  expect(refused.complaint).toContain('the server refused the editor')
  const silent = await edit(startPeer(once, [1, 1, 0]))
  expect(silent.exitCode).toBe(1)
  expect(silent.complaint).toContain('only 0 of 3 editors were synchronized')
})

test('a long document has all its edits, and is the same each time', () => {
  const state = makeLongDocument(500)
  const doc = new Y.Doc()
  Y.applyUpdate(doc, state)
  expect(doc.getText('text').length).toBe(500)
  expect(makeLongDocument(500)).toEqual(state)
})
