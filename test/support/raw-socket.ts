/** A TCP socket that speaks HTTP and WebSocket byte by byte, right or wrong as the test wants. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { until } from './wait.ts'

export interface FrameOptions {
  readonly opcode: number
  readonly payload?: Buffer | string
  readonly isFinal?: boolean
  readonly isMasked?: boolean
  /** The three reserved bits, 0 to 7. */
  readonly reserved?: number
  /** A length in the header that is not the payload's. */
  readonly announced?: number | bigint
}

/** RFC 6455 §5.2, every bit at the caller's mercy. */
export function frameBytes(options: FrameOptions): Buffer {
  const { opcode, isFinal = true, isMasked = true, reserved = 0 } = options
  const payload = Buffer.from(options.payload ?? '')
  const length = options.announced ?? payload.length
  const head = [(isFinal ? 0x80 : 0) | (reserved << 4) | opcode]
  const maskBit = isMasked ? 0x80 : 0
  const extended = Buffer.alloc(8)
  extended.writeBigUInt64BE(BigInt(length))
  if (length < 126) head.push(maskBit | Number(length))
  else if (length < 65_536) head.push(maskBit | 126, ...extended.subarray(6))
  else head.push(maskBit | 127, ...extended)
  if (!isMasked) return Buffer.concat([Buffer.from(head), payload])
  const key = randomBytes(4)
  const masked = payload.map((byte, index) => byte ^ (key[index % 4] ?? 0))
  return Buffer.concat([Buffer.from(head), key, masked])
}

export interface ReceivedFrame {
  readonly opcode: number
  readonly payload: Buffer
}

/** The first complete frame and where it ends. */
function firstFrame(bytes: Buffer): (ReceivedFrame & { readonly end: number }) | undefined {
  const [first, second] = bytes
  if (first === undefined || second === undefined) return undefined
  const short = second & 0x7f
  const start = short === 127 ? 10 : short === 126 ? 4 : 2
  if (bytes.length < start) return undefined
  let length = short
  if (short === 126) length = bytes.readUInt16BE(2)
  if (short === 127) length = Number(bytes.readBigUInt64BE(2))
  const end = start + length
  if (bytes.length < end) return undefined
  return { opcode: first & 0x0f, payload: bytes.subarray(start, end), end }
}

export class RawSocket {
  readonly socket: Socket
  isClosed = false
  /** All bytes that ever came. */
  byteCount = 0
  /** Not yet joined, so that a reader under load does next to nothing per chunk. */
  #chunks: Buffer[] = []
  #frames: ReceivedFrame[] = []

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.setNoDelay(true)
    this.socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.byteCount += chunk.length
    })
    this.socket.on('close', () => (this.isClosed = true))
    this.socket.on('error', () => (this.isClosed = true))
  }

  write(bytes: Buffer | string): void {
    if (this.socket.writable) this.socket.write(bytes)
  }

  /** Text received so far and not taken. */
  get text(): string {
    return this.#received().toString('latin1')
  }

  /** Waits for an HTTP head and takes it. @returns its status, 0 when the connection ends first. */
  async status(boundMs?: number): Promise<number> {
    await until('an HTTP head', () => this.text.includes('\r\n\r\n') || this.isClosed, boundMs)
    const end = this.text.indexOf('\r\n\r\n')
    if (end < 0) return 0
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(this.text)?.[1] ?? 0)
    this.#chunks = [this.#received().subarray(end + 4)]
    return status
  }

  /** Opens a WebSocket at `target` and waits for the first text frame. */
  async upgrade(target: string): Promise<void> {
    this.write(upgradeRequest(target))
    const status = await this.status()
    if (status !== 101) throw new Error(`upgrade answered ${status}`)
    await until('a first frame', () => this.frames().length > 0)
  }

  /** Complete frames of the server so far; servers never mask (§5.1). */
  frames(): readonly ReceivedFrame[] {
    let rest = this.#received()
    for (;;) {
      const frame = firstFrame(rest)
      if (frame === undefined) break
      this.#frames.push(frame)
      rest = rest.subarray(frame.end)
    }
    this.#chunks = [rest]
    return this.#frames
  }

  /** Texts of the frames so far. */
  texts(): string[] {
    return this.frames()
      .filter(({ opcode }) => opcode === 1)
      .map(({ payload }) => payload.toString('utf8'))
  }

  /** Waits for the end. @returns the close code of the server, 1006 when it just hung up. */
  async closeCode(boundMs?: number): Promise<number> {
    await until(
      'the server ends the connection',
      () => this.#closeFrame() ?? this.isClosed,
      boundMs,
    )
    return this.#closeFrame() ?? 1006
  }

  /** Bytes received and not taken. */
  #received(): Buffer {
    const joined = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks)
    const received = joined ?? Buffer.alloc(0)
    this.#chunks = [received]
    return received
  }

  destroy(): void {
    this.socket.destroy()
  }

  #closeFrame(): number | undefined {
    const close = this.frames().find(({ opcode }) => opcode === 8)
    if (close === undefined) return undefined
    return close.payload.length >= 2 ? close.payload.readUInt16BE(0) : 1005
  }
}

/** A correct handshake of RFC 6455 §4.1, with lines of the caller instead of the usual ones. */
export function upgradeRequest(
  target: string,
  replaced: Readonly<Record<string, string>> = {},
): string {
  const headers: Record<string, string> = {
    Host: '127.0.0.1',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Version': '13',
    ...replaced,
  }
  const lines = Object.entries(headers)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value}`)
  return `GET ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
}
