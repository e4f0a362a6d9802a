/**
 * RFC 6455 to the letter over a bare TCP socket: what a peer gets that breaks the framing rules.
 */
import assert from 'node:assert/strict'
import { type FrameOptions, frameBytes, RawSocket, upgradeRequest } from '../support/raw-socket.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const APP = app('rfc')
const TARGET = `/app/${APP.key}?protocol=7`
const PING = '{"event":"pusher:ping","data":{}}'
/** Control frames and continuation, RFC 6455 §5.2. */
const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

const it = serving({ apps: [APP], config: { limits: { webSocketFrameBytesMax: 65_536 } } })

async function opened(): Promise<RawSocket> {
  const raw = new RawSocket(it.server.port)
  await raw.upgrade(TARGET)
  return raw
}

/** Sends frames on a fresh socket and returns the code the server ends it with. */
async function codeAfter(...frames: readonly (FrameOptions | Buffer)[]): Promise<number> {
  const raw = await opened()
  for (const frame of frames) raw.write(Buffer.isBuffer(frame) ? frame : frameBytes(frame))
  const code = await raw.closeCode()
  await until('the connection is closed', () => raw.isClosed)
  return code
}

function closeFrame(code: number, reason: Buffer | string = ''): Buffer {
  const head = Buffer.alloc(2)
  head.writeUInt16BE(code)
  return frameBytes({ opcode: OPCODE.close, payload: Buffer.concat([head, Buffer.from(reason)]) })
}

test('an unmasked frame ends the connection with 1002', async () => {
  assert.equal(await codeAfter({ opcode: OPCODE.text, payload: PING, isMasked: false }), 1002)
  assert.equal(await codeAfter({ opcode: OPCODE.ping, payload: 'x', isMasked: false }), 1002)
})

test('a reserved bit without an extension ends the connection with 1002', async () => {
  for (const reserved of [1, 2, 4, 7]) {
    assert.equal(await codeAfter({ opcode: OPCODE.text, payload: PING, reserved }), 1002)
  }
})

test('a reserved opcode ends the connection with 1002', async () => {
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    assert.equal(await codeAfter({ opcode, payload: 'x' }), 1002, `opcode ${opcode}`)
  }
})

test('a fragmented or oversized control frame ends the connection with 1002', async () => {
  for (const opcode of [OPCODE.ping, OPCODE.pong, OPCODE.close]) {
    assert.equal(await codeAfter({ opcode, payload: '', isFinal: false }), 1002)
    assert.equal(await codeAfter({ opcode, payload: Buffer.alloc(126) }), 1002)
  }
})

test('a continuation of nothing and a new message inside a message end with 1002', async () => {
  assert.equal(await codeAfter({ opcode: OPCODE.continuation, payload: PING }), 1002)
  assert.equal(
    await codeAfter({ opcode: OPCODE.continuation, payload: PING, isFinal: false }),
    1002,
  )
  const begun = { opcode: OPCODE.text, payload: '{', isFinal: false }
  assert.equal(await codeAfter(begun, { opcode: OPCODE.text, payload: PING }), 1002)
})

test('text that is no UTF-8 ends the connection with 1007', async () => {
  const bad = [
    Buffer.from([0xff]),
    Buffer.from([0xc0, 0xaf]),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from([0xf4, 0x90, 0x80, 0x80]),
    Buffer.from([0xe2, 0x82]),
  ]
  for (const tail of bad) {
    const payload = Buffer.concat([Buffer.from('{"event":"'), tail])
    assert.equal(await codeAfter({ opcode: OPCODE.text, payload }), 1007, tail.toString('hex'))
  }
  const head = { opcode: OPCODE.text, payload: Buffer.from([0xe2]), isFinal: false }
  const rest = { opcode: OPCODE.continuation, payload: 'x' }
  assert.equal(await codeAfter(head, rest), 1007, 'broken across fragments')
})

test('a close frame is answered in kind; one that is malformed ends with 1002 or 1007', async () => {
  assert.equal(await codeAfter(closeFrame(1000, 'bye')), 1000)
  assert.equal(await codeAfter(closeFrame(4321)), 4321)
  assert.ok([1000, 1005].includes(await codeAfter({ opcode: OPCODE.close })), 'no code')
  assert.equal(await codeAfter({ opcode: OPCODE.close, payload: 'x' }), 1002, 'half a code')
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535]) {
    assert.equal(await codeAfter(closeFrame(code)), 1002, `code ${code}`)
  }
  assert.equal(await codeAfter(closeFrame(1000, Buffer.from([0xff, 0xfe]))), 1007, 'reason')
})

test('a message over the limit ends with 1009, whether whole, announced or in fragments', async () => {
  const payload = Buffer.alloc(65_537, 0x20)
  assert.equal(await codeAfter({ opcode: OPCODE.text, payload }), 1009)
  assert.equal(await codeAfter({ opcode: OPCODE.text, announced: 1_000_000_000 }), 1009)
  const half = Buffer.alloc(40_000, 0x20)
  assert.equal(
    await codeAfter(
      { opcode: OPCODE.text, payload: half, isFinal: false },
      { opcode: OPCODE.continuation, payload: half },
    ),
    1009,
  )
})

test('a length beyond all bounds ends the connection without any memory being set aside', async () => {
  for (const announced of [2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 40n]) {
    const code = await codeAfter({ opcode: OPCODE.text, announced })
    assert.ok([1002, 1006, 1009].includes(code), `${announced}: ${code}`)
  }
})

test('fragments, pings between them and bytes that come one at a time make one message', async () => {
  const raw = await opened()
  raw.write(frameBytes({ opcode: OPCODE.text, payload: PING.slice(0, 9), isFinal: false }))
  raw.write(frameBytes({ opcode: OPCODE.ping, payload: 'between' }))
  raw.write(frameBytes({ opcode: OPCODE.continuation, payload: PING.slice(9, 20), isFinal: false }))
  raw.write(frameBytes({ opcode: OPCODE.continuation, isFinal: false }))
  raw.write(frameBytes({ opcode: OPCODE.continuation, payload: PING.slice(20) }))
  await until('the pong event', () => raw.texts().some((text) => text.includes('pusher:pong')))
  const pong = raw.frames().find(({ opcode }) => opcode === OPCODE.pong)
  assert.equal(pong?.payload.toString(), 'between')
  for (const byte of frameBytes({ opcode: OPCODE.text, payload: PING })) {
    raw.write(Buffer.from([byte]))
  }
  await until('a second pong event', () => raw.texts().length === 3)
  raw.destroy()
})

test('control pings of up to 125 bytes come back unchanged, unasked pongs are ignored', async () => {
  const raw = await opened()
  const payload = Buffer.alloc(125, 0xfe)
  raw.write(frameBytes({ opcode: OPCODE.pong, payload: 'unasked' }))
  raw.write(frameBytes({ opcode: OPCODE.ping, payload }))
  raw.write(frameBytes({ opcode: OPCODE.ping }))
  await until('two pongs', () => raw.frames().filter(({ opcode }) => opcode === 10).length === 2)
  const [first, second] = raw.frames().filter(({ opcode }) => opcode === OPCODE.pong)
  assert.deepEqual([...(first?.payload ?? [])], [...payload])
  assert.equal(second?.payload.length, 0)
  raw.destroy()
})

test('a handshake without what RFC 6455 asks for is refused', async () => {
  const handshakes: [expected: number[], request: string][] = [
    [[400, 426], upgradeRequest(TARGET, { 'Sec-WebSocket-Key': '' })],
    [[400, 426], upgradeRequest(TARGET, { 'Sec-WebSocket-Key': 'short' })],
    [[426], upgradeRequest(TARGET, { 'Sec-WebSocket-Version': '12' })],
    [[400, 426], upgradeRequest(TARGET, { 'Sec-WebSocket-Version': '' })],
    [[400, 404, 426], upgradeRequest(TARGET, { Upgrade: '' })],
    [[400, 404, 426], upgradeRequest(TARGET, { Upgrade: 'h2c' })],
    [[400, 404, 405, 426], upgradeRequest(TARGET).replace('GET', 'POST')],
    [[400, 505], upgradeRequest(TARGET).replace('HTTP/1.1', 'HTTP/0.9')],
    [[400], upgradeRequest(TARGET, { Host: '' })],
  ]
  for (const [expected, request] of handshakes) {
    const raw = new RawSocket(it.server.port)
    raw.write(request)
    const status = await raw.status()
    assert.ok(expected.includes(status), `${status} for ${request}`)
    raw.destroy()
  }
})

/** The head of the answer to an upgrade with these extra headers, in lower case. */
async function upgradeHead(offered: Readonly<Record<string, string>>): Promise<string> {
  const raw = new RawSocket(it.server.port)
  raw.write(upgradeRequest(TARGET, offered))
  await until('an answer', () => raw.text.includes('\r\n\r\n'))
  raw.destroy()
  return raw.text.slice(0, raw.text.indexOf('\r\n\r\n')).toLowerCase()
}

test('no extension is agreed to', async () => {
  const offer = 'permessage-deflate; client_max_window_bits, x-other'
  const head = await upgradeHead({ 'Sec-WebSocket-Extensions': offer })
  assert.ok(head.startsWith('http/1.1 101'), head)
  assert.ok(!head.includes('sec-websocket-extensions'), head)
})

test('an offered subprotocol, which may hold a token, is never echoed', async () => {
  const head = await upgradeHead({ 'Sec-WebSocket-Protocol': 'secret-token, other' })
  assert.match(head, /^http\/1.1 (101|400)/)
  assert.ok(!head.includes('secret-token') && !head.includes('other'), head)
})

test('after all of it a normal client is served', async () => {
  const wire = await Wire.open(it.server, APP)
  await wire.fence()
  await wire.close()
})
