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
import type { ClientCertificate, StreamConnection, StreamProtocol } from '../sessions/session.ts'
import { OpeningWaste } from './opening-waste.ts'
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

export interface StreamTls {
  /** PEM texts. */
  readonly cert: string
  readonly key: string
  /** Given: clients are asked for a certificate, and it has to be of this authority. */
  readonly clientCa: string | undefined
  /** Whether a client has to show one. */
  readonly isClientRequired: boolean
}

export interface StreamListenOptions {
  readonly address: { readonly hostname: string; readonly port: number }
  /** Absent for plain TCP. */
  readonly tls?: StreamTls
  /** Lets a second listener take the same port over. */
  readonly isShared: boolean
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
  readonly #waste = new OpeningWaste()
  #isDraining = false

  /** @param limits of the whole server: all transports count together. */
  constructor(limits: { readonly connectionCountMax: number }, ports: StreamPorts) {
    this.#connectionCountMax = limits.connectionCountMax
    this.#ports = ports
  }

  /** @throws whatever the system answers when the address cannot be bound. */
  listen({ address, tls, isShared }: StreamListenOptions): StreamListener {
    // The types know `reusePort` for other sockets only.
    const options: Bun.TCPSocketListenOptions<StreamOutbox | undefined> & { reusePort: boolean } = {
      hostname: address.hostname,
      port: address.port,
      // A peer that ends its side still gets what is queued.
      allowHalfOpen: true,
      reusePort: isShared,
      ...(tls === undefined ? {} : { tls: bunTls(tls) }),
      socket: {
        open: (socket) => this.#open(socket, tls === undefined ? 'tcp' : 'tls'),
        ...(tls === undefined ? {} : { handshake: this.#afterHandshake(tls) }),
        data: (socket, bytes) => this.#receive(socket.data, bytes),
        drain: ({ data }) => data?.drained(),
        end: ({ data }) => data?.ended(),
        close: (socket) => this.#closed(socket),
        // A peer that fails is no event of ours: the close comes by itself.
        error: () => {},
      },
    }
    return Bun.listen(options)
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

  #open(socket: Socket, transport: 'tcp' | 'tls'): void {
    const { pump, writer, clock, tally } = this.#ports
    const ip = addressOf(socket)
    const refusal = this.#refusalOf(ip)
    if (refusal !== undefined) {
      tally.refused(refusal)
      socket.terminate()
      return
    }
    const ports = { pump, writer, holds: writer.holds, traffic: tally.transports[transport] }
    const silentUntilMs = clock.monotonicMs() + FIRST_BYTE_MS_MAX
    const outbox = new StreamOutbox(socket, ports, silentUntilMs)
    socket.data = outbox
    this.#outboxes.add(outbox)
    this.#waste.opened()
    tally.opened(ports.traffic, 'mqtt')
    if (transport === 'tcp') this.#admit(outbox, { isTls: false, certificate: undefined, ip })
  }

  /** Who knocks too often, or when there is no place left. */
  #refusalOf(ip: string): RefusalCode | undefined {
    if (this.#isDraining) return 'draining'
    const { guard, tally } = this.#ports
    const told = () => ({ ip, agent: '', protocol: 'stream' })
    if (!guard.connect(limitSubject(ip), told).isAllowed) return 'rate_limited'
    return tally.connectionsOpen >= this.#connectionCountMax ? 'overloaded' : undefined
  }

  /**
   * Bun refuses nobody's certificate here, so that showing none can be allowed: it says what it
   * found, and whoever shows one that does not hold is not let in as one who shows none.
   */
  #afterHandshake({ isClientRequired }: StreamTls) {
    return (socket: Socket, isDone: boolean, problem: Error | null): void => {
      const outbox = socket.data
      if (outbox === undefined) return
      const certificate = isDone ? certificateOf(socket) : undefined
      const isBad = certificate !== undefined && problem !== null
      const isMissing = certificate === undefined && isClientRequired
      if (isDone && !isBad && !isMissing) {
        this.#admit(outbox, { isTls: true, certificate, ip: addressOf(socket) })
        return
      }
      if (isDone) this.#ports.tally.refused(isBad ? 'credential_invalid' : 'credential_missing')
      socket.terminate()
    }
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
    const { pump, writer } = this.#ports
    writer.holds.during(outbox, () => pump.guarded(outbox, () => session.receive(bytes)))
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
    this.#ports.tally.closed(outbox.traffic, 'mqtt')
    this.#ports.pump.guarded(outbox, () => outbox.gone())
  }
}

function bunTls({ cert, key, clientCa }: StreamTls): Bun.TLSOptions {
  // Bun serves TLS 1.2 and 1.3 and refuses what is older (ASVS 12.1.1).
  if (clientCa === undefined) return { cert, key }
  return { cert, key, ca: clientCa, requestCert: true, rejectUnauthorized: false }
}

/** @returns undefined when the peer has shown none. */
function certificateOf(socket: Socket): ClientCertificate | undefined {
  const shown = socket.getPeerCertificate()
  // Without one Bun answers an empty object; Node's types do not say so.
  if (typeof shown?.fingerprint256 !== 'string') return undefined
  const commonName = shown.subject?.CN
  return {
    commonName: typeof commonName === 'string' ? commonName : '',
    fingerprint: shown.fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}

function addressOf({ remoteAddress }: Socket): string {
  return normalizeAddress(remoteAddress) ?? remoteAddress
}
