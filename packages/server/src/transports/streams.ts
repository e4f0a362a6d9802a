/**
 * Connections over TCP and TLS: from `Bun.listen` to a session and back. Owns admission, timers and
 * the end of every connection. What is refused costs an accept and a reset: nothing is read of it.
 */
import { limitSubject } from '../core/limits/address-subject.ts'
import type { Guard } from '../core/limits/guard.ts'
import type { RefusalCode } from '../core/refusals.ts'
import type { Tally } from '../core/tally.ts'
import { normalizeAddress } from '../http/client-address.ts'
import type { Clock } from '../ports/clock.ts'
import type { StreamConnection, StreamProtocol } from '../sessions/session.ts'
import type { Pump } from './pump.ts'
import { StreamOutbox } from './stream-outbox.ts'
import type { TurnWriter } from './turn-writer.ts'

/**
 * How long a connection may take to its first byte, a TLS handshake included (our bound). How long
 * the first packet may take from there on is up to the protocol.
 */
export const FIRST_BYTE_MS_MAX = 10_000

export interface StreamPorts {
  readonly protocol: StreamProtocol
  readonly pump: Pump
  readonly writer: TurnWriter
  readonly clock: Clock
  readonly tally: Tally
  /** Asked for every attempt to connect. */
  readonly guard: Guard
}

export interface StreamListenOptions {
  readonly address: { readonly hostname: string; readonly port: number }
}

/** Undefined once it is refused. */
type Socket = Bun.Socket<StreamOutbox | undefined>

export interface StreamListener {
  readonly port: number
  /** Takes no new connection; open ones stay unless they are to be dropped. */
  stop(isForced?: boolean): void
}

export class Streams {
  readonly #connectionCountMax: number
  readonly #ports: StreamPorts
  readonly #outboxes = new Set<StreamOutbox>()
  #isDraining = false

  /** @param limits of the whole server: all transports count together. */
  constructor(limits: { readonly connectionCountMax: number }, ports: StreamPorts) {
    this.#connectionCountMax = limits.connectionCountMax
    this.#ports = ports
  }

  /** @throws whatever the system answers when the address cannot be bound. */
  listen({ address }: StreamListenOptions): StreamListener {
    return Bun.listen<StreamOutbox | undefined>({
      hostname: address.hostname,
      port: address.port,
      // A peer that ends its side still gets what is queued.
      allowHalfOpen: true,
      socket: {
        open: (socket) => this.#open(socket),
        data: (socket, bytes) => this.#receive(socket.data, bytes),
        drain: ({ data }) => data?.drained(),
        end: ({ data }) => data?.ended(),
        close: (socket) => this.#closed(socket),
        // A peer that fails is no event of ours: the close comes by itself.
        error: () => {},
      },
    })
  }

  /** Called about once a second. */
  tick(): void {
    const nowMs = this.#ports.clock.monotonicMs()
    for (const outbox of this.#outboxes) {
      // Most connections are not due: they cost two comparisons.
      if (nowMs >= outbox.silentUntilMs) outbox.terminate()
      else if (nowMs >= outbox.tickAtMs) this.#tell(outbox, nowMs)
    }
  }

  /** From now on every connection is refused. */
  refuseNew(): void {
    this.#isDraining = true
  }

  get openCount(): number {
    return this.#outboxes.size
  }

  /** Ends up to `countMax` connections as draining; those already closing are left to finish. */
  endSome(countMax: number): void {
    let left = countMax
    for (const outbox of this.#outboxes) {
      if (left <= 0) return
      if (!outbox.isOpen) continue
      left--
      const { session } = outbox
      if (session === undefined) outbox.terminate()
      else this.#ports.pump.guarded(outbox, () => session.end('draining'))
    }
  }

  /** Drops whatever is still connected. */
  terminateAll(): void {
    for (const outbox of this.#outboxes) outbox.terminate()
  }

  #open(socket: Socket): void {
    const { pump, writer, clock, tally } = this.#ports
    const ip = addressOf(socket)
    const refusal = this.#refusalOf(ip)
    if (refusal !== undefined) {
      tally.refused(refusal)
      socket.terminate()
      return
    }
    const ports = { pump, writer, traffic: tally.transports.tcp }
    const silentUntilMs = clock.monotonicMs() + FIRST_BYTE_MS_MAX
    const outbox = new StreamOutbox(socket, ports, silentUntilMs)
    socket.data = outbox
    this.#outboxes.add(outbox)
    tally.opened(ports.traffic)
    this.#admit(outbox, { isTls: false, certificate: undefined, ip })
  }

  /** Who knocks too often, or when there is no place left. */
  #refusalOf(ip: string): RefusalCode | undefined {
    if (this.#isDraining) return 'draining'
    const { guard, tally } = this.#ports
    const told = () => ({ ip, agent: '', protocol: 'stream' })
    if (!guard.connect(limitSubject(ip), told).isAllowed) return 'rate_limited'
    return tally.connectionsOpen >= this.#connectionCountMax ? 'overloaded' : undefined
  }

  #admit(
    outbox: StreamOutbox,
    {
      ip,
      ...connection
    }: Pick<StreamConnection, 'isTls' | 'certificate'> & { readonly ip: string },
  ): void {
    const { pump, protocol, tally } = this.#ports
    pump.guarded(outbox, () => {
      const admission = protocol.admit({ ...connection, source: () => ({ ip, agent: '' }) })
      if (admission.kind === 'refused') {
        tally.refused(admission.refusal)
        outbox.terminate()
        return
      }
      const session = admission.start(outbox, outbox)
      outbox.session = session
      session.open()
    })
  }

  #receive(outbox: StreamOutbox | undefined, bytes: Uint8Array): void {
    const session = outbox?.session
    if (outbox === undefined || session === undefined || !outbox.isOpen) return
    outbox.silentUntilMs = Number.POSITIVE_INFINITY
    outbox.traffic.bytesReceived += bytes.byteLength
    this.#ports.pump.guarded(outbox, () => session.receive(bytes))
  }

  #tell(outbox: StreamOutbox, nowMs: number): void {
    const { session } = outbox
    if (session === undefined || !outbox.isOpen) return
    this.#ports.pump.guarded(outbox, () => {
      outbox.tickAtMs = session.tick(nowMs)
    })
  }

  #closed(socket: Socket): void {
    const outbox = socket.data
    if (outbox === undefined || !this.#outboxes.delete(outbox)) return
    this.#ports.tally.closed(outbox.traffic)
    this.#ports.pump.guarded(outbox, () => outbox.gone())
  }
}

function addressOf({ remoteAddress }: Socket): string {
  return normalizeAddress(remoteAddress) ?? remoteAddress
}
