/**
 * Posts webhooks over connections that are kept, each for one endpoint and only while the address
 * it leads to counts as judged. Not before: a name may lead elsewhere by then (DNS rebinding).
 */
import * as http from 'node:http'
import * as https from 'node:https'
import { ok, type Result } from '@lockgate/protocol/result'
import type { Clock } from '../../ports/clock.ts'
import type { FetchRefusal } from '../../ports/fetcher.ts'
import {
  CONNECTION_KEPT_MS,
  CONNECTION_KEYS_MAX,
  DISCARDED_BYTES_MAX,
  SEND_TIME_MS_MAX,
  type SendFailure,
  type SendOrder,
  type SendResult,
  SENDS_IN_FLIGHT_MAX,
  type WebhookSender,
} from '../../ports/webhook-sender.ts'
import { AddressPolicy } from './address-policy.ts'
import { type Exchange, exchange } from './exchange.ts'
import type { FetcherOptions } from './fetcher.ts'
import { addressesOf, beforeEnd, judge, readUrl, resolveName } from './target.ts'

/** Our bound on connections to one endpoint. */
const CONNECTION_COUNT_MAX = 32
const RETRY_AFTER_CHARACTERS_MAX = 64

/** Connections of one endpoint to addresses that were judged at one moment. */
interface Route {
  readonly addresses: readonly string[]
  readonly agent: http.Agent
  readonly untilMs: number
  useCount: number
  /** A connection of it may be one that was kept. */
  hasAnswered: boolean
  isOver: boolean
}

interface Post extends Omit<SendOrder, 'url'> {
  readonly url: URL
  readonly signal: AbortSignal
}

export interface SenderOptions extends Omit<FetcherOptions, 'bytesMax'> {
  /** Measures how long a connection is kept. */
  readonly clock: Pick<Clock, 'monotonicMs'>
}

export function createNodeSender(options: SenderOptions): WebhookSender {
  return new NodeSender(options)
}

class NodeSender implements WebhookSender {
  readonly #options: SenderOptions
  readonly #policy: AddressPolicy
  /** The least recently made first. */
  readonly #routes = new Map<string, Route>()
  /** Look-ups under way, so that many posts at once share one. */
  readonly #finding = new Map<string, Promise<Result<Route, FetchRefusal>>>()
  #inFlightCount = 0

  constructor(options: SenderOptions) {
    this.#options = options
    this.#policy = new AddressPolicy(options.allowedNetworks)
  }

  async send(order: SendOrder): Promise<SendResult> {
    if (this.#inFlightCount >= SENDS_IN_FLIGHT_MAX) return failed('busy')
    this.#inFlightCount++
    // Not `AbortSignal.timeout`: that keeps everything it could end until the time is over.
    const ending = new AbortController()
    const { signal } = ending
    const timer = setTimeout(() => ending.abort(), this.#options.timeMsMax ?? SEND_TIME_MS_MAX)
    const url = readUrl(order.url)
    try {
      if (url === undefined) return failed('url_refused')
      const route = await beforeEnd(this.#routeOf(order.connectionKey, url), signal)
      if (!route.ok) return failed(route.refusal)
      return await this.#post({ ...order, url, signal }, route.value)
    } catch (error) {
      return failed(signal.aborted ? 'too_slow' : failureOf(error))
    } finally {
      clearTimeout(timer)
      this.#inFlightCount--
    }
  }

  tick(): void {
    const nowMs = this.#options.clock.monotonicMs()
    for (const [key, route] of this.#routes) {
      if (nowMs >= route.untilMs) this.#leave(key, route)
    }
  }

  close(): void {
    for (const [key, route] of this.#routes) this.#leave(key, route)
  }

  async #post(order: Post, route: Route): Promise<SendResult> {
    route.useCount++
    try {
      return await this.#exchange(order, route, route.agent)
    } catch (error) {
      // A receiver closes what is idle when it likes, also while the next post is on its way.
      if (!route.hasAnswered || !isReset(error) || order.signal.aborted) throw error
      return await this.#exchange(order, route, false)
    } finally {
      route.useCount--
      if (route.isOver && route.useCount === 0) route.agent.destroy()
    }
  }

  async #exchange(
    { url, body, headers: given, signal }: Post,
    route: Route,
    agent: Exchange['agent'],
  ): Promise<SendResult> {
    const answer = await exchange({
      agent,
      signal,
      method: 'POST',
      url,
      headers: { ...given, 'content-length': String(Buffer.byteLength(body)) },
      body,
      addresses: route.addresses,
      reading: 'discard',
      bytesMax: DISCARDED_BYTES_MAX,
      trustedCertificates: this.#options.trustedCertificates,
    })
    if (!answer.ok) return failed(answer.refusal)
    route.hasAnswered = true
    const { status, headers } = answer.value
    const retryAfter = headers['retry-after']?.slice(0, RETRY_AFTER_CHARACTERS_MAX)
    return { kind: 'answered', status, retryAfter }
  }

  /** @returns connections whose address counts as judged, or judges it anew. */
  async #routeOf(connectionKey: string, url: URL): Promise<Result<Route, FetchRefusal>> {
    const key = `${connectionKey} ${url.origin}`
    const known = this.#routes.get(key)
    if (known !== undefined) {
      if (this.#options.clock.monotonicMs() < known.untilMs) return ok(known)
      this.#leave(key, known)
    }
    const running = this.#finding.get(key)
    if (running !== undefined) return running
    const finding = this.#find(key, url).finally(() => this.#finding.delete(key))
    this.#finding.set(key, finding)
    return finding
  }

  async #find(key: string, url: URL): Promise<Result<Route, FetchRefusal>> {
    const untilMs = this.#options.clock.monotonicMs() + CONNECTION_KEPT_MS
    const addresses = await addressesOf(url, this.#options.resolve ?? resolveName)
    const judged = judge(url, addresses, this.#policy)
    if (!judged.ok) return judged
    const state = { useCount: 0, hasAnswered: false, isOver: false }
    const route = { addresses, agent: agentOf(url), untilMs, ...state }
    this.#makeRoom()
    this.#routes.set(key, route)
    return ok(route)
  }

  #makeRoom(): void {
    if (this.#routes.size < CONNECTION_KEYS_MAX) return
    for (const [key, route] of this.#routes) return this.#leave(key, route)
  }

  /** Nothing begins on it any more; what is under way ends first. */
  #leave(key: string, route: Route): void {
    this.#routes.delete(key)
    route.isOver = true
    if (route.useCount === 0) route.agent.destroy()
  }
}

function agentOf({ protocol }: URL): http.Agent {
  const options = { keepAlive: true, maxSockets: CONNECTION_COUNT_MAX, scheduling: 'lifo' } as const
  return protocol === 'https:' ? new https.Agent(options) : new http.Agent(options)
}

function failed(failure: SendFailure): SendResult {
  return { kind: 'failed', failure }
}

/** What OpenSSL calls a certificate that does not hold, and Node one for another name. */
const CERTIFICATE = /CERT|SIGNATURE|ALTNAME|ISSUER|SELF_SIGNED/

/** The other side closed a connection before it said anything. */
function isReset(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ECONNRESET' || code === 'EPIPE'
}

function failureOf(error: unknown): SendFailure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return CERTIFICATE.test(code) ? 'certificate_refused' : 'unreachable'
}
