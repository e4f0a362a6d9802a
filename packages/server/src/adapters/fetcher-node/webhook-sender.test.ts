import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { createServer as createHttpServer, type Server, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { makeCertificate } from '../../../../../test/support/certificate.ts'
import {
  CONNECTION_KEPT_MS,
  DISCARDED_BYTES_MAX,
  type SendResult,
  SENDS_IN_FLIGHT_MAX,
} from '../../ports/webhook-sender.ts'
import { createNodeSender, type SenderOptions } from './webhook-sender.ts'

const HOST = 'hooks.example'
const trusted = makeCertificate('hooks', `DNS:${HOST}`)
const changed = makeCertificate('hooks', `DNS:${HOST}`)
/** Sockets the receivers have accepted, and what was posted. */
const sockets: Socket[] = []
const posted: string[] = []
const time = { ms: 0 }
let secure: Server
let plain: Server

/** `/status/N`, `/redirect`, `/bytes/N`, `/slow`, `/endless`, `/headers`, `/silent`, `/close`. */
function respond(path: string, response: ServerResponse): unknown {
  const [, what = '', text = ''] = path.split('/')
  switch (what) {
    case 'status':
      return response.writeHead(Number(text), { 'retry-after': '7' }).end('text')
    case 'redirect':
      return response.writeHead(307, { location: `https://${HOST}/` }).end()
    case 'bytes':
      return response.end('x'.repeat(Number(text)))
    case 'slow':
      response.writeHead(200)
      return response.write('x')
    case 'endless': {
      response.writeHead(200)
      const more = () => {
        while (response.write('x'.repeat(1_024)));
      }
      response.on('drain', more)
      return more()
    }
    case 'headers':
      return response.writeHead(200, { 'x-large': 'x'.repeat(20_000) }).end()
    case 'silent':
      return undefined
    case 'close':
      return response.destroy()
    default:
      return response.writeHead(204).end()
  }
}

function stop(server: Server): Promise<unknown> {
  server.closeAllConnections()
  return new Promise((resolve) => {
    server.close(resolve)
  })
}

function listen(server: Server, port = 0): Promise<void> {
  server.on('request', (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      posted.push(Buffer.concat(chunks).toString())
      respond(request.url ?? '', response)
    })
  })
  server.on('connection', (socket: Socket) => sockets.push(socket))
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', resolve)
  })
}

beforeAll(async () => {
  secure = createServer(trusted)
  plain = createHttpServer()
  await Promise.all([listen(secure), listen(plain)])
})

afterAll(() => Promise.all([secure, plain].map(stop)))

beforeEach(() => {
  posted.length = 0
  sockets.length = 0
})

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

function senderOf(changes: Partial<SenderOptions> = {}) {
  const sender = createNodeSender({
    allowedNetworks: ['127.0.0.0/8'],
    resolve: async () => ['127.0.0.1'],
    trustedCertificates: trusted.cert,
    clock: { monotonicMs: () => time.ms },
    ...changes,
  })
  const send = (path: string, { key = 'whe_1', host = HOST, body = '{"a":1}' } = {}) =>
    sender.send({
      connectionKey: key,
      url: `https://${host}:${portOf(secure)}${path}`,
      headers: { 'content-type': 'application/json' },
      body,
    })
  return { sender, send }
}

const answered = (status: number): SendResult => ({
  kind: 'answered',
  status,
  retryAfter: undefined,
})

test('any status is an answer, with what it says of trying again', async () => {
  const { send, sender } = senderOf()
  expect(await send('/', { body: 'größe' })).toEqual(answered(204))
  expect(posted).toEqual(['größe'])
  for (const status of [200, 400, 410, 429, 503]) {
    expect(await send(`/status/${status}`)).toEqual({ kind: 'answered', status, retryAfter: '7' })
  }
  sender.close()
})

test('connections are kept for one endpoint, and shared with no other', async () => {
  const { send, sender } = senderOf()
  for (let count = 0; count < 5; count++) await send('/')
  expect(sockets).toHaveLength(1)
  await send('/', { key: 'whe_2' })
  expect(sockets).toHaveLength(2)
  sender.close()
})

test('an address is judged anew when its time is over, and its connections end then', async () => {
  const addresses = [['127.0.0.1'], ['10.0.0.1'], ['127.0.0.1']]
  const { send, sender } = senderOf({ resolve: async () => addresses.shift() ?? [] })
  const one = () => send('/')
  expect(await one()).toEqual(answered(204))
  time.ms += CONNECTION_KEPT_MS - 1
  expect(await one()).toEqual(answered(204))
  time.ms += 1
  expect(await one()).toEqual({ kind: 'failed', failure: 'address_refused' })
  expect(await one()).toEqual(answered(204))
  expect(sockets).toHaveLength(2)
  expect(sockets[0]?.destroyed).toBe(true)
  sender.close()
})

test('many posts at once share one look-up', async () => {
  let count = 0
  const resolve = async () => {
    count++
    return ['127.0.0.1']
  }
  const { send, sender } = senderOf({ resolve })
  const all = await Promise.all(Array.from({ length: 20 }, () => send('/')))
  expect(all).toEqual(Array.from({ length: 20 }, () => answered(204)))
  expect(count).toBe(1)
  sender.close()
})

test('idle connections are closed once their time is over', async () => {
  const { send, sender } = senderOf()
  await send('/')
  sender.tick()
  expect(sockets[0]?.destroyed).toBe(false)
  time.ms += CONNECTION_KEPT_MS
  sender.tick()
  await new Promise((resolve) => sockets[0]?.once('close', resolve))
  sender.close()
})

test('a redirect is refused, and nothing follows it', async () => {
  const { send, sender } = senderOf()
  expect(await send('/redirect')).toEqual({ kind: 'failed', failure: 'redirected' })
  expect(posted).toHaveLength(1)
  sender.close()
})

test('an answer of megabytes counts by its status and costs its connection', async () => {
  const { send, sender } = senderOf()
  expect(await send(`/bytes/${DISCARDED_BYTES_MAX}`)).toEqual(answered(200))
  expect(await send('/')).toEqual(answered(204))
  expect(sockets).toHaveLength(1)
  expect(await send('/endless')).toEqual(answered(200))
  expect(await send('/')).toEqual(answered(204))
  expect(sockets).toHaveLength(2)
  sender.close()
})

test('a 200 whose body never ends counts and costs its connection', async () => {
  const { send, sender } = senderOf()
  expect(await send('/slow')).toEqual(answered(200))
  expect(await send('/')).toEqual(answered(204))
  expect(sockets).toHaveLength(2)
  sender.close()
})

test('a 200 whose body is cut off counts', async () => {
  const head = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx'
  const server = createTcpServer((socket) => socket.once('data', () => socket.end(head)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { sender } = senderOf()
  const { port } = server.address() as AddressInfo
  const order = { connectionKey: 'a', headers: {}, body: '', url: `http://127.0.0.1:${port}/` }
  expect(await sender.send(order)).toEqual(answered(200))
  sender.close()
  server.close()
})

test('who says nothing is left after the time, and too long a head is refused', async () => {
  const { send, sender } = senderOf({ timeMsMax: 100 })
  expect(await send('/silent')).toEqual({ kind: 'failed', failure: 'too_slow' })
  expect(await send('/headers')).toEqual({ kind: 'failed', failure: 'answer_large' })
  sender.close()
})

test('a name that never resolves holds nothing up for longer', async () => {
  const resolve = () => new Promise<readonly string[]>(() => undefined)
  const { send, sender } = senderOf({ resolve, timeMsMax: 50 })
  expect(await send('/')).toEqual({ kind: 'failed', failure: 'too_slow' })
  sender.close()
})

test('a receiver that closes before it answers is unreachable', async () => {
  const { send, sender } = senderOf()
  expect(await send('/close')).toEqual({ kind: 'failed', failure: 'unreachable' })
  expect(posted).toHaveLength(1)
  sender.close()
})

test('a kept connection that was closed meanwhile is replaced at once', async () => {
  const { send, sender } = senderOf()
  await send('/')
  for (const socket of sockets) socket.destroy()
  expect(await send('/')).toEqual(answered(204))
  sender.close()
})

test('a certificate of nobody trusted, for another name, or changed, is refused', async () => {
  const refused = { kind: 'failed', failure: 'certificate_refused' } as const
  const one = senderOf()
  expect(await one.send('/', { host: 'other.example' })).toEqual(refused)
  expect(await senderOf({ trustedCertificates: undefined }).send('/')).toEqual(refused)
  expect(await one.send('/')).toEqual(answered(204))
  const port = portOf(secure)
  await stop(secure)
  secure = createServer(changed)
  await listen(secure, port)
  expect(await one.send('/')).toEqual(refused)
  await stop(secure)
  secure = createServer(trusted)
  await listen(secure, port)
  expect(await one.send('/')).toEqual(answered(204))
  expect(posted).toHaveLength(2)
  one.sender.close()
})

test.each([
  ['a name of the machine', 'localhost'],
  ['IPv4', '127.0.0.1'],
  ['short', '127.1'],
  ['hex', '0x7f.1'],
  ['decimal', '2130706433'],
  ['octal', '0177.0.0.1'],
  ['zero', '0'],
  ['with a dot', '127.0.0.1.'],
  ['IPv6', '[::1]'],
  ['mapped', '[::ffff:127.0.0.1]'],
  ['mapped hex', '[::ffff:7f00:1]'],
  ['compatible', '[::127.0.0.1]'],
  ['translated', '[64:ff9b::7f00:1]'],
  ['6to4', '[2002:7f00:1::]'],
  ['unique local', '[fd00::1]'],
  ['link-local', '[fe80::1]'],
  ['metadata', '169.254.169.254'],
  ['metadata in decimal', '2852039166'],
  ['metadata of IPv6', '[fd00:ec2::254]'],
  ['private', '10.0.0.1'],
  ['shared', '100.64.0.1'],
  ['a private name', 'inner.example'],
  ['a public and private name', 'both.example'],
  ['a mapped name', 'mapped.example'],
  ['a name of nothing', 'none.example'],
])('nothing inside is posted to: %s', async (_kind, host) => {
  const names = new Map<string, readonly string[]>([
    ['inner.example', ['192.168.0.1']],
    ['both.example', ['93.184.216.34', '10.0.0.1']],
    ['mapped.example', ['::ffff:169.254.169.254']],
  ])
  const resolve = async (name: string) => names.get(name) ?? ['127.0.0.1']
  const none = async () => []
  const strict = { allowedNetworks: [], resolve: host === 'none.example' ? none : resolve }
  const { send, sender } = senderOf(strict)
  expect(await send('/', { host })).toEqual({ kind: 'failed', failure: 'address_refused' })
  expect(sockets).toEqual([])
  sender.close()
})

test('plain http goes to allowed networks only', async () => {
  const order = { connectionKey: 'a', headers: {}, body: '' }
  const { sender } = senderOf()
  const url = `http://127.0.0.1:${portOf(plain)}/`
  expect(await sender.send({ ...order, url })).toEqual(answered(204))
  sender.close()
  const strict = senderOf({ resolve: async () => ['93.184.216.34'] }).sender
  const sent = await strict.send({ ...order, url: 'http://public.example/' })
  expect(sent).toEqual({ kind: 'failed', failure: 'url_refused' })
  for (const bad of ['', 'ftp://a/', 'https://u:p@a/', 'https://a/\r\nx: y']) {
    const refused = { kind: 'failed', failure: 'url_refused' } as const
    expect(await strict.send({ ...order, url: bad })).toEqual(refused)
  }
})

test('over so many posts at a time the next is told so, and later ones work', async () => {
  const { promise, resolve } = Promise.withResolvers<readonly string[]>()
  const { send, sender } = senderOf({ resolve: () => promise })
  const running = Array.from({ length: SENDS_IN_FLIGHT_MAX }, () => send('/'))
  expect(await send('/')).toEqual({ kind: 'failed', failure: 'busy' })
  resolve(['127.0.0.1'])
  for (const each of await Promise.all(running)) expect(each).toEqual(answered(204))
  expect(sockets.length).toBeLessThanOrEqual(32)
  sender.close()
})
