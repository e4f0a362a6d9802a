/**
 * A client of MQTT 3.1.1 over TCP whose memory outlives its connections, as a device with a disk
 * has it: what it has to send again and what it has received. Packets are written by hand.
 */
import { connect, type Socket } from 'node:net'
import { PACKET } from '../../packages/protocol/src/mqtt/packets.ts'
import { ModelClient, type Packet } from './session-model-client.ts'

export interface WireLogin {
  readonly username: string
  readonly password: string
}

const ACKNOWLEDGEMENTS = {
  puback: PACKET.puback,
  pubrec: PACKET.pubrec,
  pubrel: PACKET.pubrel,
  pubcomp: PACKET.pubcomp,
} as const
const BY_TYPE = new Map(
  Object.entries(ACKNOWLEDGEMENTS).map(([kind, type]) => [
    type as number,
    kind as keyof typeof ACKNOWLEDGEMENTS,
  ]),
)

export class WireClient {
  readonly memory: ModelClient
  readonly #login: WireLogin
  /** From CONNACK on. */
  isOnline = false
  #socket: Socket | undefined
  #subscribed: (() => void) | undefined
  /** Called for every packet that came. */
  onPacket: () => void = () => undefined

  constructor(clientId: string, login: WireLogin) {
    this.memory = new ModelClient(clientId)
    this.#login = login
  }

  /**
   * Connects, and sends again what it has to.
   * @returns whether the server knew its session.
   */
  async connect(url: string): Promise<boolean> {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    let rest = Buffer.alloc(0)
    let told: ((isPresent: boolean) => void) | undefined
    this.#socket = socket
    const connack = new Promise<boolean>((resolve, reject) => {
      told = resolve
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('closed before CONNACK')))
    })
    socket.on('error', () => this.#lost(socket))
    socket.on('close', () => this.#lost(socket))
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      for (let end = endOf(rest); end !== undefined; end = endOf(rest)) {
        const packet = rest.subarray(0, end)
        rest = rest.subarray(end)
        if (this.#socket === socket) this.#take(packet, (isPresent) => told?.(isPresent))
      }
    })
    socket.write(connectPacket(this.memory.clientId, this.#login))
    return connack
  }

  /** @returns once the server said so. */
  subscribe(filter: string): Promise<void> {
    const body = Buffer.concat([Buffer.from([0, 1]), textOf(filter), Buffer.from([2])])
    this.#socket?.write(packetOf(0x82, body))
    return new Promise((resolve) => {
      this.#subscribed = resolve
    })
  }

  publish(name: string, qos: 1 | 2): void {
    this.#send(this.memory.begin(name, qos), { isAgain: false })
  }

  /** The network breaks. */
  drop(): void {
    const socket = this.#socket
    if (socket !== undefined) this.#lost(socket)
    socket?.destroy()
  }

  #take(bytes: Buffer, connected: (isPresent: boolean) => void): void {
    const first = bytes[0] ?? 0
    const body = bytes.subarray((bytes[1] ?? 0) < 128 ? 2 : 3)
    const type = first >> 4
    if (type === PACKET.connack) {
      if (body[1] !== 0) return
      // Before anything new [MQTT-4.4.0-1].
      for (const packet of this.memory.again()) this.#send(packet, { isAgain: true })
      this.isOnline = true
      connected(body[0] === 1)
      return
    }
    if (type === PACKET.suback) this.#subscribed?.()
    const packet = type === PACKET.publish ? publishOf(first, body) : acknowledgementOf(type, body)
    if (packet === undefined) return
    this.memory.inbox.push(packet)
    const answer = this.memory.handle()
    if (answer !== undefined) this.#send(answer, { isAgain: false })
    this.onPacket()
  }

  #send(packet: Packet, { isAgain }: { readonly isAgain: boolean }): void {
    const id = Buffer.from([packet.packetId >> 8, packet.packetId & 0xff])
    if (packet.kind === 'publish') {
      const first = 0x30 | (packet.qos << 1) | (isAgain ? 8 : 0)
      const body = Buffer.concat([textOf(`t/${packet.qos}`), id, Buffer.from(packet.name)])
      this.#socket?.write(packetOf(first, body))
    } else if (packet.kind !== 'refused') {
      const flags = packet.kind === 'pubrel' ? 2 : 0
      this.#socket?.write(packetOf((ACKNOWLEDGEMENTS[packet.kind] << 4) | flags, id))
    }
  }

  #lost(socket: Socket): void {
    if (this.#socket !== socket) return
    this.#socket = undefined
    this.isOnline = false
  }
}

function connectPacket(clientId: string, { username, password }: WireLogin): Buffer {
  const fixed = Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0xc0, 0, 0])
  return packetOf(
    0x10,
    Buffer.concat([fixed, textOf(clientId), textOf(username), textOf(password)]),
  )
}

function publishOf(flags: number, body: Uint8Array): Packet {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const end = 2 + view.getUint16(0)
  const qos = ((flags >> 1) & 3) === 2 ? 2 : 1
  const name = new TextDecoder().decode(body.subarray(end + 2))
  return { kind: 'publish', qos, packetId: view.getUint16(end), name }
}

function acknowledgementOf(type: number, body: Uint8Array): Packet | undefined {
  const kind = BY_TYPE.get(type)
  return kind && { kind, packetId: (body[0] ?? 0) * 256 + (body[1] ?? 0) }
}

function textOf(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

/** @returns where the first packet ends; undefined: later. Ours are short. */
function endOf(bytes: Buffer): number | undefined {
  const [, low = 0, high] = bytes
  if (bytes.length < 2 || (low >= 128 && high === undefined)) return undefined
  const end = low < 128 ? 2 + low : 3 + (low & 0x7f) + (high ?? 0) * 128
  return end <= bytes.length ? end : undefined
}

/** Ours are short: one or two bytes say how long. */
function packetOf(first: number, body: Buffer): Buffer {
  const { length } = body
  const size = length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7]
  return Buffer.concat([Buffer.from([first, ...size]), body])
}
