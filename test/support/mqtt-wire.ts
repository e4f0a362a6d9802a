/**
 * One MQTT connection without a socket. Packets of clients are made and those of the server read by
 * `mqtt-packet`, which shares no line with the codec of the server.
 */
import mqttPacket, { type Packet } from 'mqtt-packet'
import type { Frame, PacedOutbox } from '../../packages/server/src/ports/fanout.ts'
import type { MqttDeps } from '../../packages/server/src/sessions/mqtt/mqtt-deps.ts'
import { MqttSession } from '../../packages/server/src/sessions/mqtt/session.ts'

export interface ConnectOptions {
  readonly level?: 3 | 4 | 5
  readonly clean?: boolean
  readonly keepalive?: number
  readonly username?: string
  readonly password?: string
  readonly will?: { topic: string; payload: string; qos?: 0 | 1 | 2; retain?: boolean }
  readonly willProperties?: Readonly<Record<string, unknown>>
  readonly properties?: Readonly<Record<string, unknown>>
}

class WireOutbox implements PacedOutbox {
  hasRoom = true
  readonly frames: Uint8Array[] = []
  closed: { readonly code: number; readonly reason: string } | undefined

  send(frame: Frame): void {
    if (typeof frame === 'string') throw new Error('MQTT sends bytes')
    if (this.closed === undefined) this.frames.push(frame)
  }

  close(code: number, reason: string, lastFrame?: Frame): void {
    if (lastFrame !== undefined) this.send(lastFrame)
    this.closed ??= { code, reason }
  }
}

/** A packet of the server as `mqtt-packet` reads it. */
export type ServerPacket = Packet & Readonly<Record<string, unknown>>

export class Wire {
  readonly outbox = new WireOutbox()
  readonly session: MqttSession
  level: 4 | 5 = 5
  isPaused = false

  constructor(deps: MqttDeps) {
    const source = { ip: '192.0.2.7', agent: '', protocol: 'mqtt' }
    const inflow = {
      pause: () => {
        this.isPaused = true
      },
      resume: () => {
        this.isPaused = false
      },
    }
    const from = { source, origin: undefined, isWebSocket: false, isTls: false }
    this.session = new MqttSession({ outbox: this.outbox, inflow, from }, deps)
    this.session.open()
  }

  connect(clientId: string, options: ConnectOptions = {}): void {
    const { level = 5, clean = true, keepalive = 60, willProperties, ...rest } = options
    this.level = level === 5 ? 5 : 4
    const username = rest.username ?? 'ann'
    const { will, properties, password } = rest
    this.send({
      cmd: 'connect',
      protocolId: level === 3 ? 'MQIsdp' : 'MQTT',
      protocolVersion: level,
      clean,
      clientId,
      keepalive,
      username,
      ...(password === undefined ? {} : { password: Buffer.from(password) }),
      ...(properties === undefined ? {} : { properties }),
      ...(will === undefined
        ? {}
        : {
            will: {
              qos: 0,
              retain: false,
              ...will,
              payload: Buffer.from(will.payload),
              ...(willProperties === undefined ? {} : { properties: willProperties }),
            },
          }),
    })
  }

  send(packet: Readonly<Record<string, unknown>>): void {
    this.session.receive(new Uint8Array(bytesOf(packet, this.level)))
  }

  sendHex(hex: string): void {
    this.session.receive(new Uint8Array(Buffer.from(hex, 'hex')))
  }

  publish(topic: string, payload: string, options: Readonly<Record<string, unknown>> = {}): void {
    this.send({ cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false, ...options })
  }

  /** @returns the packets since the last call. */
  take(): ServerPacket[] {
    const frames = this.outbox.frames.splice(0)
    return frames.flatMap((frame) => packetsOf(frame, this.level))
  }

  /** @returns the reasons of a SUBACK, without other packets. */
  subscribe(
    filters: string | readonly Readonly<Record<string, unknown>>[],
    options: Readonly<Record<string, unknown>> = {},
  ): number[] {
    const subscriptions =
      typeof filters === 'string' ? [{ topic: filters, qos: 0, ...options }] : filters
    this.send({ cmd: 'subscribe', messageId: 77, subscriptions, ...options })
    const suback = this.take().find(({ cmd }) => cmd === 'suback')
    return (suback?.['granted'] ?? []) as number[]
  }

  /** Waits until the journal has written what it was given. */
  async settled(): Promise<void> {
    for (let count = 0; count < 20; count++) await Promise.resolve()
  }

  /** The other side is gone. */
  drop(): void {
    this.session.closed()
  }
}

export function bytesOf(packet: Readonly<Record<string, unknown>>, level: 4 | 5): Buffer {
  return mqttPacket.generate(packet as unknown as Packet, { protocolVersion: level })
}

function packetsOf(frame: Uint8Array, level: 4 | 5): ServerPacket[] {
  const parser = mqttPacket.parser({ protocolVersion: level })
  const packets: ServerPacket[] = []
  parser.on('packet', (packet) => void packets.push(packet as ServerPacket))
  parser.on('error', (error: Error) => {
    throw error
  })
  if (parser.parse(Buffer.from(frame)) !== 0) throw new Error('half a packet was sent')
  return packets
}
