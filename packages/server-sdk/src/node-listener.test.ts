import { describe, expect, test } from 'bun:test'
import { Readable } from 'node:stream'
import type { Endpoint, Peer } from './endpoint-options.ts'
import { BODY_BYTES_MAX } from './endpoint-parameters.ts'
import { type ListenerOptions, type NodeRequest, nodeListener } from './node-listener.ts'

const FORM = 'application/x-www-form-urlencoded'

interface Given {
  readonly chunks?: readonly (string | Buffer)[]
  readonly fields?: Readonly<Record<string, unknown>>
  readonly options?: Partial<ListenerOptions>
  readonly endpoint?: Endpoint
  /** Ends the stream as a client that goes away does. */
  readonly cut?: boolean
}

/** Runs one request through the listener and gives what the endpoint saw and what was answered. */
async function run({ chunks = ['a=b'], fields = {}, options, endpoint, cut = false }: Given) {
  const seen: { request: Request; text: string; peer: Peer | undefined }[] = []
  const errors: unknown[] = []
  const stream = cut
    ? new Readable({ read: () => undefined })
    : Readable.from(chunks.map((each) => Buffer.from(each)))
  const given = {
    method: 'POST',
    url: '/pusher/auth?x=1',
    headers: { host: 'app.example', 'content-type': FORM },
    socket: { remoteAddress: '192.0.2.7' },
    ...fields,
  }
  for (const [name, value] of Object.entries(given)) Object.defineProperty(stream, name, { value })
  const request = stream as unknown as NodeRequest
  const answer: { status?: number; headers?: Record<string, string>; text?: string } = {}
  const done = Promise.withResolvers<void>()
  const listener = nodeListener(
    endpoint ??
      (async (each, peer) => {
        seen.push({ request: each, text: await each.text(), peer })
        return new Response('{"ok":1}', { status: 201, headers: { 'x-a': 'b' } })
      }),
    { onError: (error) => errors.push(error), ...options },
  )
  listener(request, {
    writeHead: (status, headers) => Object.assign(answer, { status, headers }),
    end: (text) => {
      answer.text = text
      done.resolve()
    },
  })
  if (cut) {
    stream.destroy()
    stream.once('close', () => setImmediate(done.resolve))
  }
  await done.promise
  return { seen: seen[0], answer, errors }
}

test('the endpoint sees the request as it came, and its answer goes out whole', async () => {
  const { seen, answer } = await run({ chunks: ['socket_id=1.1', '&channel_name=private-a'] })
  expect(seen?.request.url).toBe('http://app.example/pusher/auth?x=1')
  expect(seen?.request.headers.get('content-type')).toBe(FORM)
  expect(seen?.text).toBe('socket_id=1.1&channel_name=private-a')
  expect(seen?.peer).toEqual({ address: '192.0.2.7' })
  expect(answer).toMatchObject({ status: 201, text: '{"ok":1}', headers: { 'x-a': 'b' } })
  expect(answer.headers?.['connection']).toBeUndefined()
})

test('scheme, address and the path before a router come from who knows them', async () => {
  const { seen } = await run({
    fields: { url: '/', originalUrl: '/api/auth' },
    options: { scheme: 'https', addressOf: ({ headers }) => String(headers['x-real-ip']) },
  })
  expect(seen?.request.url).toBe('https://app.example/api/auth')
  expect(seen?.peer).toEqual({ address: 'undefined' })
})

test('a body beyond the bound is read one byte beyond it, and the connection ends', async () => {
  for (const chunks of [
    [Buffer.alloc(BODY_BYTES_MAX * 3, 0x61)],
    Array.from({ length: 20 }, () => Buffer.alloc(1_000, 0x61)),
  ]) {
    const { seen, answer } = await run({ chunks })
    expect(seen?.text).toHaveLength(BODY_BYTES_MAX + 1)
    expect(answer.headers?.['connection']).toBe('close')
  }
  const { seen } = await run({ chunks: [Buffer.alloc(BODY_BYTES_MAX, 0x61)] })
  expect(seen?.text).toHaveLength(BODY_BYTES_MAX)
})

describe('after a body parser', () => {
  const parsed = (body: unknown, type = FORM) =>
    run({
      fields: { readableEnded: true, body, headers: { host: 'a.example', 'content-type': type } },
    })

  test('fields are written again as they were sent', async () => {
    const form = await parsed({ socket_id: '1.1', channel_name: 'private-a=b&c' })
    expect([...new URLSearchParams(form.seen?.text)]).toEqual([
      ['socket_id', '1.1'],
      ['channel_name', 'private-a=b&c'],
    ])
    const json = await parsed({ socket_id: '1.1' }, 'application/json')
    expect(json.seen?.text).toBe('{"socket_id":"1.1"}')
    expect((await parsed('a=b')).seen?.text).toBe('a=b')
    expect((await parsed(Buffer.from('a=b'))).seen?.text).toBe('a=b')
    expect((await parsed(undefined)).seen?.text).toBe('')
  })

  test('a parameter that came twice is still seen twice', async () => {
    const { seen } = await parsed({ channel_name: ['private-a', 'private-b'] })
    expect(seen?.text).toBe('channel_name=private-a&channel_name=private-b')
  })

  test('an empty object before the body was read is not taken for the body', async () => {
    const { seen } = await run({ fields: { body: {} }, chunks: ['a=b'] })
    expect(seen?.text).toBe('a=b')
  })
})

describe('for a webhook', () => {
  const options = { rawBodyBytesMax: BODY_BYTES_MAX * 2 }
  const read = (body: unknown) => run({ fields: { readableEnded: true, body }, options })

  test('the bytes are handed on as they arrived, up to the bound that was given', async () => {
    const { seen } = await run({ chunks: ['{"a":', ' 1}'], options })
    expect(seen?.text).toBe('{"a": 1}')
    const large = await run({ chunks: [Buffer.alloc(BODY_BYTES_MAX * 3, 0x61)], options })
    expect(large.seen?.text).toHaveLength(BODY_BYTES_MAX * 2 + 1)
    expect(large.answer.headers?.['connection']).toBe('close')
    expect((await read(Buffer.from('{"a": 1}'))).seen?.text).toBe('{"a": 1}')
  })

  test('what a parser made of them is an error that says what to do', async () => {
    for (const body of [{ a: 1 }, '{"a":1}', undefined]) {
      const { answer, errors, seen } = await read(body)
      expect([answer.status, seen]).toEqual([500, undefined])
      expect(String(errors[0])).toContain('express.raw(')
    }
  })
})

test('what the endpoint throws is a 500 without details, and heard', async () => {
  const error = new Error('hunter2')
  const { answer, errors } = await run({ endpoint: () => Promise.reject(error) })
  expect([answer.status, answer.text]).toEqual([500, '{"error":"failed"}'])
  expect(errors).toEqual([error])
})

test('a Host header that makes no URL is a bad request', async () => {
  const { answer, seen, errors } = await run({ fields: { headers: { host: 'a b/?#@' } } })
  expect([answer.status, seen, errors]).toEqual([400, undefined, []])
})

test('a client that goes away before it has sent everything costs nothing more', async () => {
  const { answer, seen, errors } = await run({ cut: true })
  expect([answer.status, seen, errors]).toEqual([undefined, undefined, []])
})
