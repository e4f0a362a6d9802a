/**
 * Publishes events by the HTTP API: signed with an app key, or with a token of a keeper. Pusher
 * Channels protocol 7, parts 1G and 1I. Data of encrypted channels are encrypted here. Nothing is
 * sent twice but what was certainly not published. Web standards only.
 */
import { parseJsonObject } from '@lockgate/protocol/bytes'
import { httpStringToSign } from '@lockgate/protocol/pusher/signature'
import { readBoundedText } from './bounded-text.ts'
import type { AppKey } from './channel-authorization.ts'
import type { EncryptedChannels, PinnedEncryption } from './encrypted-channels.ts'
import { checkedUrl } from './endpoint-url.ts'
import { signHmac } from './hmac.ts'
import { md5Hex } from './md5.ts'
import { PublishError } from './publish-error.ts'
import { readRetryAfter } from './retry-after.ts'
import { nameFailure, type System, SYSTEM } from './system.ts'

type MaybePromise<T> = T | Promise<T>

/** What is used of a `TokenKeeper`. */
export interface Tokens {
  getToken(): Promise<string>
  discard(token: string): MaybePromise<void>
}

export interface PublisherOptions {
  /** Where the server is, a path prefix included. */
  readonly url: string
  readonly appId: string
  /** Newest first; the newest signs. A function is asked each time. Or give `tokens`. */
  readonly keys?: AppKey | readonly AppKey[] | (() => MaybePromise<AppKey | readonly AppKey[]>)
  /** A `TokenKeeper`, in place of `keys`. */
  readonly tokens?: Tokens
  /** For channels whose names begin `private-encrypted-`. */
  readonly encryptedChannels?: Pick<EncryptedChannels, 'pin'>
  /** Of one call; {@link PUBLISH_MS_MAX} unless given. */
  readonly timeoutMs?: number
  /** Lets tokens travel to another machine without TLS. */
  readonly dangerousPlainHttp?: boolean
  /** For tests. */
  readonly system?: System
}

export interface EventContent {
  readonly name: string
  /** Text goes as it is, anything else as JSON, as with the `pusher` library. */
  readonly data: unknown
  /** The connection that does not get it: who caused it. */
  readonly socketId?: string
}

export interface BatchEvent extends EventContent {
  readonly channel: string
}

/** To one channel, or to several that are not encrypted. */
export type PublishedEvent = BatchEvent | (EventContent & { readonly channels: readonly string[] })

/** Bounds of the server. */
export const CHANNEL_COUNT_MAX = 100
export const BATCH_EVENT_COUNT_MAX = 10
export const PUBLISH_MS_MAX = 10_000
const ANSWER_BYTES_MAX = 64 * 1024
const ANSWER_DEPTH_MAX = 6
const NONCE_BYTES = 12
const ENCRYPTED = 'private-encrypted-'

interface Call {
  readonly path: string
  /** Made anew for each attempt: encrypted data belong to the moment they are sent. */
  readonly body: () => Promise<string>
}

export class Publisher {
  readonly #options: PublisherOptions
  readonly #url: URL
  readonly #system: System

  /** @throws TypeError for an address that secrets must not be sent to, or no way to sign. */
  constructor(options: PublisherOptions) {
    if ((options.keys === undefined) === (options.tokens === undefined)) {
      throw new TypeError('Give either keys or tokens.')
    }
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(options.appId)) {
      throw new TypeError('appId is the id of the app, as the administration shows it.')
    }
    this.#url = checkedUrl(options.url, options.dangerousPlainHttp ?? false)
    this.#options = options
    this.#system = options.system ?? SYSTEM
  }

  /**
   * @returns once the server has taken it.
   * @throws {@link PublishError}, and TypeError for data that JSON cannot hold.
   */
  async publish(event: PublishedEvent): Promise<void> {
    const channels = 'channels' in event ? event.channels : [event.channel]
    if (channels.length === 0 || channels.length > CHANNEL_COUNT_MAX) {
      throw invalid(`Name 1 to ${CHANNEL_COUNT_MAX} channels.`)
    }
    if (channels.length > 1 && channels.some(isEncrypted)) {
      throw invalid('An event goes to one encrypted channel at a time: use publishBatch.')
    }
    const [first = ''] = channels
    this.#checkKey(channels)
    await this.#post({
      path: 'events',
      body: async () => {
        const pinned = await this.#pinned(channels)
        return JSON.stringify({ ...(await wireEvent(event, first, pinned)), channels })
      },
    })
  }

  /**
   * Several events in one call, each for one channel; all are taken, or none.
   * @throws as {@link publish}.
   */
  async publishBatch(events: readonly BatchEvent[]): Promise<void> {
    if (events.length === 0 || events.length > BATCH_EVENT_COUNT_MAX) {
      throw invalid(`A batch has 1 to ${BATCH_EVENT_COUNT_MAX} events.`)
    }
    const channels = events.map(({ channel }) => channel)
    this.#checkKey(channels)
    await this.#post({
      path: 'batch_events',
      body: async () => {
        const pinned = await this.#pinned(channels)
        const sealed = events.map(async (event) => ({
          ...(await wireEvent(event, event.channel, pinned)),
          channel: event.channel,
        }))
        return JSON.stringify({ batch: await Promise.all(sealed) })
      },
    })
  }

  #checkKey(channels: readonly string[]): void {
    if (this.#options.encryptedChannels !== undefined || !channels.some(isEncrypted)) return
    throw invalid('Give encryptedChannels: without it the data would travel in clear.')
  }

  /** One key for everything of a call. */
  #pinned(channels: readonly string[]): Promise<PinnedEncryption> | undefined {
    return channels.some(isEncrypted) ? this.#options.encryptedChannels?.pin() : undefined
  }

  async #post(call: Call): Promise<void> {
    const { tokens } = this.#options
    if (tokens === undefined) return this.#settle(await this.#send(call, undefined))
    const token = await tokens.getToken()
    const answer = await this.#send(call, token)
    if (answer.status !== 401) return this.#settle(answer)
    await answer.body?.cancel()
    await tokens.discard(token)
    return this.#settle(await this.#send(call, await tokens.getToken()))
  }

  async #send(call: Call, token: string | undefined): Promise<Response> {
    const { appId, timeoutMs = PUBLISH_MS_MAX } = this.#options
    const prefix = this.#url.pathname.replace(/\/$/, '')
    const path = `${prefix}/apps/${appId}/${call.path}`
    const body = await call.body()
    const bytes = new TextEncoder().encode(body)
    const query = token === undefined ? await this.#signed(path, bytes) : ''
    const headers = new Headers({ accept: 'application/json', 'content-type': 'application/json' })
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    try {
      return await this.#system.fetch(`${this.#url.origin}${path}${query}`, {
        method: 'POST',
        headers,
        body: bytes,
        redirect: 'manual', // a signature goes to the address that was named and to no other
        signal: this.#system.deadline(timeoutMs),
      })
    } catch (error) {
      throw new PublishError('unavailable', { reason: nameFailure(error) })
    }
  }

  /** §1G.1. */
  async #signed(path: string, body: Uint8Array): Promise<string> {
    const { appKey, secret } = await this.#newestKey()
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
    const query = new Map([
      ['auth_key', appKey],
      ['auth_timestamp', String(Math.floor(this.#system.now() / 1_000))],
      ['auth_version', '1.0'],
      ['body_md5', md5Hex(body)],
      // Two equal events of one second are two calls, also for an app that refuses replays.
      ['nonce', Array.from(nonce, (byte) => byte.toString(16).padStart(2, '0')).join('')],
    ])
    const signature = await signHmac(secret, httpStringToSign('POST', path, query))
    return `?${new URLSearchParams([...query, ['auth_signature', signature]]).toString()}`
  }

  async #newestKey(): Promise<AppKey> {
    const { keys } = this.#options
    const given = typeof keys === 'function' ? await keys() : keys
    const newest = [given].flat()[0]
    if (newest === undefined) throw new TypeError('There is no app key to sign with.')
    return newest
  }

  async #settle(response: Response): Promise<void> {
    const { status } = response
    const text = await readBoundedText(response.body, ANSWER_BYTES_MAX).catch((error: unknown) => {
      throw new PublishError('unavailable', { status, reason: nameFailure(error) })
    })
    const answer = text.ok ? parseJsonObject(text.value, ANSWER_DEPTH_MAX) : undefined
    if (status === 200 && answer !== undefined) return
    const code = answer?.['code']
    // A longer or stranger text could be anything.
    const refusal = typeof code === 'string' && /^[a-z_]{1,64}$/.test(code) ? code : undefined
    const retryAfterMs = readRetryAfter(response.headers.get('retry-after'), this.#system.now())
    const details = { status, refusal, retryAfterMs }
    if (status === 429) throw new PublishError('rate_limited', details)
    if (status >= 500) throw new PublishError('unavailable', details)
    throw new PublishError(refusal === undefined ? 'answer_unexpected' : 'refused', details)
  }
}

interface WireEvent {
  readonly name: string
  readonly data: string
  readonly socket_id?: string
}

async function wireEvent(
  { name, data, socketId }: EventContent,
  channel: string,
  pinned: PinnedEncryption | undefined,
): Promise<WireEvent> {
  const sent = isEncrypted(channel) ? pinned?.encrypt(channel, data) : plainText(data)
  const text = await sent
  // It was checked that there is a key for every channel that needs one.
  if (text === undefined) throw new TypeError('The data of an event are what JSON can hold.')
  return { name, data: text, ...(socketId === undefined ? {} : { socket_id: socketId }) }
}

function plainText(data: unknown): string | undefined {
  return typeof data === 'string' ? data : JSON.stringify(data)
}

function isEncrypted(channel: string): boolean {
  return channel.startsWith(ENCRYPTED)
}

function invalid(reason: string): PublishError {
  return new PublishError('request_invalid', { reason })
}
