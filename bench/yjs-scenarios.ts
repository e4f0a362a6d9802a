/**
 * Documents beside other servers of Yjs: the same updates, made beforehand, by the same generator.
 * Ours checks tokens, limits and every update; the others let anybody do anything.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { generate, type MqttOpenResult, type OpeningResult, type YjsResult } from './generator.ts'
import { contentionOf, perItem, type Reading, type Settings } from './measure.ts'
import type { Column, Scenario } from './scenarios.ts'
import type { Installation } from './servers.ts'
import { type DocumentServer, type DocumentServerName, startDocumentServer } from './yjs-servers.ts'
import { makeLongDocument, writeUpdates } from './yjs-updates.ts'

const EDITOR_COUNT = 50
/** Enough for the fastest; a run that needs more fails and says so. */
const UPDATE_COUNT = 400_000
const LONG_EDIT_COUNT = 100_000
/** Openings of a document that is open already. */
const WARM_COUNT = 10
const KEPT_DOCUMENT = 'long'

const TRAFFIC: readonly Column[] = [
  { key: 'updateRate', title: 'updates per second', digits: 0 },
  { key: 'updateUs', title: 'CPU us per update', digits: 1 },
  { key: 'p50Us', title: 'p50 us', digits: 0 },
  { key: 'p99Us', title: 'p99 us', digits: 0 },
]

export const YJS_SCENARIOS: readonly Scenario[] = [
  editing(1),
  editing(EDITOR_COUNT),
  {
    name: 'yjs-idle',
    title: '1,000 documents with 5 idle editors each',
    columns: [
      { key: 'connections', title: 'editors', digits: 0 },
      { key: 'megabytes', title: 'MB RSS of them', digits: 1 },
      { key: 'wholeMegabytes', title: 'MB RSS in all', digits: 1 },
      { key: 'idleCpu', title: 'CPU % while idle', digits: 2 },
    ],
    servers: ['lockgate', 'hocuspocus', 'y-websocket'],
    run: (server, settings) =>
      withDocuments(server, settings, async ({ port, pid, spoken }) => {
        const { connect, hold } = await generate<MqttOpenResult>({
          program: settings.programs.load,
          mode: 'yjs-open',
          options: {
            ...{ port, pid, ...spoken, channel: 'idle', count: 5, hold: 12 },
            groups: settings.isQuick ? 100 : 1000,
          },
        })
        return {
          values: {
            connections: settings.isQuick ? 500 : 5000,
            megabytes: (hold.rssBytesAfter - connect.rssBytesBefore) / 2 ** 20,
            wholeMegabytes: hold.rssBytesAfter / 2 ** 20,
            idleCpu: ((hold.userSeconds + hold.systemSeconds) / hold.seconds) * 100,
          },
        }
      }),
  },
  {
    name: 'yjs-open',
    title: 'Opening a document of 100,000 edits, until its state is there',
    columns: [
      { key: 'coldMs', title: 'ms, first one', digits: 1 },
      { key: 'warmMs', title: 'ms, while it is open', digits: 1 },
      { key: 'stateBytes', title: 'bytes', digits: 0 },
    ],
    servers: ['lockgate', 'hocuspocus'],
    async run(server, settings) {
      const kept = keptFile(settings)
      if (server === 'lockgate') await keep(settings.installation, kept)
      return withDocuments(server, { ...settings, kept }, async ({ port, pid, spoken }) => {
        const options = { port, pid, ...spoken, channel: KEPT_DOCUMENT, messages: WARM_COUNT }
        const program = settings.programs.load
        const opened = await generate<OpeningResult>({ program, mode: 'yjs-open', options })
        return { values: { ...opened } }
      })
    },
  },
]

/** @param window updates on their way at a time, over all editors. */
function editing(window: number): Scenario {
  return {
    name: `yjs-edit-${window}`,
    title: `Updates in one document of ${EDITOR_COUNT} editors, ${window} on the way at a time`,
    columns: TRAFFIC,
    servers: ['lockgate', 'hocuspocus', 'y-websocket'],
    run: (server, settings) =>
      withDocuments(server, settings, async ({ port, pid, spoken }) => {
        const { programs, warmupSeconds, seconds } = settings
        const { traffic, messages, latencyUs } = await generate<YjsResult>({
          program: programs.load,
          mode: 'yjs',
          options: {
            ...{ port, pid, ...spoken, window, seconds, warmup: warmupSeconds },
            channel: 'edited',
            count: EDITOR_COUNT,
            messages: UPDATE_COUNT,
            updates: updatesFile(settings),
          },
        })
        const { cpuUs = 0, wallRate = 0 } = perItem(traffic, messages)
        const { p50: p50Us, p99: p99Us } = latencyUs
        const values = { updateRate: wallRate, updateUs: cpuUs, p50Us, p99Us }
        return { values, ...contentionOf(traffic) }
      }),
  }
}

/** @param settings with the file of the state that the document has from the start, if any. */
async function withDocuments(
  name: string,
  { installation, kept }: Pick<Settings, 'installation'> & { readonly kept?: string },
  measure: (server: DocumentServer) => Promise<Reading>,
): Promise<Reading> {
  const server = await startDocumentServer(name as DocumentServerName, installation, kept)
  try {
    return await measure(server)
  } finally {
    await server.stop()
  }
}

function updatesFile({ installation }: Settings): string {
  const path = join(installation.folder, 'updates')
  if (!existsSync(path)) writeUpdates(path, UPDATE_COUNT, EDITOR_COUNT)
  return path
}

function keptFile({ installation, isQuick }: Settings): string {
  const path = join(installation.folder, 'long-document')
  if (!existsSync(path)) {
    writeFileSync(path, makeLongDocument(isQuick ? LONG_EDIT_COUNT / 100 : LONG_EDIT_COUNT))
  }
  return path
}

/** Brings the document in as an editor does, once for all runs. */
async function keep(installation: Installation, kept: string): Promise<void> {
  const done = `${kept}.kept`
  if (existsSync(done)) return
  const server = await startDocumentServer('lockgate', installation, kept)
  try {
    const doc = new Y.Doc()
    Y.applyUpdate(doc, new Uint8Array(await Bun.file(kept).arrayBuffer()))
    const length = doc.getText('text').length
    const provider = openEditor(server, doc)
    await synchronized(provider)
    provider.destroy()
    // What another editor gets is what was taken.
    const other = new Y.Doc()
    const reader = openEditor(server, other)
    await synchronized(reader)
    while (other.getText('text').length < length) await Bun.sleep(10)
    reader.destroy()
    writeFileSync(done, '')
  } finally {
    await server.stop()
  }
}

function openEditor({ port, spoken }: DocumentServer, doc: Y.Doc): WebsocketProvider {
  const url = `ws://127.0.0.1:${port}${spoken['prefix']}`
  return new WebsocketProvider(url, KEPT_DOCUMENT, doc, {
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    disableBc: true,
    protocols: ['access_token', spoken['token'] ?? ''],
  })
}

function synchronized(provider: WebsocketProvider): Promise<void> {
  if (provider.synced) return Promise.resolve()
  const { promise, resolve } = Promise.withResolvers<void>()
  provider.once('sync', () => resolve())
  return promise
}
