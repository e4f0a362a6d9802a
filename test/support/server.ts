/**
 * Starts the server as a person does, from its bin, on ports the system chooses, and stops it by
 * signal. Every server gets a directory of its own that goes when the server is stopped.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AppSettings } from '../../packages/server/src/ports/records/app.ts'
import { until } from './wait.ts'

/** One app as the `tenants:` section takes it. */
export type AppConfig = Partial<AppSettings> & {
  readonly id: string
  readonly key: string
  readonly secret: string
  readonly name?: string
  readonly type?: 'confidential' | 'public'
  readonly clientId?: string
  readonly clientSecret?: string
  readonly plan?: string
  readonly allowedDomains?: readonly string[]
  readonly apiKeys?: readonly { readonly value: string; readonly scopes?: readonly string[] }[]
  readonly jwtSecrets?: readonly Readonly<Record<string, unknown>>[]
  readonly mqttUsers?: readonly Readonly<Record<string, unknown>>[]
  readonly webhooks?: readonly Readonly<Record<string, unknown>>[]
  /** More pairs beside `key` and `secret`, accepted alike. */
  readonly moreKeys?: readonly { readonly key: string; readonly secret: string }[]
}

export interface ServerOptions {
  readonly apps?: readonly AppConfig[]
  /** Top-level settings beside the defaults of the tests. */
  readonly config?: Readonly<Record<string, unknown>>
  /** An existing data directory; kept at the end. */
  readonly dataDir?: string
}

/** A way to run the bin without a configuration file. */
export interface BareOptions {
  readonly environment: Readonly<Record<string, string>>
  readonly workingDir: string
}

/** How long a start may take on a busy machine. */
const START_MS = 30_000
/** How long a stop may take: the longest drain of the tests and some. */
const STOP_MS = 30_000

const running = new Set<LiveServer>()
process.on('exit', () => {
  for (const server of running) server.killNow()
})

/** Makes an app that accepts everything the tests do unless told otherwise. */
export function app(id: string, settings: Partial<AppConfig> = {}): AppConfig {
  return { id, key: `${id}-key`, secret: `${id}-secret-0123456789abcdef`, ...settings }
}

export async function startServer(options: ServerOptions = {}): Promise<LiveServer> {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-test-'))
  const configFile = join(home, 'lockgate.yaml')
  const dataDir = options.dataDir ?? join(home, 'data')
  const tenants = options.apps === undefined ? {} : { tenants: [tenantOf(options.apps)] }
  const config = {
    listen: Object.fromEntries(
      ['http', 'https', 'mqtt', 'mqtts', 'ops'].map((name) => [name, '127.0.0.1:0']),
    ),
    dataDir,
    logLevel: 'info',
    demo: false,
    drainMs: 0,
    ...options.config,
    ...tenants,
  }
  writeFileSync(configFile, JSON.stringify(config, null, 2)) // JSON is YAML too
  const server = new LiveServer(['serve', '--config', configFile], {
    environment: {},
    workingDir: home,
  })
  server.atExit(() => rmSync(home, { recursive: true, force: true }))
  await server.listening()
  return server
}

/** Starts with nothing but environment variables. */
export async function startBare(options: BareOptions): Promise<LiveServer> {
  mkdirSync(options.workingDir, { recursive: true })
  const server = new LiveServer(['serve'], options)
  await server.listening()
  return server
}

function tenantOf(apps: readonly AppConfig[]): Record<string, unknown> {
  return {
    id: '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111',
    shortId: 'org_k7xm4pqr2n5t',
    name: 'Conformance',
    apps: apps.map(({ key, secret, moreKeys, ...rest }) => ({
      name: rest.id,
      plan: 'unlimited',
      region: 'local',
      ...rest,
      ...(moreKeys === undefined ? { key, secret } : { keys: [{ key, secret }, ...moreKeys] }),
    })),
  }
}

export class LiveServer {
  /** Base URLs without a trailing slash; known once {@link listening} resolves. */
  http = ''
  https = ''
  ops = ''
  /** `mqtt://host:port`; empty when nothing listens. */
  mqtt = ''
  mqtts = ''
  stdout = ''
  stderr = ''
  exit: { readonly code: number | null; readonly signal: string | null } | undefined
  readonly #child: ChildProcess
  readonly #cleanups: (() => void)[] = []

  constructor(args: readonly string[], options: BareOptions) {
    const bin = join(repositoryRoot(), 'packages/server/bin/lockgate.js')
    this.#child = spawn(process.execPath, [bin, ...args], {
      cwd: options.workingDir,
      env: { PATH: process.env['PATH'], HOME: options.workingDir, ...options.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.#child.on('exit', (code, signal) => {
      this.exit = { code, signal }
      running.delete(this)
    })
    running.add(this)
  }

  atExit(cleanup: () => void): void {
    this.#cleanups.push(cleanup)
  }

  /** Resolves once the server says where it listens. */
  async listening(): Promise<void> {
    const line = await until(
      'the log line `listening`',
      () => {
        assert.equal(this.exit, undefined, `the server ended early: ${this.stderr}${this.stdout}`)
        return this.logLines().find((fields) => fields['event'] === 'listening')
      },
      START_MS,
    )
    this.http = urlOf(line['http'])
    this.https = urlOf(line['https'])
    this.ops = urlOf(line['ops'])
    this.mqtt = urlOf(line['mqtt'])
    this.mqtts = urlOf(line['mqtts'])
  }

  /** What was logged so far, one object per line; text that is no JSON is left out. */
  logLines(): Record<string, unknown>[] {
    const lines = this.stderr
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  get port(): number {
    return Number(new URL(this.http).port)
  }

  /** The URL of an app's socket, as pusher-js builds it. */
  socketUrl(key: string, query = 'protocol=7&client=js&version=8.6.0&flash=false'): string {
    return `${this.http.replace(/^http/, 'ws')}/app/${key}${query === '' ? '' : `?${query}`}`
  }

  /** The server itself: the bin only launches it. */
  processId(): number {
    const launcher = this.#child.pid
    const children = readFileSync(`/proc/${launcher}/task/${launcher}/children`, 'utf8').trim()
    return Number(children === '' ? launcher : children.split(' ')[0])
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Power cut: no handler runs. */
  async killHard(): Promise<void> {
    process.kill(this.processId(), 'SIGKILL')
    await until('the launcher notices the kill', () => this.exit, STOP_MS)
  }

  /** For the end of a failed test run only. */
  killNow(): void {
    if (this.exit !== undefined) return
    for (const pid of [this.processId(), this.#child.pid]) {
      if (pid !== undefined) process.kill(pid, 'SIGKILL')
    }
  }

  /** Ends the server by SIGTERM and requires that it leaves with 0. */
  async stop(): Promise<void> {
    try {
      assert.equal(this.exit, undefined, `the server ended on its own: ${this.stderr.slice(-2000)}`)
      this.signal('SIGTERM')
      await this.exited()
    } finally {
      this.killNow()
      for (const cleanup of this.#cleanups) cleanup()
    }
  }

  /** Waits for the end and requires exit code 0. */
  async exited(): Promise<void> {
    const exit = await until('the server exits after SIGTERM', () => this.exit, STOP_MS)
    assert.deepEqual(exit, { code: 0, signal: null }, this.stderr.slice(-2000))
  }

  /** Sum of all series of a metric on the ops listener, 0 when it has none. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.ops}/metrics`)).text()
    const values = text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)))
    return values.reduce((sum, value) => sum + value, 0)
  }
}

/** A base URL of the log line, without a trailing slash; empty when that listener is off. */
function urlOf(field: unknown): string {
  return typeof field === 'string' ? field.replace(/\/$/, '') : ''
}

/** The checkout; the tests run from a bundle, so it is looked for upwards. */
export function repositoryRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(directory, 'packages/server/package.json'))) {
    const parent = dirname(directory)
    assert.notEqual(parent, directory, 'no checkout above the test bundle')
    directory = parent
  }
  return directory
}
