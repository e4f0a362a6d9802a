import { afterAll, beforeAll, expect, test } from 'bun:test'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { makeCertificate } from '../../../../../test/support/certificate.ts'
import { FETCHES_IN_FLIGHT_MAX } from '../../ports/fetcher.ts'
import { Outage } from '../../ports/outage.ts'
import { createNodeFetcher, type FetcherOptions } from './fetcher.ts'

const HOST = 'keys.example'
const BYTES_MAX = 4_096
const { cert, key } = makeCertificate('keys', `DNS:${HOST}`)
const requests: { readonly request: IncomingMessage; readonly body: string }[] = []
/** What every unknown name resolves to here. */
const names = new Map<string, readonly string[]>([[HOST, ['127.0.0.1']]])

let secure: Server
let plain: Server

/** `/status/NNN`, `/redirect/NNN`, `/bytes/N`, `/endless`, `/stalled`, `/cut`, `/headers/N`. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    requests.push({ request, body: Buffer.concat(chunks).toString() })
    respond(request, response)
  })
}

function respond(request: IncomingMessage, response: ServerResponse): unknown {
  const [, what = '', text = ''] = (request.url ?? '').split(/[/?]/)
  const number = Number(text)
  switch (what) {
    case 'redirect':
      return response.writeHead(number, { location: `https://${HOST}/` }).end()
    case 'status':
      return response.writeHead(number).end('text')
    case 'bytes':
      return response.end('x'.repeat(number))
    case 'headers':
      return response.writeHead(200, { 'x-large': 'x'.repeat(number) }).end()
    case 'endless': {
      const more = () => {
        while (response.write('x'.repeat(1_024)));
      }
      response.on('drain', more)
      return more()
    }
    case 'stalled':
      return response.write('x')
    case 'cut':
      response.writeHead(200, { 'content-length': '10' }).write('x')
      return setImmediate(() => response.destroy())
    case 'silent':
      return undefined
    default:
      return response.writeHead(200, { 'X-Kept': 'yes' }).end('hello')
  }
}

beforeAll(async () => {
  secure = createServer({ cert, key }, answer)
  plain = createHttpServer(answer)
  for (const server of [secure, plain]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  }
})

afterAll(() => {
  for (const server of [secure, plain]) {
    server.closeAllConnections()
    server.close()
  }
})

function fetcher(options: Partial<FetcherOptions> = {}) {
  return createNodeFetcher({
    allowedNetworks: ['127.0.0.0/8'],
    trustedCertificates: cert,
    resolve: async (name) => names.get(name) ?? ['127.0.0.1'],
    bytesMax: BYTES_MAX,
    ...options,
  })
}

const portOf = (server: Server) => (server.address() as AddressInfo).port
const at = (path: string, host = HOST) => `https://${host}:${portOf(secure)}${path}`

async function failureOf(work: Promise<unknown>): Promise<Outage> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(Outage)
  return error as Outage
}

test('a GET gives status, headers and body, over TLS to the judged address', async () => {
  const got = await fetcher().get(at('/'))
  expect(got).toMatchObject({ ok: true, value: { status: 200, headers: { 'x-kept': 'yes' } } })
  expect(got.ok && Buffer.from(got.value.body).toString()).toBe('hello')
  const headers = requests.at(-1)?.request.headers
  expect(headers).toMatchObject({
    host: `${HOST}:${portOf(secure)}`,
    'accept-encoding': 'identity',
  })
})

test('a POST sends type, body and headers, and gives the status', async () => {
  const content = { body: '{"a":"ü"}', contentType: 'application/json', headers: { 'x-a': 'b' } }
  expect(await fetcher().post(at('/status/202'), content)).toEqual({
    ok: true,
    value: { status: 202 },
  })
  const { request, body } = requests.at(-1) ?? {}
  expect(body).toBe(content.body)
  expect(request?.headers).toMatchObject({ 'content-type': 'application/json', 'x-a': 'b' })
  expect(request?.headers['content-length']).toBe('10')
})

test.each([200, 204, 404, 500])('status %i is an answer, not a failure', async (status) => {
  expect(await fetcher().get(at(`/status/${status}`))).toMatchObject({ value: { status } })
})

test.each([301, 302, 303, 307, 308])('a redirect is refused: %i', async (status) => {
  const before = requests.length
  expect(await fetcher().get(at(`/redirect/${status}`))).toMatchObject({ refusal: 'redirected' })
  expect(requests).toHaveLength(before + 1)
})

test('an answer is read up to the bound and not a byte further', async () => {
  expect(await fetcher().get(at(`/bytes/${BYTES_MAX}`))).toMatchObject({ ok: true })
  const more = await fetcher().get(at(`/bytes/${BYTES_MAX + 1}`))
  expect(more).toMatchObject({ refusal: 'answer_large' })
  expect(await fetcher().get(at('/endless'))).toMatchObject({ refusal: 'answer_large' })
  expect(await fetcher().get(at('/headers/20000'))).toMatchObject({ refusal: 'answer_large' })
})

test('the answer to a POST is not waited for', async () => {
  const content = { body: '', contentType: 'text/plain' }
  expect(await fetcher().post(at('/endless'), content)).toMatchObject({ value: { status: 200 } })
})

test.each(['/stalled', '/silent'])('no whole answer in time is an outage: %s', async (path) => {
  const { code, message } = await failureOf(
    fetcher({ timeMsMax: 200 }).get(at(`${path}?private=1`)),
  )
  expect(code).toBe('fetch_unavailable')
  expect(message).toContain('too long')
  expect(message).not.toContain('private')
})

test.each([
  [
    'a change of protocol',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
  ],
  ['only an interim answer', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
  ['something else than HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
  ['nothing', ''],
])('what is no answer is an outage, whenever it ends: %s', async (_what, text) => {
  const odd = createTcpServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', () => socket.end(text))
  })
  await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(odd.address() as AddressInfo).port}/`
  await failureOf(fetcher({ timeMsMax: 2_000 }).get(url))
  odd.close()
})

test('an answer that is cut off is an outage, not a short answer', async () => {
  expect((await failureOf(fetcher().get(at('/cut')))).message).not.toContain('too long')
})

test('a name that never resolves is not waited for', async () => {
  const resolve = () => new Promise<readonly string[]>(() => undefined)
  const { message } = await failureOf(fetcher({ resolve, timeMsMax: 50 }).get(at('/')))
  expect(message).toContain('too long')
})

test('no certificate for the name, or of nobody who is trusted, is an outage', async () => {
  await failureOf(fetcher().get(at('/', 'other.example')))
  await failureOf(fetcher({ trustedCertificates: undefined }).get(at('/')))
})

test('the next address is tried when the first does not answer', async () => {
  const resolve = async () => ['127.0.0.2', '127.0.0.1']
  expect(await fetcher({ resolve }).get(at('/'))).toMatchObject({ ok: true })
})

test.each([
  ['a name of the machine', 'localhost'],
  ['IPv4', '127.0.0.1'],
  ['short', '127.1'],
  ['hex', '0x7f.1'],
  ['one number', '2130706433'],
  ['octal', '0177.0.0.1'],
  ['zero', '0'],
  ['full width', '１２７.０.０.１'],
  ['with a dot', '127.0.0.1.'],
  ['IPv6', '[::1]'],
  ['mapped', '[::ffff:127.0.0.1]'],
  ['mapped hex', '[::ffff:7f00:1]'],
  ['compatible', '[::127.0.0.1]'],
  ['metadata', '169.254.169.254'],
  ['metadata in hex', '0xa9fea9fe'],
  ['private', '10.0.0.1'],
  ['a private name', 'inner.example'],
  ['a public and private name', 'both.example'],
  ['a mapped name', 'mapped.example'],
  ['a name of nothing', 'none.example'],
])('nothing inside is called: %s', async (_kind, host) => {
  names.set('inner.example', ['192.168.0.1'])
  names.set('both.example', ['93.184.216.34', '10.0.0.1'])
  names.set('mapped.example', ['::ffff:169.254.169.254'])
  names.set('none.example', [])
  const before = requests.length
  const strict = fetcher({ allowedNetworks: [] })
  const refusal = await strict.get(at('/', host))
  expect(refusal.ok).toBe(false)
  expect(refusal).toMatchObject({
    refusal: host.includes('２') ? 'url_refused' : 'address_refused',
  })
  expect(requests).toHaveLength(before)
})

test('a name that changes its mind after it was judged gains nothing', async () => {
  const answers = [['127.0.0.1'], ['10.0.0.1']]
  const resolve = async () => answers.shift() ?? ['10.0.0.1']
  expect(await fetcher({ resolve }).get(at('/'))).toMatchObject({ ok: true })
  // One look-up for each call: the connection asked no resolver again.
  expect(answers).toEqual([['10.0.0.1']])
})

test('plain http goes to allowed networks only', async () => {
  const url = `http://127.0.0.1:${portOf(plain)}/`
  expect(await fetcher().get(url)).toMatchObject({ ok: true })
  const resolve = async () => ['93.184.216.34']
  expect(await fetcher({ resolve }).get('http://public.example/')).toMatchObject({
    refusal: 'url_refused',
  })
  expect(await fetcher({ allowedNetworks: [] }).get(url)).toMatchObject({
    refusal: 'address_refused',
  })
})

test.each([
  '',
  'keys.example',
  '/path',
  'file:///etc/passwd',
  'ftp://keys.example/',
  'data:text/plain,x',
  'https:',
  'https://',
  'https://user@keys.example/',
  'https://user:password@keys.example/',
  'https://keys.example/\r\nx: y',
  'https://keys.example/ü',
  'https://keys.example:99999/',
  `https://keys.example/${'x'.repeat(2_048)}`,
])('what is no plain https URL is refused: %s', async (url) => {
  expect(await fetcher().get(url)).toEqual({ ok: false, refusal: 'url_refused' })
})

test('over so many calls at a time the next is an outage, and later ones work', async () => {
  let open = (_addresses: readonly string[]) => {}
  const waiting = new Promise<readonly string[]>((resolve) => {
    open = resolve
  })
  const one = fetcher({ resolve: () => waiting })
  const running = Array.from({ length: FETCHES_IN_FLIGHT_MAX }, () => one.get(at('/')))
  const { message } = await failureOf(one.get(at('/')))
  expect(message).toContain('too many')
  open(['127.0.0.1'])
  for (const each of await Promise.all(running)) expect(each.ok).toBe(true)
  expect((await one.get(at('/'))).ok).toBe(true)
})
