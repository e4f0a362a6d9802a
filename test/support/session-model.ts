/**
 * Two clients that keep to the protocol, over a broker that can be killed, a network that loses
 * what is on the way, and a store that writes when it is told to. One publishes, one receives.
 */
import type { ReasonCode } from '../../packages/protocol/src/mqtt/reason-codes.ts'
import type { ClientState } from '../../packages/server/src/sessions/mqtt/state/client-state.ts'
import type { ClientLink } from '../../packages/server/src/sessions/mqtt/state/client-link.ts'
import { ANYTHING, SessionWorld } from './session-world.ts'
import { ModelClient, type Packet } from './session-model-client.ts'
import { grant, message } from './topic-world.ts'

const SUCCESS = 0x00 satisfies ReasonCode
const text = new TextEncoder()
/** Few, so that queues are read in several pages. */
const PAGE_COUNT_MAX = 3

/** A client with a network connection, or on the way to one. */
class ConnectingClient extends ModelClient {
  connection: ModelConnection | undefined
  isConnecting = false
}

/** The network connection, and the part of a session that answers. */
class ModelConnection implements ClientLink {
  readonly receiveMaximum: number
  hasRoom = true
  state: ClientState | undefined
  isDown = false
  readonly #client: ConnectingClient
  readonly #world: SessionWorld

  constructor(client: ConnectingClient, world: SessionWorld, receiveMaximum: number) {
    this.#client = client
    this.#world = world
    this.receiveMaximum = receiveMaximum
  }

  sendPublish(
    ...[{ message: sent, qos }, packetId]: Parameters<ClientLink['sendPublish']>
  ): boolean {
    const name = new TextDecoder().decode(sent.payload)
    if (qos !== 0) this.#send({ kind: 'publish', qos, packetId, name })
    return true
  }

  sendPubrel(packetId: number): void {
    this.#send({ kind: 'pubrel', packetId })
  }

  takenOver(): void {
    this.isDown = true
  }

  /** A packet of the client arrives. */
  receive(packet: Packet): void {
    const { state } = this
    if (state === undefined || this.isDown) return
    const { packetId } = packet
    if (packet.kind === 'publish') void this.#publish(state, packet)
    else if (packet.kind === 'pubrel') void this.#release(state, packetId)
    else if (packet.kind === 'puback') state.acknowledged(packetId, SUCCESS)
    else if (packet.kind === 'pubcomp') state.completed(packetId)
    else if (packet.kind === 'pubrec' && !state.received(packetId, SUCCESS)) {
      this.#send({ kind: 'pubrel', packetId })
    }
  }

  async #publish(
    state: ClientState,
    { qos, packetId, name }: Extract<Packet, { kind: 'publish' }>,
  ): Promise<void> {
    const { journal, hub, space } = this.#world
    const before = journal.writeCount
    const refusedBefore = journal.refusedCount
    const taken = qos === 2 ? state.take(packetId) : 'taken'
    const payload = text.encode(name)
    if (taken === 'taken') hub.publish(space, message(`topic/qos${qos}`, { qos, payload }))
    if (journal.refusedCount !== refusedBefore) {
      if (qos === 2) state.release(packetId)
      this.#send({ kind: 'refused', packetId })
      return
    }
    if (journal.writeCount !== before && !(await journal.settled())) return this.down()
    this.#send({ kind: qos === 1 ? 'puback' : 'pubrec', packetId })
  }

  async #release(state: ClientState, packetId: number): Promise<void> {
    const { journal } = this.#world
    const before = journal.writeCount
    state.release(packetId)
    if (journal.writeCount !== before && !(await journal.settled())) return this.down()
    this.#send({ kind: 'pubcomp', packetId })
  }

  /** The connection breaks, and what was on the way with it. */
  down(): void {
    if (this.isDown) return
    this.isDown = true
    this.state?.detach(this, { isWillDue: true })
    if (this.#client.connection !== this) return
    this.#client.connection = undefined
    this.#client.inbox = []
  }

  #send(packet: Packet): void {
    if (!this.isDown && this.#client.connection === this) this.#client.inbox.push(packet)
  }
}

/** The network, the broker and its store. */
export class ModelNetwork {
  world: SessionWorld
  readonly publisher = new ConnectingClient('publisher')
  readonly receiver = new ConnectingClient('receiver')
  hadOutage = false

  private constructor(world: SessionWorld) {
    this.world = world
  }

  static async begin(): Promise<ModelNetwork> {
    const network = new ModelNetwork(new SessionWorld({ queueCountMax: 10_000 }))
    for (const client of [network.publisher, network.receiver]) {
      network.connect(client, 10)
      await network.world.settle()
    }
    const { state } = network.receiver.connection ?? {}
    state?.subscribe(grant('topic/#', { qos: 2 }))
    await network.world.settle()
    network.world.store.pageCountMax = PAGE_COUNT_MAX
    network.world.store.hold()
    return network
  }

  connect(client: ConnectingClient, receiveMaximum: number): void {
    if (client.isConnecting) return
    client.connection?.down()
    const { world } = this
    const connection = new ModelConnection(client, world, receiveMaximum)
    client.isConnecting = true
    const claim = { clientId: client.clientId, expirySeconds: 10_000 }
    const claimed = world.claim(claim, connection)
    void (async () => {
      const result = await claimed
      // The broker was killed meanwhile.
      if (world !== this.world) return
      client.isConnecting = false
      if (!result.ok) return
      const { state, sessionPresent } = result.value
      if (!sessionPresent) client.forget()
      connection.state = state
      client.connection = connection
      client.inbox = []
      state.resume(connection, ANYTHING)
      for (const packet of client.again()) connection.receive(packet)
    })()
  }

  publish(name: string, qos: 1 | 2): void {
    const packet = this.publisher.begin(name, qos)
    this.publisher.connection?.receive(packet)
  }

  /** The client handles its next packet, and its answer arrives or not. */
  step(client: ConnectingClient, { isAnswerLost }: { readonly isAnswerLost: boolean }): void {
    const answer = client.handle()
    if (isAnswerLost) client.connection?.down()
    else if (answer !== undefined) client.connection?.receive(answer)
  }

  /** What waits for the store is written, and what comes from now on waits again. */
  commit(): void {
    this.world.store.letGo()
    this.world.store.hold()
  }

  outage(isOut: boolean): void {
    this.hadOutage ||= isOut
    this.world.store.isOut = isOut
  }

  /** `kill -9`, and a start. */
  async kill(): Promise<void> {
    for (const client of [this.publisher, this.receiver]) {
      if (client.connection !== undefined) client.connection.isDown = true
      client.connection = undefined
      client.inbox = []
      client.isConnecting = false
    }
    this.world = await this.world.restart()
    this.world.store.pageCountMax = PAGE_COUNT_MAX
    this.world.store.hold()
  }

  /** Everything works, and everybody comes back, until nothing happens any more. */
  async calm(): Promise<void> {
    this.outage(false)
    this.world.store.letGo()
    for (let round = 0; round < 3; round++) {
      this.world.clock.pass(2_000)
      this.world.states.tick()
      await this.world.settle()
    }
    for (const client of [this.publisher, this.receiver]) this.connect(client, 10)
    for (let quiet = 0; quiet < 3; ) {
      await this.world.settle()
      const waiting = [this.publisher, this.receiver].filter(({ inbox }) => inbox.length > 0)
      for (const client of waiting) this.step(client, { isAnswerLost: false })
      quiet = waiting.length > 0 ? 0 : quiet + 1
    }
  }
}
