/**
 * One MQTT connection packet by packet, right or wrong as the test wants: it answers nothing by
 * itself. What it reads and writes is made by a codec that is not ours, `mqtt-packet`.
 */
import { connect, type Socket } from 'node:net'
import { generate, type Packet, parser } from 'mqtt-packet'
import { ALICE, ORGANIZATION } from './mqtt-clients.ts'
import type { LiveServer } from './server.ts'
import { until } from './wait.ts'

type Kind = Packet['cmd']
export type PacketOf<K extends Kind> = Extract<Packet, { cmd: K }>
type ConnectOptions = Partial<PacketOf<'connect'>>

/** A CONNECT of Alice; the rest is as small as it can be. */
export function connectOf(options: ConnectOptions = {}): PacketOf<'connect'> {
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 5,
    clean: true,
    keepalive: 60,
    clientId: '',
    username: `${ALICE.name}@${ORGANIZATION}`,
    password: Buffer.from(ALICE.password),
    ...options,
  }
}

export class MqttPeer {
  readonly socket: Socket
  readonly packets: Packet[] = []
  /** Everything that came. */
  bytes = Buffer.alloc(0)
  isClosed = false
  readonly #level: 4 | 5
  readonly #isReading: boolean

  /** @param options `level` of what is sent and read; `reads: false`: nothing is ever read. */
  constructor(
    server: LiveServer,
    options: { readonly level?: 4 | 5; readonly reads?: boolean } = {},
  ) {
    this.#level = options.level ?? 5
    this.#isReading = options.reads ?? true
    const { hostname: host, port } = new URL(server.mqtt)
    this.socket = connect({ host, port: Number(port) })
    this.socket.setNoDelay(true)
    const packets = parser({ protocolVersion: this.#level })
    packets.on('packet', (packet) => this.packets.push(packet))
    if (this.#isReading) {
      this.socket.on('data', (chunk: Buffer) => {
        this.bytes = Buffer.concat([this.bytes, chunk])
        packets.parse(chunk)
      })
    } else this.socket.pause()
    this.socket.on('close', () => (this.isClosed = true))
    this.socket.on('error', () => (this.isClosed = true))
  }

  /** Connects and requires that it is let in. */
  static async open(
    server: LiveServer,
    options: ConnectOptions = {},
    reads = true,
  ): Promise<MqttPeer> {
    const level = options.protocolVersion === 4 ? 4 : 5
    const peer = new MqttPeer(server, { level, reads })
    peer.send(connectOf(options))
    if (!reads) return peer
    const { returnCode, reasonCode } = await peer.next('connack')
    const code = level === 4 ? returnCode : reasonCode
    if (code !== 0) throw new Error(`CONNACK ${code}`)
    return peer
  }

  send(packet: Packet): void {
    this.write(generate(packet, { protocolVersion: this.#level }))
  }

  write(bytes: Uint8Array): void {
    if (this.socket.writable) this.socket.write(bytes)
  }

  /** Those of one kind that came and were not taken. */
  all<K extends Kind>(kind: K): PacketOf<K>[] {
    return this.packets.filter((packet): packet is PacketOf<K> => packet.cmd === kind)
  }

  /** Waits for a packet of a kind and takes it. */
  async next<K extends Kind>(kind: K, boundMs?: number): Promise<PacketOf<K>> {
    const isEnd = () => this.isClosed && this.all(kind).length === 0
    const find = () => isEnd() || this.packets.findIndex(({ cmd }) => cmd === kind) >= 0
    await until(`a ${kind}`, find, boundMs)
    const [packet] = this.all(kind)
    if (packet === undefined) throw new Error(`closed before a ${kind} came`)
    this.packets.splice(this.packets.indexOf(packet), 1)
    return packet
  }

  subscribe(topic: string, qos: 0 | 1 | 2 = 1, messageId = 1): Promise<PacketOf<'suback'>> {
    this.send({ cmd: 'subscribe', messageId, subscriptions: [{ topic, qos }] })
    return this.next('suback')
  }

  /** Whether the other side still answers, after everything that was sent before. */
  async answers(): Promise<void> {
    this.send({ cmd: 'pingreq' })
    await this.next('pingresp')
  }

  closed(boundMs?: number): Promise<boolean> {
    return until('the server closes the connection', () => this.isClosed, boundMs)
  }

  destroy(): void {
    this.socket.destroy()
  }
}
