/**
 * The brokers under test: Lockgate as a user starts it, and the two it is compared with, which ask
 * nobody who they are and keep nothing.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findMosquitto } from '../scripts/run/system-packages.mjs'
import { type Child, readPort, readStandardError, startOnServerCore, stop } from './children.ts'
import { nodePath } from './machine.ts'
import { freePorts, type Installation, startLockgate } from './servers.ts'
import { ROOT } from './toolchain.ts'

const START_MS_MAX = 10_000
const POLL_MS = 10
/** Beyond what a group has in flight, so that QoS 1 is never held back. */
const IN_FLIGHT_COUNT = 256

export interface MqttServer {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

export type Broker = 'lockgate' | 'mosquitto' | 'aedes'

export function startBroker(name: Broker, installation: Installation): Promise<MqttServer> {
  switch (name) {
    case 'lockgate':
      return startOurs(installation)
    case 'mosquitto':
      return startMosquitto()
    case 'aedes':
      return startAedes()
    default:
      return name satisfies never
  }
}

async function startOurs(installation: Installation): Promise<MqttServer> {
  const server = await startLockgate(installation)
  return { port: installation.mqttPort, pid: server.pid, stop: () => server.stop() }
}

async function startMosquitto(): Promise<MqttServer> {
  const program = findMosquitto()
  if (program === undefined) {
    throw new Error(
      'No mosquitto: install it (Debian: apt-get install mosquitto), or leave its rows out ' +
        'with --server lockgate --server aedes.',
    )
  }
  const [port = 0] = freePorts(1)
  const folder = mkdtempSync(join(tmpdir(), 'lockgate-mosquitto-'))
  const file = join(folder, 'mosquitto.conf')
  writeFileSync(
    file,
    `listener ${port} 127.0.0.1
allow_anonymous true
persistence false
log_dest none
set_tcp_nodelay true
max_inflight_messages ${IN_FLIGHT_COUNT}
`,
  )
  const child = startOnServerCore([program, '-c', file], ROOT)
  const end = async () => {
    await stop(child)
    rmSync(folder, { recursive: true, force: true })
  }
  if (!(await listens(child, port))) {
    const said = await readStandardError(child)
    await end()
    throw new Error(`mosquitto did not start: ${said}`)
  }
  return { port, pid: child.pid, stop: end }
}

/** As it says itself. */
export function mosquittoVersion(): string {
  const said = Bun.spawnSync([findMosquitto() ?? 'mosquitto', '-h']).stdout.toString()
  return (said.split('\n')[0] ?? '').replace(' version', '')
}

async function startAedes(): Promise<MqttServer> {
  const script = join(import.meta.dir, 'reference', 'aedes-server.mjs')
  const child = startOnServerCore([nodePath(), script], ROOT)
  const port = await readPort(child, 'aedes')
  return { port, pid: child.pid, stop: () => stop(child) }
}

async function listens(child: Child, port: number): Promise<boolean> {
  const deadlineMs = performance.now() + START_MS_MAX
  while (performance.now() < deadlineMs && child.exitCode === null) {
    if (await accepts(port)) return true
    await Bun.sleep(POLL_MS)
  }
  return false
}

function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect({ host: '127.0.0.1', port })
  socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}
