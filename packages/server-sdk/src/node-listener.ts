/**
 * An endpoint as a listener of Node's `http` and of frameworks on it (Express, Connect, Next.js
 * pages). Knows Node's request and response by their shape, so it imports nothing of Node.
 */
import type { Endpoint } from './endpoint-options.ts'
import { BODY_BYTES_MAX } from './endpoint-parameters.ts'

/** `http.IncomingMessage`, with what a body parser before us may have left. */
export interface NodeRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** Express: the path before a router cut its own part off. */
  readonly originalUrl?: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly socket: { readonly remoteAddress?: string | undefined }
  readonly readableEnded?: boolean
  readonly body?: unknown
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown
  on(event: 'end' | 'close', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  pause(): unknown
}

/** `http.ServerResponse`. */
export interface NodeResponse {
  writeHead(status: number, headers: Record<string, string>): unknown
  end(text: string): unknown
}

export interface ListenerOptions {
  /** Reads the address of the client where a proxy is before you. Absent: that of the socket. */
  readonly addressOf?: (request: NodeRequest) => string | undefined
  /** Scheme that browsers see; `https` behind a proxy that ends TLS. */
  readonly scheme?: 'http' | 'https'
  /**
   * For `webhookHandler`: the body is handed on byte for byte, up to so many bytes, and one that a
   * parser read before us is an error, since a signature covers what arrived. Absent: at most as
   * much as an authorization endpoint takes, and what a parser read is written again.
   */
  readonly rawBodyBytesMax?: number
  /** Gets what was thrown; the client gets a 500 without details. */
  readonly onError: (error: unknown) => void
}

type Listener = (request: NodeRequest, response: NodeResponse) => void

export function nodeListener(endpoint: Endpoint, options: ListenerOptions): Listener {
  return (request, response) => {
    answer(endpoint, options, { request, response }).catch((error: unknown) => {
      response.writeHead(500, { 'cache-control': 'no-store', 'content-type': 'application/json' })
      response.end('{"error":"failed"}')
      options.onError(error)
    })
  }
}

async function answer(
  endpoint: Endpoint,
  { addressOf, scheme = 'http', rawBodyBytesMax }: ListenerOptions,
  { request, response }: { request: NodeRequest; response: NodeResponse },
): Promise<void> {
  const headers = headersOf(request)
  const method = request.method ?? 'GET'
  const hasBody = method !== 'GET' && method !== 'HEAD'
  const bytesMax = rawBodyBytesMax ?? BODY_BYTES_MAX
  const rewrite = rawBodyBytesMax === undefined ? parsedBody : rawBody
  const bytes = hasBody
    ? await bodyOf(request, bytesMax, () => rewrite(request, headers))
    : undefined
  if (bytes === 'gone') return
  const address = addressOf === undefined ? request.socket.remoteAddress : addressOf(request)
  const url = urlOf(request, scheme)
  if (url === undefined) {
    response.writeHead(400, { 'cache-control': 'no-store' })
    response.end('')
    return
  }
  const init = { method, headers, ...(bytes === undefined ? {} : { body: bytes }) }
  const answered = await endpoint(new Request(url, init), { address })
  const out: Record<string, string> = {}
  answered.headers.forEach((value, name) => {
    out[name] = value
  })
  // What was not read is not drained: the connection ends with the answer.
  if ((bytes?.byteLength ?? 0) > bytesMax) out['connection'] = 'close'
  const text = await answered.text()
  response.writeHead(answered.status, out)
  response.end(text)
}

/** @returns undefined for a Host header that makes no URL. */
function urlOf(request: NodeRequest, scheme: string): string | undefined {
  const path = request.originalUrl ?? request.url ?? '/'
  const host = request.headers['host']
  const url = `${scheme}://${typeof host === 'string' ? host : 'localhost'}${path}`
  return URL.canParse(url) ? url : undefined
}

/** Node joins headers that come twice, and refuses those that must not, before we see them. */
function headersOf(request: NodeRequest): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || name.startsWith(':')) continue
    for (const each of Array.isArray(value) ? value : [value]) headers.append(name, each)
  }
  // The body is handed on as it was read, so its length is ours to tell.
  headers.delete('content-length')
  headers.delete('transfer-encoding')
  return headers
}

/**
 * @returns at most one byte more than the endpoint takes, so that it sees that there was more;
 *   `gone` when the client left before it had sent everything.
 */
async function bodyOf(
  request: NodeRequest,
  bytesMax: number,
  readBefore: () => Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer> | 'gone'> {
  if (request.readableEnded === true) return readBefore()
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = []
    let length = 0
    const finish = (): void => {
      const bytes = new Uint8Array(length)
      let at = 0
      for (const chunk of chunks) {
        bytes.set(chunk, at)
        at += chunk.byteLength
      }
      resolve(bytes)
    }
    request.on('data', (chunk) => {
      if (length > bytesMax) return
      const room = bytesMax + 1 - length
      chunks.push(chunk.byteLength > room ? chunk.subarray(0, room) : chunk)
      length += Math.min(chunk.byteLength, room)
      if (length <= bytesMax) return
      request.pause()
      finish()
    })
    request.on('end', finish)
    request.on('error', () => resolve('gone'))
    request.on('close', () => resolve('gone'))
  })
}

/** What a body parser read is written again, for the same checks as everything else. */
function parsedBody({ body }: NodeRequest, headers: Headers): Uint8Array<ArrayBuffer> {
  if (body instanceof Uint8Array) return new Uint8Array(body)
  if (typeof body === 'string') return new TextEncoder().encode(body)
  if (typeof body !== 'object' || body === null) return new Uint8Array()
  const isJson = headers.get('content-type')?.toLowerCase().includes('json') === true
  if (isJson) return new TextEncoder().encode(JSON.stringify(body))
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(body as Record<string, unknown>)) {
    for (const each of Array.isArray(value) ? value : [value]) form.append(name, String(each))
  }
  return new TextEncoder().encode(form.toString())
}

/** @throws TypeError for what is not the bytes that arrived. */
function rawBody({ body }: NodeRequest): Uint8Array<ArrayBuffer> {
  if (body instanceof Uint8Array) return new Uint8Array(body)
  throw new TypeError(
    'A body parser read this webhook, and its signature covers the bytes that arrived. Mount the ' +
      'route before the parser, or use express.raw({ type: () => true }) on it.',
  )
}
