/**
 * The servers of documents under test: Lockgate as a user starts it, and the two it is compared
 * with, which ask nobody who they are.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readPort, startOnServerCore, stop } from './children.ts'
import { nodePath } from './machine.ts'
import { DOCUMENT_CLIENT, type Installation, KEPT_CLIENT, startLockgate } from './servers.ts'
import { ROOT } from './toolchain.ts'

export interface DocumentServer {
  readonly port: number
  readonly pid: number
  /** Options of `load yjs` that say how it is spoken to. */
  readonly spoken: Readonly<Record<string, string>>
  stop(): Promise<void>
}

export type DocumentServerName = 'lockgate' | 'hocuspocus' | 'y-websocket'

/** @param kept the file with the state that the document has from the start. */
export function startDocumentServer(
  name: DocumentServerName,
  installation: Installation,
  kept?: string,
): Promise<DocumentServer> {
  switch (name) {
    case 'lockgate':
      return startOurs(installation, kept === undefined ? DOCUMENT_CLIENT : KEPT_CLIENT)
    case 'hocuspocus':
      return startReference('hocuspocus', kept === undefined ? [] : [kept])
    case 'y-websocket':
      return startReference('y-websocket', [])
    default:
      return name satisfies never
  }
}

async function startOurs(
  installation: Installation,
  client: { readonly id: string; readonly secret: string },
): Promise<DocumentServer> {
  const server = await startLockgate(installation)
  const { port, pid } = server
  const token = await accessToken(`http://127.0.0.1:${port}`, client)
  return { port, pid, spoken: { prefix: '/collaboration', token }, stop: () => server.stop() }
}

/** As a backend asks for it; its limits are those of the plan. */
export async function accessToken(
  http: string,
  { id, secret }: { readonly id: string; readonly secret: string },
): Promise<string> {
  const answer = await fetch(`${http}/connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      scope: 'WireSocket.API',
      client_id: id,
      client_secret: secret,
    }),
  })
  const { access_token: token } = (await answer.json()) as { access_token?: string }
  if (token === undefined) throw new Error(`no token: status ${answer.status}`)
  return token
}

async function startReference(
  name: 'hocuspocus' | 'y-websocket',
  words: readonly string[],
): Promise<DocumentServer> {
  const script = join(import.meta.dir, 'reference', `${name}-server.mjs`)
  const child = startOnServerCore([nodePath(), script, ...words], ROOT)
  const port = await readPort(child, name)
  return { port, pid: child.pid, spoken: { framing: name }, stop: () => stop(child) }
}

/** As its package says. */
export function hocuspocusVersion(): string {
  const path = join(ROOT, 'node_modules', '@hocuspocus', 'server', 'package.json')
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string }
  return `hocuspocus ${version}`
}
