/**
 * One reading of one server: runs the generator against it and turns what the kernel accounted into
 * figures per delivery, connection or request.
 */
import { startOnServerCore } from './children.ts'
import { generate, type PublishResult, type SocketsResult, type Span } from './generator.ts'
import { canPin, coreBusySeconds, openFilesMax, processCpuSeconds } from './machine.ts'
import { type Installation, type Server, startLockgate } from './servers.ts'
import { type Programs, ROOT } from './toolchain.ts'

export interface Settings {
  readonly programs: Programs
  /** Used by every Lockgate process, so its data directory exists from the second start on. */
  readonly installation: Installation
  /** How long a stretch is measured, and warmed up before. */
  readonly seconds: number
  readonly warmupSeconds: number
  readonly isQuick: boolean
}

/** One run of one server. */
export interface Reading {
  /** By the `key` of the scenario's columns. */
  readonly values: Readonly<Record<string, number>>
  /** How busy others kept the server's core, 0 to 1; absent where time is not what is measured. */
  readonly contention?: number
}

/** @param shape subscribers, messages in flight, and seconds between messages at the least. */
export async function measureTraffic(
  server: Server,
  settings: Settings,
  shape: {
    readonly count: number
    readonly window: number
    readonly pace?: number
    /** Of the app that is used in place of the usual one. */
    readonly key?: string
    readonly channel?: string
    readonly secret?: string
  },
): Promise<Reading> {
  const { traffic, deliveries, latencyUs } = await generate<SocketsResult>({
    program: settings.programs.load,
    mode: 'sockets',
    options: {
      ...addressOf(server),
      ...shape,
      warmup: settings.warmupSeconds,
      seconds: settings.seconds,
    },
  })
  if (traffic === undefined || !deliveries || latencyUs === undefined) {
    throw new Error('the generator measured no delivery')
  }
  return {
    values: { ...perItem(traffic, deliveries), p50Us: latencyUs.p50, p99Us: latencyUs.p99 },
    ...contentionOf(traffic),
  }
}

/** Memory of connections that are only there; two seconds after the last one came. */
export async function measureIdle(server: Server, settings: Settings): Promise<Reading> {
  const count = connectionCount(settings)
  const { connect, hold } = await generate<SocketsResult>({
    program: settings.programs.load,
    mode: 'sockets',
    options: {
      ...addressOf(server),
      count,
      channel: 'private-idle',
      hold: 2,
      // Afterwards each of them must still get every message, once and in order.
      ...(server.isForwarding ? { messages: 3 } : {}),
    },
  })
  return {
    values: {
      connections: count,
      kilobytes: (hold.rssBytesAfter - connect.rssBytesBefore) / count / 1024,
      megabytes: hold.rssBytesAfter / 2 ** 20,
      idleCpu: ((hold.userSeconds + hold.systemSeconds) / hold.seconds) * 100,
    },
  }
}

/** TCP connect, upgrade, and for Lockgate the signed subscription; after a warm-up of a fifth. */
export async function measureConnect(server: Server, settings: Settings): Promise<Reading> {
  const count = connectionCount(settings)
  const { connect } = await generate<SocketsResult>({
    program: settings.programs.load,
    mode: 'sockets',
    options: {
      ...addressOf(server),
      count,
      'warmup-count': Math.floor(count / 5),
      channel: 'private-connect',
      ...(server.isForwarding ? { messages: 3 } : {}),
    },
  })
  return { values: perItem(connect, count), ...contentionOf(connect) }
}

/** One signed request in flight on each of 32 keep-alive connections. */
export async function measurePublish(server: Server, settings: Settings): Promise<Reading> {
  const { traffic, requests, latencyUs } = await generate<PublishResult>({
    program: settings.programs.load,
    mode: 'publish',
    options: {
      ...addressOf(server),
      count: 32,
      event: 'bench',
      warmup: settings.warmupSeconds,
      seconds: settings.seconds,
    },
  })
  return {
    values: { ...perItem(traffic, requests), p50Us: latencyUs.p50, p99Us: latencyUs.p99 },
    ...contentionOf(traffic),
  }
}

/** From the launcher's start until `/ready` answers 200. */
export async function timeLockgate({ installation }: Settings): Promise<Reading> {
  const before = { ms: performance.now(), busy: coreBusySeconds() }
  const server = await startLockgate(installation)
  const cpuSeconds = server.pids.reduce((sum, pid) => sum + processCpuSeconds(pid), 0)
  const seconds = (performance.now() - before.ms) / 1000
  const coreSeconds = coreBusySeconds() - before.busy
  await server.stop()
  return {
    values: { readyMs: server.readyMs, cpuMs: cpuSeconds * 1000 },
    ...(canPin() ? { contention: (coreSeconds - cpuSeconds) / seconds } : {}),
  }
}

/**
 * The least any program on this runtime needs to start and end. An empty `-e` prints the usage.
 * Too short for the kernel's 10 ms ticks to tell contention.
 */
export async function timeBareBun(): Promise<Reading> {
  const startedMs = performance.now()
  const child = startOnServerCore([process.execPath, '-e', '0'], ROOT)
  await child.exited
  const readyMs = performance.now() - startedMs
  const cpuMs = Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1000
  return { values: { readyMs, cpuMs } }
}

function addressOf(server: Server) {
  return { port: server.port, pid: server.pid, protocol: server.protocol }
}

/** 10,000, or what the limit of open files allows. */
export function connectionCount({ isQuick }: Settings): number {
  return isQuick ? 1000 : Math.min(10_000, openFilesMax() - 500)
}

export function perItem(span: Span, items: number): Record<string, number> {
  const cpuUs = ((span.userSeconds + span.systemSeconds) / items) * 1e6
  return {
    cpuUs,
    userUs: (span.userSeconds / items) * 1e6,
    coreRate: 1e6 / cpuUs,
    wallRate: items / span.seconds,
  }
}

/** What kept the server's core busy besides the server; unknown when it has no core of its own. */
export function contentionOf(span: Span): { contention?: number } {
  if (!canPin()) return {}
  const foreign = span.coreBusySeconds - span.userSeconds - span.systemSeconds
  return { contention: foreign / span.seconds }
}
