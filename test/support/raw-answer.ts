/** One request as bytes, over TCP or TLS, and the answer as bytes too. */
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { within } from './wait.ts'

export interface RawAnswer {
  /** 0 when the connection ended without an answer. */
  readonly status: number
  /** Names as they were sent, in their order. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** From the status line on; of a body without a length, what came with the head. */
  readonly text: string
}

/**
 * @param base of the server, `http://` or `https://` with any certificate.
 * @param bytes latin1 where it is text.
 */
export async function rawAnswer(base: string, bytes: string | Buffer): Promise<RawAnswer> {
  const { protocol, port } = new URL(base)
  const address = { host: '127.0.0.1', port: Number(port) }
  const socket =
    protocol === 'https:' ? connectTls({ ...address, rejectUnauthorized: false }) : connect(address)
  const hasNoBody = bytes.toString().startsWith('HEAD ')
  const came = new Promise<string>((resolve) => {
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (isWhole(text, hasNoBody)) resolve(text)
    })
    // Who is refused in the middle of sending may be reset after the answer was read, or before.
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
  })
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  try {
    return parseHead(await within('an answer', came))
  } finally {
    socket.destroy()
  }
}

function isWhole(text: string, hasNoBody: boolean): boolean {
  const [head = '', body] = withoutContinue(text).split(/\r\n\r\n(.*)/s)
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
  return body !== undefined && (hasNoBody || body.length >= length)
}

/** An answer of 1xx is followed by the one that counts. */
function withoutContinue(text: string): string {
  return text.replace(/^HTTP\/1\.1 100 [^\r]*\r\n\r\n/, '')
}

function parseHead(text: string): RawAnswer {
  const [head = ''] = withoutContinue(text).split('\r\n\r\n')
  const [line = '', ...fields] = head.split('\r\n')
  const headers = fields.map((field) => {
    const cut = field.indexOf(':')
    return [field.slice(0, cut), field.slice(cut + 1).trim()] as const
  })
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(line)?.[1] ?? 0), headers, text }
}

/** A request with `Host` and the given lines. */
export function rawRequest(
  line: string,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): string {
  const length = body === '' ? {} : { 'Content-Length': String(Buffer.byteLength(body, 'latin1')) }
  const lines = Object.entries({ Host: '127.0.0.1', ...length, ...headers })
  return `${line} HTTP/1.1\r\n${lines.map((pair) => pair.join(': ')).join('\r\n')}\r\n\r\n${body}`
}
