/**
 * What this client is subscribed to, whatever the connection does: filters, their handlers, and
 * whether the broker has granted them. Asks the broker through one function; has no timers.
 */
import { ClientError } from './client-error.ts'
import type { Qos } from './client-options.ts'
import type { Message } from './message.ts'
import { topicMatches } from './topic-match.ts'

export type MessageHandler = (message: Message) => unknown

export interface Subscription {
  readonly filter: string
  /** Ends this handler; the last one of a filter ends the subscription. */
  unsubscribe(): Promise<void>
}

export interface SubscriptionPort {
  /**
   * @throws ClientError `connection_lost` when there was no answer: it is asked again after the
   * next connect.
   */
  readonly ask: (filter: string, qos: Qos) => Promise<void>
  /** @returns whether the broker has answered; else it may hold the subscription still. */
  readonly end: (filter: string) => Promise<boolean>
  readonly isUp: () => boolean
  /** A filter that was granted once is refused after a reconnect, or a handler has thrown. */
  readonly failed: (error: unknown) => void
}

interface Held {
  readonly filter: string
  qos: Qos
  isGranted: boolean
  isAsked: boolean
  /** The session at the broker may have it, whether there was an answer or not. */
  isSent: boolean
  readonly handlers: Set<MessageHandler>
  readonly waiting: Waiting[]
}

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Our bound, as each filter is compared with each message. */
export const FILTER_COUNT_MAX = 1_000

export class Subscriptions {
  readonly #port: SubscriptionPort
  readonly #held = new Map<string, Held>()
  readonly #listeners = new Set<MessageHandler>()
  /** Ended here, and perhaps not yet in the session at the broker. */
  readonly #left = new Set<string>()

  constructor(port: SubscriptionPort) {
    this.#port = port
  }

  get filters(): readonly string[] {
    return [...this.#held.keys()]
  }

  /** @returns once the broker has granted it; without a connection that is after the next one. */
  async add(filter: string, handler: MessageHandler | undefined, qos: Qos): Promise<Subscription> {
    const held = this.#hold(filter, qos)
    // A handler that is given twice is called twice, and each call ends on its own.
    const own = handler && ((message: Message) => handler(message))
    if (own !== undefined) held.handlers.add(own)
    if (qos > held.qos) {
      held.qos = qos
      held.isGranted = false
    }
    try {
      if (!held.isGranted) await this.#granted(held)
    } catch (error) {
      if (own !== undefined) held.handlers.delete(own)
      throw error
    }
    return { filter, unsubscribe: () => this.#drop(held, own) }
  }

  /** Ends a subscription with all of its handlers. */
  async remove(filter: string): Promise<void> {
    const held = this.#held.get(filter)
    if (held === undefined) return
    this.#held.delete(filter)
    this.#settle(held, new ClientError('connection_lost', { reason: 'unsubscribed meanwhile' }))
    if (held.isSent) await this.#end(filter)
  }

  /** Asks for what the broker does not hold; after a connect. */
  restore({ sessionPresent }: { readonly sessionPresent: boolean }): void {
    const left = [...this.#left]
    this.#left.clear()
    if (sessionPresent) for (const filter of left) void this.#end(filter)
    for (const held of this.#held.values()) {
      if (!sessionPresent) held.isGranted = false
      held.isAsked = false
      held.isSent &&= sessionPresent
      if (!held.isGranted) this.#ask(held)
    }
  }

  /** Hears every message, whatever it came by. @returns what ends it. */
  listen(listener: MessageHandler): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Every handler whose filter matches gets the message once, and every listener. */
  dispatch(message: Message): void {
    for (const { filter, handlers } of this.#held.values()) {
      if (handlers.size === 0 || !topicMatches(filter, message.topic)) continue
      for (const handler of [...handlers]) this.#call(handler, message)
    }
    for (const listener of [...this.#listeners]) this.#call(listener, message)
  }

  /** Nothing is waited for any more. */
  close(error: ClientError): void {
    for (const held of this.#held.values()) this.#settle(held, error)
    this.#held.clear()
    this.#left.clear()
  }

  #hold(filter: string, qos: Qos): Held {
    const known = this.#held.get(filter)
    if (known !== undefined) return known
    if (this.#held.size >= FILTER_COUNT_MAX) {
      const reason = `a client holds ${FILTER_COUNT_MAX} filters at most`
      throw new ClientError('too_many', { reason })
    }
    const state = { isGranted: false, isAsked: false, isSent: this.#left.delete(filter) }
    const held: Held = { filter, qos, ...state, handlers: new Set(), waiting: [] }
    this.#held.set(filter, held)
    return held
  }

  /** Without an answer it is asked again after the next connect, unless held again by then. */
  async #end(filter: string): Promise<void> {
    const isEnded = this.#port.isUp() && (await this.#port.end(filter))
    if (!isEnded && !this.#held.has(filter)) this.#left.add(filter)
  }

  #granted(held: Held): Promise<void> {
    const granted = new Promise<void>((resolve, reject) => held.waiting.push({ resolve, reject }))
    if (this.#port.isUp()) this.#ask(held)
    return granted
  }

  #ask(held: Held): void {
    if (held.isAsked) return
    held.isAsked = true
    held.isSent = true
    const { qos } = held
    this.#port.ask(held.filter, qos).then(
      () => {
        held.isAsked = false
        held.isGranted = held.qos === qos
        if (held.isGranted) this.#settle(held)
        else this.#ask(held)
      },
      (error: unknown) => this.#refused(held, error),
    )
  }

  #refused(held: Held, error: unknown): void {
    held.isAsked = false
    // No answer is no refusal: it is asked again after the next connect.
    if (error instanceof ClientError && error.code === 'connection_lost') return
    if (this.#held.get(held.filter) === held) this.#held.delete(held.filter)
    if (held.waiting.length === 0) return this.#port.failed(error)
    this.#settle(held, error)
  }

  #settle({ waiting }: Held, error?: unknown): void {
    for (const { resolve, reject } of waiting.splice(0)) {
      if (error === undefined) resolve()
      else reject(error)
    }
  }

  async #drop(held: Held, own: MessageHandler | undefined): Promise<void> {
    if (own !== undefined && !held.handlers.delete(own)) return
    const isHeld = this.#held.get(held.filter) === held
    if (isHeld && held.handlers.size === 0) await this.remove(held.filter)
  }

  /** A handler that throws, at once or later, keeps no other one from its message. */
  #call(handler: MessageHandler, message: Message): void {
    try {
      const outcome = handler(message)
      if (outcome instanceof Promise) outcome.catch(this.#port.failed)
    } catch (error) {
      this.#port.failed(error)
    }
  }
}
