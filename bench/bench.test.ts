/**
 * The bench is only worth something if it can fail: a peer in this file drops, repeats, reorders or
 * damages messages, refuses signatures or only pretends, and the generator has to say so.
 */
import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { createHash, createHmac } from 'node:crypto'
import { compilePrograms } from './toolchain.ts'

const KEY = 'app-key'
const SECRET = 'app-secret'
const MESSAGES = 60

type Socket = Bun.ServerWebSocket<{ readonly isPublisher: boolean; readonly id: number }>
/** What one subscriber gets when message `sequence`, counted from 1, is published. */
type Forward = (text: string, sequence: number) => readonly string[]

let program = ''
let server: { readonly port: number; stop: () => Promise<void> } | undefined

beforeAll(() => {
  // Fails with the name of the missing package when there is no C compiler.
  program = compilePrograms().load
})

afterEach(async () => {
  await server?.stop()
  server = undefined
})

interface Outcome {
  readonly exitCode: number
  readonly complaint: string
  readonly output: string
}

async function load(...words: readonly string[]): Promise<Outcome> {
  const child = Bun.spawn([program, ...words], { stdout: 'pipe', stderr: 'pipe' })
  const [output, complaint, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { output, complaint, exitCode }
}

function fanOut(port: number): Promise<Outcome> {
  const shape = ['--count', '3', '--window', '8', '--messages', String(MESSAGES)]
  const bounds = ['--patience', '2', '--quiet', '0.2']
  return load('sockets', '--protocol', 'raw', '--port', String(port), ...shape, ...bounds)
}

/** Forwards rightly to all subscribers but the second, whose messages go through `forward`. */
function startPeer(forward: Forward, { delayMs = 0 } = {}): number {
  const subscribers: Socket[] = []
  let sequence = 0
  const peer = Bun.serve<{ isPublisher: boolean; id: number }>({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request, self) {
      const isPublisher = new URL(request.url).pathname === '/publish'
      return self.upgrade(request, { data: { isPublisher, id: 0 } })
        ? undefined
        : new Response('', { status: 400 })
    },
    websocket: {
      open(socket) {
        if (!socket.data.isPublisher) subscribers.push(socket)
      },
      message(socket, text) {
        sequence++
        const whole = String(text)
        const deliver = (subscriber: Socket, index: number) => {
          const due = index === 1 ? forward(whole, sequence) : [whole]
          for (const one of due) subscriber.send(one)
        }
        if (delayMs > 0) setTimeout(() => subscribers.forEach(deliver), delayMs)
        else subscribers.forEach(deliver)
        if (forward === echoToPublisher) socket.send(whole)
      },
    },
  })
  server = { port: Number(peer.port), stop: () => peer.stop(true) }
  return server.port
}

const echoToPublisher: Forward = (text) => [text]

describe('the check of every delivery', () => {
  test('passes a server that delivers everything once and in order', async () => {
    const { exitCode, output, complaint } = await fanOut(startPeer((text) => [text]))
    expect(complaint).toBe('')
    expect(exitCode).toBe(0)
    expect(JSON.parse(output)).toMatchObject({ messages: MESSAGES, deliveries: 3 * MESSAGES })
  })

  test('ends a timed run with nothing in flight, however slow the server is', async () => {
    const port = startPeer((text) => [text], { delayMs: 150 })
    const bounds = ['--window', '4', '--warmup', '0.05', '--seconds', '0.05', '--quiet', '0.1']
    const outcome = await load('sockets', '--protocol', 'raw', '--port', String(port), ...bounds)
    expect(outcome.complaint).toBe('')
    expect(JSON.parse(outcome.output)).toMatchObject({ messages: 4, deliveries: 4 })
  })

  test('fails on a dropped message', async () => {
    const outcome = await fanOut(startPeer((text, at) => (at === 20 ? [] : [text])))
    expect(outcome.complaint).toContain('subscriber 2: gap: message 21 arrived where 20 was due')
    expect(outcome.exitCode).toBe(1)
  })

  test('fails on a repeated message', async () => {
    const outcome = await fanOut(startPeer((text, at) => (at === 20 ? [text, text] : [text])))
    expect(outcome.complaint).toContain('duplicate or out of order: message 20 arrived again')
    expect(outcome.exitCode).toBe(1)
  })

  test('fails on two messages in the wrong order', async () => {
    let kept = ''
    const outcome = await fanOut(
      startPeer((text, at) => {
        if (at === 20) kept = text
        if (at === 20) return []
        return at === 21 ? [text, kept] : [text]
      }),
    )
    expect(outcome.complaint).toContain('gap: message 21 arrived where 20 was due')
    expect(outcome.exitCode).toBe(1)
  })

  test('fails when the last message never arrives', async () => {
    const outcome = await fanOut(startPeer((text, at) => (at === MESSAGES ? [] : [text])))
    expect(outcome.complaint).toContain(`subscriber 2: has ${MESSAGES - 1} of ${MESSAGES}`)
    expect(outcome.exitCode).toBe(1)
  })

  test('fails when something follows the last message', async () => {
    const outcome = await fanOut(startPeer((text, at) => (at === MESSAGES ? [text, text] : [text])))
    expect(outcome.complaint).toContain(`message ${MESSAGES} arrived again`)
    expect(outcome.exitCode).toBe(1)
  })

  test('fails on a damaged byte in the payload and in the envelope', async () => {
    for (const [from, to] of [
      ['.....', '..x..'],
      ['client-bench', 'client-trench'],
    ] as const) {
      const outcome = await fanOut(
        startPeer((text, at) => (at === 20 ? [text.replace(from, to)] : [text])),
      )
      expect(outcome.complaint).toContain('a frame that is not of this run')
      expect(outcome.exitCode).toBe(1)
      await server?.stop()
    }
  })

  test('fails when the publisher gets its own message', async () => {
    const outcome = await fanOut(startPeer(echoToPublisher))
    expect(outcome.complaint).toContain('the publisher got its own message')
    expect(outcome.exitCode).toBe(1)
  })
})

/** Speaks just enough Pusher to judge the generator's signatures with another implementation. */
function startPusherPeer({ isDelivering }: { isDelivering: boolean }): number {
  const subscribers: Socket[] = []
  const sign = (text: string) => createHmac('sha256', SECRET).update(text).digest('hex')
  let connections = 0
  const peer = Bun.serve<{ isPublisher: boolean; id: number }>({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request, self) {
      const url = new URL(request.url)
      if (request.method === 'GET') {
        const isOurs = url.pathname === `/app/${KEY}` && url.searchParams.get('protocol') === '7'
        const data = { isPublisher: false, id: ++connections }
        return isOurs && self.upgrade(request, { data })
          ? undefined
          : new Response('', { status: 404 })
      }
      const body = await request.text()
      const { auth_signature: signature, ...rest } = Object.fromEntries(url.searchParams)
      const query = Object.entries(rest).map(([name, value]) => `${name}=${value}`)
      const isSigned =
        rest['body_md5'] === createHash('md5').update(body).digest('hex') &&
        signature === sign(`POST\n${url.pathname}\n${query.toSorted().join('&')}`)
      if (!isSigned) return new Response('{}', { status: 401 })
      const { name, channels, data } = JSON.parse(body)
      const frame = JSON.stringify({ event: name, channel: channels[0], data })
      if (isDelivering) for (const subscriber of subscribers) subscriber.send(frame)
      return new Response('{}')
    },
    websocket: {
      open(socket) {
        const data = JSON.stringify({ socket_id: `${socket.data.id}.7`, activity_timeout: 120 })
        socket.send(JSON.stringify({ event: 'pusher:connection_established', data }))
      },
      message(socket, text) {
        const { event, channel: target, data } = JSON.parse(String(text))
        if (event === 'pusher:subscribe') {
          const { channel, auth } = data
          const isSigned = auth === `${KEY}:${sign(`${socket.data.id}.7:${channel}`)}`
          const answer = isSigned
            ? { event: 'pusher_internal:subscription_succeeded', channel, data: '{}' }
            : { event: 'pusher:subscription_error', channel, data: { status: 401 } }
          if (isSigned) subscribers.push(socket)
          socket.send(JSON.stringify(answer))
          return
        }
        const frame = JSON.stringify({ event, channel: target, data })
        for (const subscriber of subscribers) if (subscriber !== socket) subscriber.send(frame)
      },
    },
  })
  server = { port: Number(peer.port), stop: () => peer.stop(true) }
  return server.port
}

describe('the Pusher side of the generator', () => {
  const sockets = ['--count', '5', '--window', '4', '--messages', '40', '--quiet', '0.1']
  const publish = ['--count', '4', '--seconds', '0.2', '--patience', '2', '--event', 'bench']

  test('signs subscriptions as the protocol asks', async () => {
    const port = startPusherPeer({ isDelivering: true })
    const outcome = await load('sockets', '--port', String(port), ...sockets)
    expect(outcome.complaint).toBe('')
    expect(outcome.exitCode).toBe(0)
  })

  test('fails when a subscription is refused', async () => {
    const port = startPusherPeer({ isDelivering: true })
    const outcome = await load('sockets', '--port', String(port), '--secret', 'other', ...sockets)
    expect(outcome.complaint).toContain('expected subscription_succeeded for private-bench')
    expect(outcome.exitCode).toBe(1)
  })

  test('signs HTTP publishes as the protocol asks', async () => {
    const port = startPusherPeer({ isDelivering: true })
    const outcome = await load('publish', '--port', String(port), ...publish)
    expect(outcome.complaint).toBe('')
    expect(outcome.exitCode).toBe(0)
  })

  test('fails when a publish is refused', async () => {
    const port = startPusherPeer({ isDelivering: true })
    const outcome = await load('publish', '--port', String(port), '--secret', 'other', ...publish)
    expect(outcome.complaint).toContain('a publish was not answered with 200 and {}: HTTP/1.1 401')
    expect(outcome.exitCode).toBe(1)
  })

  test('fails when publishes are acknowledged and not delivered', async () => {
    const port = startPusherPeer({ isDelivering: false })
    const outcome = await load('publish', '--port', String(port), ...publish)
    expect(outcome.complaint).toContain('the subscriber has 0 of 200 published events')
    expect(outcome.exitCode).toBe(1)
  })
})

test('the digests of the generator equal those of node:crypto at every block border', async () => {
  for (const length of [1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 300]) {
    const text = 'aB3~'.repeat(75).slice(0, length)
    for (const name of ['md5', 'sha1', 'sha256'] as const) {
      const { output } = await load('digest', name, text)
      expect(output.trim()).toBe(createHash(name).update(text).digest('hex'))
    }
    const { output } = await load('digest', 'hmac', text, text)
    expect(output.trim()).toBe(createHmac('sha256', text).update(text).digest('hex'))
  }
})
