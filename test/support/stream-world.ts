/** Streams on real sockets, with sessions that only keep what they are told, and raw clients. */
import { connect, type Socket } from 'node:net'
import { Tally } from '../../packages/server/src/core/tally.ts'
import type { Clock } from '../../packages/server/src/ports/clock.ts'
import type { Frame, PacedOutbox } from '../../packages/server/src/ports/fanout.ts'
import type {
  Inflow,
  Session,
  StreamAdmission,
  StreamConnection,
  StreamProtocol,
} from '../../packages/server/src/sessions/session.ts'
import { Pump } from '../../packages/server/src/transports/pump.ts'
import { Streams } from '../../packages/server/src/transports/streams.ts'
import { TurnWriter } from '../../packages/server/src/transports/turn-writer.ts'
import { guardWorld } from './guard-world.ts'
import { until } from './wait.ts'

/** Says `bye` and why when it is ended. */
export class KeepingSession implements Session {
  readonly outbox: PacedOutbox
  readonly inflow: Inflow
  readonly connection: StreamConnection | undefined
  readonly received: Frame[] = []
  readonly ends: string[] = []
  closedCount = 0
  writableCount = 0
  tickCount = 0
  /** What is done with what comes in, beside keeping it. */
  onReceive: ((frame: Frame, session: KeepingSession) => void) | undefined

  constructor(outbox: PacedOutbox, inflow: Inflow, connection?: StreamConnection) {
    this.outbox = outbox
    this.inflow = inflow
    this.connection = connection
  }

  get receivedBytes(): Buffer {
    return Buffer.concat(this.received.map((frame) => Buffer.from(frame)))
  }

  open(): void {}

  receive(frame: Frame): void {
    this.received.push(frame)
    this.onReceive?.(frame, this)
  }

  heard(): void {}

  tick(nowMs: number): number {
    this.tickCount++
    return nowMs + 1_000
  }

  writable(): void {
    this.writableCount++
  }

  end(refusal: string): void {
    this.ends.push(refusal)
    this.outbox.close(1000, refusal, Buffer.from(`bye ${refusal}`))
  }

  closed(): void {
    this.closedCount++
  }
}

export interface StreamWorldOptions {
  readonly connectionCountMax?: number
  readonly outboxBytesMax?: number
  /** Limits of the installation. */
  readonly limits?: readonly string[]
  readonly admit?: (connection: StreamConnection) => StreamAdmission | undefined
}

export function streamWorld(options: StreamWorldOptions = {}) {
  const tally = new Tally()
  const logged: string[] = []
  const error = (event: string) => void logged.push(event)
  const log = { debug() {}, info() {}, warn() {}, error }
  let skippedMs = 0
  const clock: Clock = {
    nowMs: () => Date.now() + skippedMs,
    monotonicMs: () => performance.now() + skippedMs,
  }
  const sessions: KeepingSession[] = []
  const protocol: StreamProtocol = {
    admit: (connection) =>
      options.admit?.(connection) ?? {
        kind: 'session',
        start: (outbox, inflow) => {
          const session = new KeepingSession(outbox, inflow, connection)
          sessions.push(session)
          return session
        },
      },
  }
  const pump = new Pump(options.outboxBytesMax ?? 1024 * 1024, { clock, tally, log })
  const writer = new TurnWriter()
  const { guard } = guardWorld(clock, options.limits ?? ['connect.ip 100000/1m'])
  const ports = { protocol, pump, writer, clock, tally, guard }
  const streams = new Streams({ connectionCountMax: options.connectionCountMax ?? 10_000 }, ports)
  const checks = setInterval(() => pump.check(), 50)
  return {
    streams,
    sessions,
    tally,
    logged,
    pump,
    writer,
    /** Moves the clock; timers of the system do not. */
    skip(ms: number) {
      skippedMs += ms
    },
    /** @returns the session of the next connection that is admitted. */
    async nextSession(cause: () => unknown): Promise<KeepingSession> {
      const index = sessions.length
      await cause()
      return until('a session', () => sessions[index])
    },
    stop() {
      clearInterval(checks)
      streams.terminateAll()
    },
  }
}

/** A client that keeps what it reads. */
export class RawClient {
  readonly socket: Socket
  readonly chunks: Buffer[] = []
  hasEnded = false
  isClosed = false
  failure: string | undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.chunks.push(chunk))
    socket.on('end', () => {
      this.hasEnded = true
    })
    socket.on('close', () => {
      this.isClosed = true
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.failure = error.code ?? error.message
    })
  }

  static to(port: number, options: { readonly allowHalfOpen?: boolean } = {}): RawClient {
    return new RawClient(connect({ port, host: '127.0.0.1', noDelay: true, ...options }))
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }

  get text(): string {
    return this.bytes.toString()
  }
}
