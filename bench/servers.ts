/**
 * The servers under test: Lockgate as a user starts it, and the references it is compared with.
 * Each run gets a fresh process, so no run inherits the memory or the warm code of another.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Child, readPort, readStandardError, startOnServerCore, stop } from './children.ts'
import { childPids, nodePath } from './machine.ts'
import { type Programs, ROOT } from './toolchain.ts'

/** Our bound on Lockgate's start, and how often it is asked whether it is ready. */
const READY_MS_MAX = 20_000
const READY_POLL_MS = 2

export interface Server {
  readonly port: number
  /** The process whose CPU and memory count. */
  readonly pid: number
  /** Whether it speaks the Pusher protocol or only copies. */
  readonly protocol: 'pusher' | 'wsocket' | 'raw'
  /** Whether what a publisher sends reaches subscribers. */
  readonly isForwarding: boolean
  stop(): Promise<void>
}

export function startFloor(programs: Programs): Promise<Server> {
  return startReference('the C floor', [programs.floor])
}

export function startWs(): Promise<Server> {
  const script = join(import.meta.dir, 'reference', 'ws-server.mjs')
  return startReference('the ws reference', [nodePath(), script])
}

/** @param role `closing`: keeps its sockets in a set and closes them all when it is asked to. */
export async function startBareBun(role?: 'closing'): Promise<Server> {
  const script = join(import.meta.dir, 'reference', 'bare-bun.ts')
  const command = [process.execPath, script, ...(role === undefined ? [] : [role])]
  const server = await startReference('bare Bun.serve', command)
  return { ...server, isForwarding: false }
}

async function startReference(name: string, command: readonly string[]): Promise<Server> {
  const child = startOnServerCore(command, ROOT)
  const port = await readPort(child, name)
  return { port, pid: child.pid, protocol: 'raw', isForwarding: true, stop: () => stop(child) }
}

/** The app under test; on loopback only, for the time of the bench. */
export const APP = { id: 'app-id', key: 'app-key', secret: 'app-secret' }
/** Another one, whose signing secret does not stay what it is at first. */
export const ROTATED_APP = { id: 'rotated-id', key: 'rotated-key', secret: 'rotated-secret' }
/** And one for the drill, in which every secret is rotated. */
export const DRILLED_APP = { id: 'drilled-id', key: 'drilled-key', secret: 'drilled-secret' }
/** Three tiers, each with room: what asking them costs is measured, not what they refuse. */
export const GUARDED_APP = { id: 'guarded-id', key: 'guarded-key', secret: 'guarded-secret' }
/** The same for messages of topics. */
export const MQTT_APP = { id: 'mqtt-id', key: 'mqtt-key', secret: 'mqtt-secret' }
/** Messages with history, and documents that are kept; limits that are asked and never reached. */
export const JSON_APP = { id: 'json-id', key: 'json-key', secret: 'json-secret' }
export const DOCUMENT_CLIENT = { id: 'document-client', secret: 'q3N-8bKs5_HgV1xT7dMz9wJc2rPy6fLa' }
export const KEPT_CLIENT = { id: 'kept-client', secret: 'b6T-1mWq9_RfX4pD8hNv2zGk5sJy3cLe' }
export const CLIENT = {
  id: 'bench-client',
  drillId: 'drill-client',
  secret: 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGa',
}
export const TENANT_ID = '6d1c7a52-0f5e-4a7b-9c58-0f1f4d1f2a90'

/** A data directory with its configuration, used by one Lockgate process after the other. */
export interface Installation {
  /** Of its owner only. */
  readonly folder: string
  readonly configFile: string
  /** There from the first start on. */
  readonly operatorKeyFile: string
  readonly httpPort: number
  readonly mqttPort: number
  readonly opsPort: number
  remove(): void
}

/** All clients of the bench come from one address. */
const NO_LIMITS_BY_ADDRESS = `guard:
  limits:
    - connect.ip 1000000000/1m
    - connect.range 1000000000/1m
    - auth.ip 1000000000/1m
    - auth.user 1000000000/1m
    - documents_connect.ip 1000000000/1m`

/** What is measured fills the CPU on purpose, and dials more clients while it does. */
const NO_SHEDDING = 'load: { shedding: false }'

/** Writes a configuration on free ports of 127.0.0.1; its data directory does not exist yet. */
export function makeInstallation(
  limits: 'no limits' | 'default limits' = 'no limits',
): Installation {
  const folder = mkdtempSync(join(tmpdir(), 'lockgate-bench-'))
  const [httpPort = 0, mqttPort = 0, opsPort = 0] = freePorts(3)
  const configFile = join(folder, 'lockgate.yaml')
  const operatorKeyFile = join(folder, 'data', 'operator.key')
  writeFileSync(
    configFile,
    `listen:
  http: "127.0.0.1:${httpPort}"
  mqtt: "127.0.0.1:${mqttPort}"
  ops: "127.0.0.1:${opsPort}"
dataDir: ${JSON.stringify(join(folder, 'data'))}
demo: false
logLevel: warn
drainMs: 0
${limits === 'no limits' ? `${NO_LIMITS_BY_ADDRESS}\n${NO_SHEDDING}` : ''}
tenants:
  - id: ${TENANT_ID}
    shortId: org_benchbench22
    name: Bench
    apps:
      - { id: ${APP.id}, name: bench, key: ${APP.key}, secret: ${APP.secret},
          clientId: ${CLIENT.id}, clientSecret: ${CLIENT.secret},
          clientMessages: true, limits: [client_events.connection 1000000000/1s] }
      - { id: ${ROTATED_APP.id}, name: rotated, key: ${ROTATED_APP.key},
          secret: ${ROTATED_APP.secret} }
      - { id: ${GUARDED_APP.id}, name: guarded, key: ${GUARDED_APP.key},
          secret: ${GUARDED_APP.secret},
          clientMessages: true,
          limits: [client_events.connection 1000000000/1s, publish.app 1000000000/1m,
                   publish.channel 1000000000/1m, publish.user 1000000000/1m] }
      - { id: ${MQTT_APP.id}, name: mqtt, key: ${MQTT_APP.key}, secret: ${MQTT_APP.secret},
          limits: [publish.app 1000000000/1m, publish.channel 1000000000/1m,
                   publish.user 1000000000/1m, connections.app 1000000,
                   subscriptions.connection 1000] }
      - { id: ${JSON_APP.id}, name: json, key: ${JSON_APP.key}, secret: ${JSON_APP.secret},
          limits: [publish.app 1000000000/1m, publish.channel 1000000000/1m,
                   publish.user 1000000000/1m] }
      - { id: documents-id, name: documents, key: documents-key, secret: documents-secret,
          clientId: ${DOCUMENT_CLIENT.id},
          clientSecret: ${DOCUMENT_CLIENT.secret} }
      - { id: kept-id, name: kept, key: kept-key, secret: kept-secret,
          documentPersistence: true, clientId: ${KEPT_CLIENT.id},
          clientSecret: ${KEPT_CLIENT.secret} }
      - { id: ${DRILLED_APP.id}, name: drilled, key: ${DRILLED_APP.key},
          secret: ${DRILLED_APP.secret},
          clientId: ${CLIENT.drillId}, clientSecret: ${CLIENT.secret} }
`,
  )
  const remove = () => rmSync(folder, { recursive: true, force: true })
  return { folder, configFile, operatorKeyFile, httpPort, mqttPort, opsPort, remove }
}

export interface ReadyServer extends Server {
  /** From the start of the launcher until `/ready` answered 200. */
  readonly readyMs: number
  /** The launcher and the server. */
  readonly pids: readonly number[]
}

/** Starts Lockgate by its own launcher and returns when `/ready` answers 200. */
export async function startLockgate(installation: Installation): Promise<ReadyServer> {
  const launcher = join(ROOT, 'packages', 'server', 'bin', 'lockgate.js')
  const command = [nodePath(), launcher, 'serve', '--config', installation.configFile]
  const startedMs = performance.now()
  const child = startOnServerCore(command, ROOT)
  const isUp = await waitUntilReady(child, installation.opsPort)
  const readyMs = performance.now() - startedMs
  if (!isUp) throw new Error(`Lockgate did not get ready: ${await readStandardError(child)}`)
  // The launcher's child is the runtime that serves; without one the launcher serves itself.
  const [pid = child.pid] = childPids(child.pid)
  // A full pipe would block the server's log.
  void drain(child.stdout)
  void drain(child.stderr)
  return {
    port: installation.httpPort,
    pid,
    pids: [...new Set([child.pid, pid])],
    protocol: 'pusher',
    isForwarding: true,
    readyMs,
    stop: () => stop(child),
  }
}

async function waitUntilReady(child: Child, opsPort: number): Promise<boolean> {
  const deadline = performance.now() + READY_MS_MAX
  while (performance.now() < deadline && child.exitCode === null) {
    if (await isReady(opsPort)) return true
    await Bun.sleep(READY_POLL_MS)
  }
  return false
}

async function isReady(opsPort: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${opsPort}/ready`)
    await answer.arrayBuffer()
    return answer.status === 200
  } catch {
    return false // Nobody listens yet; the caller's deadline bounds the asking.
  }
}

async function drain(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const _ of stream);
}

/** Ports that were free a moment ago, all different. */
export function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () =>
    Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } }),
  )
  const ports = listeners.map((listener) => listener.port)
  for (const listener of listeners) listener.stop(true)
  return ports
}
