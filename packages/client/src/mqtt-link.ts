/**
 * One MQTT session over as many connections as it takes: MQTT.js does the protocol, this decides
 * when to connect again and with which credentials, and renews them in place (MQTT 5.0 §4.12.1)
 * where the broker offers it. Waits between tries grow, are spread, and are counted.
 */
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { backoffMs } from './backoff.ts'
import { ClientError, nameFailure } from './client-error.ts'
import type { Qos, Settings } from './client-options.ts'
import { inFlightStore } from './in-flight-store.ts'
import type { LinkEvents } from './link-events.ts'
import type { Forget, Outgoing } from './outbound.ts'
import { packetBytesMax } from './packet-bounds.ts'
import { type Credentials, RenewalInPlace, TOKEN_METHOD } from './renewal-in-place.ts'
import { publishBy, sendPacket, subscribeBy, unsubscribeBy } from './mqtt-answers.ts'
import { TAKEN_OVER, verdictOn } from './refused-connect.ts'
import type { System } from './system.ts'

export interface LinkDeps {
  readonly settings: Settings
  readonly events: LinkEvents
  readonly system: System
  /** Whether the credentials are a token, which can be renewed in place. */
  readonly isToken: boolean
}

/** How long the broker has to close a connection that was left. */
const LEAVING_MS_MAX = 1_000
const WAIT_MS_MAX = 60_000
/** Our bound where the broker announces a larger one: what is sent twice after a drop. */
const WINDOW_MAX = 1_000

export class MqttLink {
  readonly #deps: LinkDeps
  readonly #renewal: RenewalInPlace
  readonly #stores = { incomingStore: inFlightStore(), outgoingStore: inFlightStore() }
  #client: MqttClient | undefined
  #isUp = false
  /** The broker has said yes; MQTT.js is up once it has sent again what was in flight. */
  #isAccepted = false
  #isEnded = false
  #attempt = 0
  /** Other credentials were asked for since the last connection. */
  #isReplaced = false
  #isRestarting = false
  #usesMethod: boolean
  /** Why the connection that is going down does. */
  #code: number | undefined
  #failure: string | undefined
  #first: { resolve: () => void; reject: (error: unknown) => void } | undefined
  #callOff: () => void = () => undefined

  constructor(deps: LinkDeps) {
    this.#deps = deps
    this.#renewal = new RenewalInPlace(deps.system)
    this.#usesMethod = deps.isToken && deps.settings.protocolVersion === 5
  }

  get isUp(): boolean {
    return this.#isUp
  }

  get window(): number {
    if (!this.#isUp) return 0
    return Math.min(this.#client?.serverProperties?.receiveMaximum ?? WINDOW_MAX, WINDOW_MAX)
  }

  /** Whether the broker takes another token on this connection. */
  get renewsInPlace(): boolean {
    const { authenticationMethod } = this.#client?.serverProperties ?? {}
    return this.#isUp && this.#usesMethod && authenticationMethod === TOKEN_METHOD
  }

  /** The first connect: one try, as somebody waits for it. @throws ClientError */
  async open(): Promise<void> {
    const credentials = await this.#deps.events.credentials('connect')
    if (this.#isEnded) throw new ClientError('destroyed')
    await new Promise<void>((resolve, reject) => {
      this.#first = { resolve, reject }
      this.#client = this.#connect(credentials)
    })
  }

  /**
   * Shows the broker a new token on the connection there is: nothing is lost or sent twice.
   * @throws ClientError `connection_lost` where it ends instead; the next one shows the new token.
   */
  async renew(credentials: Credentials): Promise<void> {
    const client = this.#client
    if (client === undefined || !this.renewsInPlace) throw new ClientError('not_connected')
    try {
      await this.#renewal.show(client, credentials)
    } catch (error) {
      this.restart()
      throw error
    }
  }

  /** Leaves the connection, so that no will is due, and makes another one of the same session. */
  restart(): void {
    const client = this.#client
    if (client === undefined || !this.#isUp || this.#isRestarting) return
    this.#isRestarting = true
    sendPacket(client, { cmd: 'disconnect' })
    this.#callOff = this.#deps.system.after(LEAVING_MS_MAX, () => client.stream.destroy())
  }

  /** Leaves for good. @param endsSession whether the broker forgets subscriptions and messages. */
  close({ endsSession }: { readonly endsSession: boolean }): void {
    this.#isEnded = true
    this.#isUp = false
    this.#callOff()
    const gone = new ClientError('destroyed')
    this.#first?.reject(gone)
    this.#renewal.settle(gone)
    const client = this.#client
    if (client === undefined) return
    // What waits for an acknowledgement would keep MQTT.js from leaving.
    for (const id of Object.keys(client.outgoing)) client.removeOutgoingMessage(Number(id))
    const isLeaving = client.connected && this.#deps.settings.protocolVersion === 5 && endsSession
    const properties = { reasonCode: 0, properties: { sessionExpiryInterval: 0 } }
    // A broker that is gone without a word would keep Node from ending.
    if (client.connected) {
      this.#callOff = this.#deps.system.after(LEAVING_MS_MAX, () => client.stream.destroy())
    }
    client.end(!client.connected, isLeaving ? properties : {})
  }

  /** The window is 0 until there is a client. */
  send(message: Outgoing, done: (error?: ClientError) => void): Forget {
    if (this.#client === undefined) return refused(done, new ClientError('not_connected'))
    // [MQTT-3.2.2-15]
    const bytesMax = this.#client.serverProperties?.maximumPacketSize ?? Number.POSITIVE_INFINITY
    if (packetBytesMax(message) <= bytesMax) return publishBy(this.#client, message, done)
    const reason = `the broker takes packets of ${bytesMax} bytes`
    return refused(done, new ClientError('publish_refused', { reason }))
  }

  async subscribe(filter: string, qos: Qos): Promise<void> {
    if (this.#client === undefined) throw new ClientError('connection_lost')
    await subscribeBy(this.#client, filter, qos)
  }

  /** @returns whether the broker has answered. */
  async unsubscribe(filter: string): Promise<boolean> {
    return this.#client !== undefined && (await unsubscribeBy(this.#client, filter))
  }

  #connect(credentials: Credentials): MqttClient {
    const { settings } = this.#deps
    const options: IClientOptions = {
      ...settings.transport,
      ...credentials,
      ...this.#stores,
      clientId: settings.clientId,
      protocolVersion: settings.protocolVersion,
      keepalive: settings.keepAlive,
      connectTimeout: settings.connectTimeoutMs,
      // The session outlives the connection; a new identifier has none, so it begins empty.
      clean: false,
      reconnectPeriod: 0,
      resubscribe: false,
      ...(settings.will === undefined ? {} : { will: settings.will }),
      ...(settings.protocolVersion === 5 ? { properties: this.#properties() } : {}),
    }
    const client = mqtt.connect(settings.host ?? '', options)
    client.handleAuth = (_packet, done) => {
      this.#renewal.settle()
      done()
    }
    client.on('connect', ({ sessionPresent }) => this.#connected(sessionPresent))
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'connack')
        this.#isAccepted = (packet.reasonCode ?? packet.returnCode) === 0
    })
    client.on('message', (topic, payload, packet) =>
      this.#deps.events.message(topic, payload, packet),
    )
    client.on('disconnect', ({ reasonCode }) => {
      this.#code = reasonCode === TAKEN_OVER ? TAKEN_OVER : undefined
    })
    client.on('error', (error) => {
      const { code } = error as { readonly code?: unknown }
      if (typeof code === 'number' && !this.#isUp) this.#code = code
      this.#failure = nameFailure(error)
    })
    client.on('close', () => this.#closed())
    return client
  }

  #properties(): NonNullable<IClientOptions['properties']> {
    const { sessionExpirySeconds: sessionExpiryInterval } = this.#deps.settings
    const method = this.#usesMethod ? { authenticationMethod: TOKEN_METHOD } : {}
    return { sessionExpiryInterval, ...method }
  }

  #connected(sessionPresent: boolean): void {
    if (this.#isEnded) return
    this.#isUp = true
    this.#attempt = 0
    this.#isReplaced = false
    this.#code = undefined
    this.#failure = undefined
    this.#deps.events.up({ sessionPresent })
    this.#first?.resolve()
    this.#first = undefined
  }

  #closed(): void {
    if (this.#isEnded) return this.#callOff()
    const wasUp = this.#isUp
    const code = this.#code
    this.#isUp = false
    this.#code = undefined
    this.#renewal.settle(new ClientError('connection_lost'))
    this.#callOff()
    if (this.#isRestarting) {
      this.#isRestarting = false
      this.#isAccepted = false
      this.#deps.events.down({ attempt: 0, isLost: false })
      return void this.#again('connect')
    }
    if (wasUp && code === TAKEN_OVER) return this.#end(new ClientError('taken_over'))
    const verdict = wasUp || code === undefined ? 'later' : verdictOn(code)
    if (verdict === 'method' && this.#usesMethod) {
      this.#usesMethod = false
      return void this.#again('connect')
    }
    if (this.#first !== undefined) return this.#end(this.#refusal(code))
    if (verdict === 'never' || verdict === 'method') return this.#end(this.#refusal(code))
    if (verdict === 'credentials') {
      if (this.#isReplaced || !this.#deps.isToken) return this.#end(this.#refusal(code))
      this.#isReplaced = true
      return void this.#again('refused')
    }
    this.#later()
  }

  #refusal(reasonCode: number | undefined): ClientError {
    if (reasonCode === undefined) {
      return new ClientError('connection_failed', { reason: this.#failure })
    }
    const isAuth = verdictOn(reasonCode) === 'credentials'
    return new ClientError(isAuth ? 'auth_failed' : 'connection_refused', { reasonCode })
  }

  #later(): void {
    const { settings, system, events } = this.#deps
    if (this.#attempt >= settings.maxReconnectAttempts) return this.#end(this.#refusal(undefined))
    const wait = { firstMs: settings.reconnectPeriodMs, maxMs: WAIT_MS_MAX }
    const waitMs = backoffMs(this.#attempt, wait, system.random)
    this.#attempt += 1
    events.down({ attempt: this.#attempt, isLost: this.#isAccepted })
    this.#isAccepted = false
    this.#callOff = system.after(waitMs, () => void this.#again('connect'))
  }

  async #again(why: 'connect' | 'refused'): Promise<void> {
    const client = this.#client
    try {
      const { username, password } = await this.#deps.events.credentials(why)
      if (this.#isEnded || client === undefined) return
      Object.assign(client.options, { username, password })
      if (client.options.protocolVersion === 5) client.options.properties = this.#properties()
      client.reconnect(this.#stores)
    } catch (error) {
      if (this.#isEnded) return
      const known = error instanceof ClientError ? error : new ClientError('connection_failed')
      const isTemporary = known.isTemporary || known.code === 'refresh_failed'
      if (isTemporary && this.#first === undefined) this.#later()
      else this.#end(known)
    }
  }

  #end(error: ClientError): void {
    this.#isEnded = true
    this.#callOff()
    this.#client?.end(true)
    const isFirst = this.#first !== undefined
    this.#first?.reject(error)
    this.#first = undefined
    if (!isFirst) this.#deps.events.ended(error)
  }
}

function refused(done: (error: ClientError) => void, error: ClientError): Forget {
  done(error)
  return () => undefined
}
