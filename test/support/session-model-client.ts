/** A client of MQTT that keeps to the protocol: what it remembers, sends and answers. No I/O. */
/** What the two sides send each other; `refused` is PUBACK or PUBREC with a failure. */
export type Packet =
  | {
      readonly kind: 'publish'
      readonly qos: 1 | 2
      readonly packetId: number
      readonly name: string
    }
  | { readonly kind: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'; readonly packetId: number }
  | { readonly kind: 'refused'; readonly packetId: number }

interface Flow {
  readonly name: string
  readonly qos: 1 | 2
  step: 'publish' | 'release'
}

/** Few, so that they are soon used again. */
export const PACKET_ID_MAX = 8

/** A client and what it remembers, whatever becomes of its connections. */
export class ModelClient {
  readonly clientId: string
  /** What its application got, in order. */
  readonly log: string[] = []
  /** Of messages it had to send: those that the broker has acknowledged. */
  readonly acknowledged = new Set<string>()
  readonly flows = new Map<number, Flow>()
  /** On the way to it. */
  inbox: Packet[] = []
  sessionsLost = 0
  readonly #received = new Set<number>()
  #nextPacketId = 1

  constructor(clientId: string) {
    this.clientId = clientId
  }

  /** Looks at the next packet. @returns what it answers. */
  handle(): Packet | undefined {
    const packet = this.inbox.shift()
    if (packet === undefined) return undefined
    const { packetId } = packet
    switch (packet.kind) {
      case 'publish': {
        const isNew = packet.qos === 1 || !this.#received.has(packetId)
        if (isNew) this.log.push(packet.name)
        if (packet.qos === 1) return { kind: 'puback', packetId }
        this.#received.add(packetId)
        return { kind: 'pubrec', packetId }
      }
      case 'pubrel':
        this.#received.delete(packetId)
        return { kind: 'pubcomp', packetId }
      case 'puback':
        this.#done(packetId)
        return undefined
      case 'pubrec': {
        const flow = this.flows.get(packetId)
        if (flow === undefined) return { kind: 'pubrel', packetId }
        this.acknowledged.add(flow.name)
        flow.step = 'release'
        return { kind: 'pubrel', packetId }
      }
      case 'pubcomp':
        this.#done(packetId)
        return undefined
      case 'refused': {
        // It was not taken: it is sent again, as a new message.
        const flow = this.flows.get(packetId)
        this.flows.delete(packetId)
        return flow && this.begin(flow.name, flow.qos)
      }
      default:
        throw new Error(packet satisfies never)
    }
  }

  begin(name: string, qos: 1 | 2): Packet {
    const packetId = this.#nextPacketId
    this.#nextPacketId = (this.#nextPacketId % PACKET_ID_MAX) + 1
    if (this.flows.has(packetId)) return this.begin(name, qos)
    this.flows.set(packetId, { name, qos, step: 'publish' })
    return { kind: 'publish', qos, packetId, name }
  }

  /** What is sent again after CONNACK, in its order. */
  again(): Packet[] {
    return [...this.flows].map(([packetId, { name, qos, step }]) =>
      step === 'publish' ? { kind: 'publish', qos, packetId, name } : { kind: 'pubrel', packetId },
    )
  }

  /** The broker has forgotten it, so it forgets too. */
  forget(): void {
    this.sessionsLost++
    this.#received.clear()
  }

  #done(packetId: number): void {
    const flow = this.flows.get(packetId)
    if (flow !== undefined) this.acknowledged.add(flow.name)
    this.flows.delete(packetId)
  }
}
