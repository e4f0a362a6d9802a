/**
 * One request and its answer over `node:http` or `node:https`, to addresses that were judged. Not
 * `fetch`: Bun's ignores `lookup`, so it could connect to another address than the one that was
 * judged (DNS rebinding).
 */
import * as http from 'node:http'
import * as https from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { FetchedAnswer, FetchRefusal } from '../../ports/fetcher.ts'
import { DISCARD_TIME_MS_MAX } from '../../ports/webhook-sender.ts'

const HEADER_BYTES_MAX = 16_384
/** Without one, some servers refuse to answer. */
const AGENT = 'lockgate'

export interface Exchange {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | undefined
  /** Nothing else is connected to. */
  readonly addresses: readonly string[]
  /** Ends it at any point. */
  readonly signal: AbortSignal
  readonly bytesMax: number
  /** What is read of an answer that is none of these: `discard` leaves its connection usable. */
  readonly reading: 'body' | 'status' | 'discard'
  /** Keeps connections, all to addresses that were judged; false: this one is closed. */
  readonly agent: http.Agent | false
  /** PEM; undefined: the certificates the system trusts. */
  readonly trustedCertificates: string | undefined
}

type Answer = Result<FetchedAnswer, FetchRefusal>

/** @throws an error of the system when there is no whole answer. */
export function exchange(order: Exchange): Promise<Answer> {
  const { url, method, body, signal, headers, agent, trustedCertificates: ca } = order
  const options = {
    method,
    signal,
    agent,
    lookup: pinnedTo(order.addresses),
    maxHeaderSize: HEADER_BYTES_MAX,
    // What is compressed could unpack to any size.
    headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': AGENT, ...headers },
    ...(ca === undefined ? {} : { ca }),
  }
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:' ? https.request(url, options) : http.request(url, options)
    const settle = (answer: Answer) => {
      resolve(answer)
      request.destroy()
    }
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'HPE_HEADER_OVERFLOW') settle(refuse('answer_large'))
      else reject(error)
    })
    // A change of protocol is told by neither event: without this the call would never settle.
    request.on('upgrade', (_response, socket) => {
      socket.destroy()
      reject(new Error('the answer is no answer'))
    })
    request.on('close', () => reject(new Error('there is no answer')))
    request.on('response', (response) => {
      if (order.reading !== 'discard') response.on('error', reject)
      if (isRedirect(response)) settle(refuse('redirected'))
      else if (order.reading === 'status') settle(ok(answerOf(response, NOTHING)))
      else if (order.reading === 'body')
        readBody(response, { bytesMax: order.bytesMax, settle, reject })
      else {
        const answer = ok(answerOf(response, NOTHING))
        // From here on nothing takes the status back.
        request.removeAllListeners('close').removeAllListeners('error')
        request.on('error', () => settle(answer))
        discardBody(response, { answer, bytesMax: order.bytesMax, resolve, settle })
      }
    })
    request.end(body)
  })
}

const NOTHING = new Uint8Array()

interface Discarding {
  readonly answer: Answer
  readonly bytesMax: number
  /** The connection may be used again. */
  readonly resolve: (answer: Answer) => void
  /** It may not. */
  readonly settle: (answer: Answer) => void
}

/** The status counts, whatever follows it: what is too long or too slow costs its connection. */
function discardBody(response: http.IncomingMessage, discarding: Discarding): void {
  const { answer, bytesMax, resolve, settle } = discarding
  const timer = setTimeout(() => settle(answer), DISCARD_TIME_MS_MAX)
  let byteCount = 0
  response.on('data', (chunk: Buffer) => {
    byteCount += chunk.length
    if (byteCount > bytesMax) settle(answer)
  })
  const finish = () => {
    clearTimeout(timer)
    resolve(answer)
  }
  response.on('error', () => settle(answer))
  response.on('end', finish)
  response.on('close', finish)
}

interface Reading {
  readonly bytesMax: number
  readonly settle: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

function readBody(response: http.IncomingMessage, reading: Reading): void {
  const chunks: Buffer[] = []
  let byteCount = 0
  response.on('data', (chunk: Buffer) => {
    byteCount += chunk.length
    if (byteCount > reading.bytesMax) reading.settle(refuse('answer_large'))
    else chunks.push(chunk)
  })
  response.on('end', () => reading.settle(ok(answerOf(response, Buffer.concat(chunks)))))
  // After `end` this changes nothing; before it, the answer was cut off.
  response.on('close', () => reading.reject(new Error('the answer ended early')))
}

/** What points elsewhere; 304 answers a condition that is never sent. */
function isRedirect({ statusCode = 0 }: http.IncomingMessage): boolean {
  return statusCode >= 300 && statusCode < 400
}

function answerOf(response: http.IncomingMessage, body: Uint8Array): FetchedAnswer {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(response.headersDistinct)) {
    if (value !== undefined) headers[name] = value.join(', ')
  }
  return { status: response.statusCode ?? 0, headers, body }
}

/** Answers every look-up of the connection with what was judged. */
function pinnedTo(addresses: readonly string[]): LookupFunction {
  const entries = addresses.map((address) => ({ address, family: isIP(address) }))
  return (_hostname, options, answer) => {
    const [first] = entries
    if (options.all === true) answer(null, entries)
    else answer(null, first?.address ?? '', first?.family)
  }
}
