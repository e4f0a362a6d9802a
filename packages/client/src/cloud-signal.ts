/**
 * The client for applications: connects with a token that renews itself, keeps subscriptions over
 * renewals and reconnects, publishes, asks and answers.
 */
import { ClientError } from './client-error.ts'
import {
  type ClientOptions,
  type ConnectOptions,
  here,
  mergedSettings,
  type Qos,
  type Settings,
  settingsOf,
} from './client-options.ts'
import { ClientEvents } from './client-events.ts'
import type { TokenInfo } from './connection-state.ts'
import type { Drop } from './link-events.ts'
import { bytesOf, type Message, messageOf, type Payload } from './message.ts'
import { MqttLink } from './mqtt-link.ts'
import { Outbound } from './outbound.ts'
import { isMqttText, malformedPart } from './packet-bounds.ts'
import { type PublishOptions, propertiesOf } from './publish-options.ts'
import { type RequestOptions, Requests } from './requests.ts'
import type { Credentials } from './renewal-in-place.ts'
import { answerTo, type RequestHandler } from './responder.ts'
import { type MessageHandler, type Subscription, Subscriptions } from './subscriptions.ts'
import { SYSTEM, type System } from './system.ts'
import { TokenSession } from './token-session.ts'
import type { TokenLogin } from './token-source.ts'

export interface SubscribeOptions {
  readonly qos?: Qos
}

export type TextHandler = (topic: string, text: string, message: Message) => unknown

export class CloudSignal extends ClientEvents {
  readonly #system: System
  readonly #options: ClientOptions
  #settings: Settings
  readonly #outbound: Outbound
  readonly #subscriptions: Subscriptions
  readonly #requests: Requests
  readonly #texts = new Map<TextHandler, () => void>()
  #link: MqttLink | undefined
  #session: TokenSession | undefined
  #isDestroyed = false

  /** @throws ClientError `options_invalid`. @param system for tests. */
  constructor(options: ClientOptions = {}, system: System = SYSTEM) {
    super()
    this.#system = system
    this.#options = options
    this.#settings = settingsOf(options, here(), system.random)
    this.#requests = new Requests(system)
    this.#outbound = new Outbound(
      {
        send: (message, done) => this.#linked().send(message, done),
        window: () => this.#link?.window ?? 0,
        nowMs: system.nowMs,
      },
      this.#settings,
    )
    this.#subscriptions = new Subscriptions({
      ask: (filter, qos) => this.#linked().subscribe(filter, qos),
      end: (filter) => this.#linked().unsubscribe(filter),
      isUp: () => this.isConnected,
      failed: (error) => this.tell(error),
    })
  }

  get isConnected(): boolean {
    return this.#link?.isUp ?? false
  }

  get clientId(): string {
    return this.#settings.clientId
  }

  get subscriptions(): readonly string[] {
    return this.#subscriptions.filters
  }

  /** Published and not sent yet. */
  get queuedCount(): number {
    return this.#outbound.queuedCount
  }

  get token(): TokenInfo | undefined {
    return this.#session?.info
  }

  /** Connects with a permanent user or a key: for servers and devices. @throws ClientError */
  async connect(login: Credentials & ConnectOptions): Promise<void> {
    const { username, password } = login
    this.#settle(login)
    if (!username || !password) {
      throw new ClientError('options_invalid', { reason: 'username and password are missing' })
    }
    await this.#open(() => Promise.resolve({ username, password }), undefined)
  }

  /** Connects with a token, which is renewed from then on. @throws ClientError */
  async connectWithToken(login: TokenLogin & ConnectOptions): Promise<void> {
    this.#settle(login)
    const session = new TokenSession(login, {
      settings: this.#settings,
      system: this.#system,
      link: () => this.#link,
      refreshed: (token) => this.hear(this.onTokenRefreshed, token),
      failed: (error) => this.hear(this.onTokenError, error),
    })
    await this.#open((why) => session.credentials(why), session)
  }

  /** Renews the token now. @throws ClientError */
  async refreshToken(): Promise<TokenInfo> {
    if (this.#session === undefined) throw new ClientError('not_connected')
    return this.#session.renew()
  }

  /**
   * @param handler gets each message; one that is given a number or nothing is for `onMessage`.
   * @returns once the broker has granted it; without a connection that is after the next one.
   * @throws ClientError `not_authorized` where the rules deny it.
   */
  async subscribe(
    filter: string,
    handler?: MessageHandler | Qos,
    options: SubscribeOptions = {},
  ): Promise<Subscription> {
    if (this.#isDestroyed) throw new ClientError('destroyed')
    const isNumber = typeof handler === 'number'
    if (!isMqttText(filter) || filter === '') {
      throw new ClientError('subscribe_refused', { reason: 'the filter is malformed' })
    }
    const qos = (isNumber ? handler : options.qos) ?? this.#settings.subscribeQos
    return this.#subscriptions.add(filter, isNumber ? undefined : handler, qos)
  }

  async unsubscribe(filter: string): Promise<void> {
    await this.#subscriptions.remove(filter)
  }

  /**
   * @returns once the broker has taken it; at QoS 0 once it was sent. Without a connection it
   * waits for the next one.
   * @throws ClientError `not_authorized` where the rules deny it (QoS 1 and 2, MQTT 5.0).
   */
  async publish(topic: string, payload: Payload, options: PublishOptions = {}): Promise<void> {
    if (this.#isDestroyed) throw new ClientError('destroyed')
    const malformed = malformedPart(topic, options)
    if (malformed !== undefined) {
      throw new ClientError('publish_refused', { reason: `${malformed} is malformed` })
    }
    const { protocolVersion, publishQos, messageExpirySeconds } = this.#settings
    const { qos = publishQos, retain = false, ...rest } = options
    const expirySeconds = rest.expirySeconds ?? (messageExpirySeconds || undefined)
    const properties = protocolVersion === 5 ? { properties: propertiesOf(rest, payload) } : {}
    await this.#outbound.publish({
      topic,
      payload: bytesOf(payload),
      options: { qos, retain, ...properties },
      expirySeconds: protocolVersion === 5 ? expirySeconds : undefined,
    })
  }

  /** The same under the name of older versions. */
  transmit(topic: string, payload: Payload, options?: PublishOptions): Promise<void> {
    return this.publish(topic, payload, options)
  }

  /** Hears every message of every subscription, as text. */
  onMessage(handler: TextHandler): void {
    if (this.#texts.has(handler)) return
    const listener = (message: Message) => handler(message.topic, message.text(), message)
    this.#texts.set(handler, this.#subscriptions.listen(listener))
  }

  offMessage(handler: TextHandler): void {
    this.#texts.get(handler)?.()
    this.#texts.delete(handler)
  }

  /**
   * Asks whoever answers on a topic.
   * @throws ClientError `request_timeout`, `not_authorized`.
   */
  async request(topic: string, payload: Payload, options: RequestOptions = {}): Promise<Message> {
    const port = {
      clientId: this.clientId,
      subscribe: (responses: string) => this.subscribe(responses, undefined, { qos: 1 }),
      publish: this.publish.bind(this),
    }
    const { requestTimeoutMs: timeoutMs } = this.#settings
    return this.#requests.ask(port, { topic, payload }, { timeoutMs, ...options })
  }

  /**
   * Answers what comes on a topic with what the handler gives; undefined is no answer. Where it
   * answers is the asker's choice, within what the rules let this client publish.
   */
  async onRequest(filter: string, handler: RequestHandler): Promise<Subscription> {
    const answer = async (message: Message) => {
      const answered = await answerTo(message, handler)
      if (answered === undefined) return
      await this.publish(answered.topic, answered.payload, answered.options)
    }
    return this.subscribe(filter, answer, { qos: 1 })
  }

  /** Leaves for good: nothing is sent, heard or renewed any more. */
  destroy(): void {
    if (this.#isDestroyed) return
    this.#isDestroyed = true
    const gone = new ClientError('destroyed')
    this.#session?.stop()
    this.#giveUp(gone)
    this.#link?.close({ endsSession: !this.#settings.hasOwnClientId })
    this.become('disconnected')
  }

  #settle(said: ConnectOptions): void {
    if (this.#isDestroyed) throw new ClientError('destroyed')
    if (this.state !== 'disconnected' && this.state !== 'error') {
      const reason = 'it is connected, or about to be'
      throw new ClientError('options_invalid', { reason })
    }
    this.#settings = mergedSettings({ options: this.#options, settings: this.#settings }, said)
  }

  async #open(
    credentials: (why: 'connect' | 'refused') => Promise<Credentials>,
    session: TokenSession | undefined,
  ): Promise<void> {
    this.become('connecting')
    const link = new MqttLink({
      settings: this.#settings,
      system: this.#system,
      isToken: session !== undefined,
      events: {
        credentials,
        up: (kept) => this.#up(kept),
        down: (drop) => this.#down(drop),
        ended: (error) => this.#ended(error),
        message: (topic, payload, packet) => {
          const message = messageOf(topic, payload, packet)
          if (!this.#requests.take(message)) this.#subscriptions.dispatch(message)
        },
      },
    })
    this.#link = link
    this.#session = session
    try {
      await link.open()
    } catch (error) {
      session?.stop()
      if (!this.#isDestroyed) {
        this.become('error')
        if (isAuth(error)) this.hear(this.onAuthError, error)
      }
      throw error
    }
  }

  #up(kept: { readonly sessionPresent: boolean }): void {
    this.become('connected')
    this.#subscriptions.restore(kept)
    this.#outbound.flush()
  }

  #down({ attempt, isLost }: Drop): void {
    this.#outbound.down({ isLost })
    this.become('reconnecting')
    this.hear(this.onReconnecting, attempt)
  }

  #ended(error: ClientError): void {
    this.#session?.stop()
    this.#giveUp(error)
    this.become('error')
    if (isAuth(error)) this.hear(this.onAuthError, error)
    else if (this.onError !== null) this.tell(error)
  }

  #giveUp(error: ClientError): void {
    this.#outbound.close(error)
    this.#requests.close(error)
    this.#subscriptions.close(error)
  }

  #linked(): MqttLink {
    if (this.#link === undefined) throw new ClientError('not_connected')
    return this.#link
  }
}

function isAuth(error: unknown): error is ClientError {
  return error instanceof ClientError && ['auth_failed', 'token_expired'].includes(error.code)
}
