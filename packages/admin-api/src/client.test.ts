import { describe, expect, test } from 'bun:test'
import { createAdminClient, valueOrThrow } from './client.ts'
import type { Ambient } from './exchange.ts'
import { AdminProblem, AdminUnreachable } from './problem.ts'

const KEY = 'op_a1b2c3d4e5_0123456789abcdefghijklmnopqrstuvwxyz'
const URL_BASE = 'http://127.0.0.1:8080'

type Answer = Response | Error | ((request: Request) => Promise<Response>)

/** A client whose calls get these answers in turn; the last one stays. */
function clientWith(
  answers: readonly Answer[],
  options: { retryCountMax?: number; url?: string } = {},
) {
  const sent: { method: string; url: string; headers: Headers; body: string }[] = []
  const pauses: number[] = []
  let keyCount = 0
  const ambient: Ambient = {
    fetch: async (request) => {
      const { method, url, headers } = request
      const answer = answers[Math.min(sent.length, answers.length - 1)]
      sent.push({ method, url, headers, body: await request.clone().text() })
      if (typeof answer === 'function') return answer(request)
      if (answer instanceof Response) return answer.clone() as Response
      throw answer ?? new Error('no answer was planned')
    },
    pause: (ms) => {
      pauses.push(ms)
      return Promise.resolve()
    },
    random: () => 0.5,
    newKey: () => {
      keyCount += 1
      return `key-${keyCount}`
    },
  }
  const client = createAdminClient(
    { url: URL_BASE, key: KEY, agent: 'test/1', ...options },
    ambient,
  )
  return { client, sent, pauses }
}

const json = (value: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  Response.json(value, { status, headers })
const problem = (status: number, code: string, headers: Record<string, string> = {}): Response =>
  json({ type: 'about:blank', title: `title of ${code}`, status, code }, status, headers)
const streamOf = (...parts: (string | Error)[]) => {
  const encoder = new TextEncoder()
  const left = [...parts]
  const source = {
    pull(controller: ReadableStreamDefaultController<Uint8Array>) {
      const part = left.shift()
      if (part === undefined) controller.close()
      else if (part instanceof Error) controller.error(part)
      else controller.enqueue(encoder.encode(part))
    },
  }
  // Nothing is asked for ahead, so that an error does not overtake what came before it.
  const stream = new ReadableStream<Uint8Array>(source, { highWaterMark: 0 })
  return () => Promise.resolve(new Response(stream))
}
const thrownBy = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('a call', () => {
  test('goes to the path of the operation with its key, parameters, body and agent', async () => {
    const { client, sent } = clientWith([json({ id: 'crd_1' })], { url: 'https://rt.example/lg/' })
    const parameters = { credentialId: 'a/b?c' }
    await client.call('credentials.rotate', { parameters, body: { overlapSeconds: 60 } })
    const [request] = sent
    expect(request?.method).toBe('POST')
    expect(request?.url).toBe('https://rt.example/lg/admin/v1/credentials/a%2Fb%3Fc/rotate')
    expect(request?.body).toBe('{"overlapSeconds":60}')
    expect(request?.headers.get('authorization')).toBe(`Bearer ${KEY}`)
    expect(request?.headers.get('content-type')).toBe('application/json')
    expect(request?.headers.get('user-agent')).toBe('test/1')
  })

  test('puts what is not in the path into the query, and leaves out what is undefined', async () => {
    const { client, sent } = clientWith([json({ items: [] })])
    await client.call('audit.list', { parameters: { database: 'control', limit: 2 } })
    expect(sent[0]?.url).toBe(`${URL_BASE}/admin/v1/audit?database=control&limit=2`)
    expect(sent[0]?.headers.has('idempotency-key')).toBe(false)
  })

  test('never walks out of its path', async () => {
    const { client, sent } = clientWith([json({})])
    for (const credentialId of ['.', '..', '']) {
      const error = await thrownBy(client.call('credentials.get', { parameters: { credentialId } }))
      expect(error).toBeInstanceOf(TypeError)
    }
    expect(sent).toEqual([])
  })

  test('asks a function for the key each time, so that a rotated key is taken up', async () => {
    const keys = ['op_first', 'op_second']
    const { sent, client: _ } = clientWith([json({})])
    const client = createAdminClient(
      { url: URL_BASE, key: async () => keys.shift() ?? '' },
      {
        fetch: async ({ method, url, headers }) => {
          sent.push({ method, url, headers, body: '' })
          return json({})
        },
        pause: () => Promise.resolve(),
        random: () => 0,
        newKey: () => 'k',
      },
    )
    await client.call('whoami')
    await client.call('whoami')
    const used = sent.map(({ headers }) => headers.get('authorization'))
    expect(used).toEqual(['Bearer op_first', 'Bearer op_second'])
  })

  test('has the shapes of the table', async () => {
    const { client } = clientWith([json({ name: 'ops', role: 'owner' })])
    const { role } = valueOrThrow(await client.call('whoami'))
    const known: 'owner' | 'admin' | 'developer' | 'auditor' | 'viewer' = role
    expect(known).toBe('owner')
    // @ts-expect-error -- the path parameter is missing
    expect(await thrownBy(client.call('credentials.get', {}))).toBeInstanceOf(TypeError)
    // @ts-expect-error -- there is no such field
    await client.call('master-key.rotate', { body: { speed: 1 } })
    const nameless = { parameters: { appId: 'a' }, body: { kind: 'api_key' } } as const
    // @ts-expect-error -- the name is required
    await client.call('credentials.create', nameless)
  })
})

describe('a refusal', () => {
  test('is a value with code, status, detail, fields, wait and request id', async () => {
    const body = {
      title: 'The input does not fit the operation.',
      status: 400,
      code: 'input_invalid',
      detail: 'See errors for each field.',
      errors: [{ path: 'body.name', message: 'Too long' }, 'nonsense'],
    }
    const headers = { 'lockgate-request-id': 'req-1', 'retry-after': '7' }
    const { client } = clientWith([json(body, 400, headers)])
    const outcome = await client.call('whoami')
    expect(outcome.ok).toBe(false)
    if (outcome.ok) return
    expect(outcome.problem).toBeInstanceOf(AdminProblem)
    expect(outcome.problem).toMatchObject({
      operation: 'whoami',
      status: 400,
      code: 'input_invalid',
      detail: 'See errors for each field.',
      errors: [{ path: 'body.name', message: 'Too long' }],
      retryAfterSeconds: 7,
      requestId: 'req-1',
    })
    expect(() => valueOrThrow(outcome)).toThrow(outcome.problem)
  })

  test.each([
    ['a page of a proxy', new Response('<html>secret-page</html>', { status: 502 })],
    [
      'a redirect',
      new Response(null, { status: 302, headers: { location: 'http://other.example' } }),
    ],
    ['a success that is no JSON', new Response('<html>secret-page</html>')],
    ['a success cut short', new Response('{"name": "op')],
    ['problem details without a code', json({ title: 'secret-page' }, 400)],
  ])('%s is `answer_unexpected`, and its text is not repeated', async (_name, answer) => {
    const { client, sent } = clientWith([answer])
    const outcome = await client.call('whoami')
    if (outcome.ok) throw new Error('it was taken for an answer')
    expect(outcome.problem.code).toBe('answer_unexpected')
    expect(`${outcome.problem.message}${outcome.problem.title}`).not.toContain('secret-page')
    expect(sent).toHaveLength(1)
  })

  test('an answer above the bound is not read to its end', async () => {
    const part = 'x'.repeat(1024 * 1024)
    let readCount = 0
    const endless = new Response(
      new ReadableStream<Uint8Array>({
        pull(controller) {
          readCount += 1
          controller.enqueue(new TextEncoder().encode(part))
        },
      }),
    )
    const { client } = clientWith([() => Promise.resolve(endless)])
    const outcome = await client.call('whoami')
    expect(outcome.ok).toBe(false)
    expect(readCount).toBeLessThan(40)
  })
})

describe('retries', () => {
  const body = { kind: 'user', appId: 'chat', userId: 'u', reason: 'gone' } as const

  test('a changing call has one key for all its attempts, and another call another', async () => {
    const answers = [new TypeError('reset'), problem(503, 'unavailable'), json({})]
    const { client, sent, pauses } = clientWith(answers)
    expect((await client.call('revocations.create', { body })).ok).toBe(true)
    await client.call('revocations.create', { body })
    const keys = sent.map(({ headers }) => headers.get('idempotency-key'))
    expect(keys).toEqual(['key-1', 'key-1', 'key-1', 'key-2'])
    expect(pauses).toEqual([100, 200])
    await client.call('revocations.create', { body }, { idempotencyKey: 'mine' })
    expect(sent.at(-1)?.headers.get('idempotency-key')).toBe('mine')
  })

  test('wait as long as the server says, and no longer than the bound', async () => {
    const short = clientWith([problem(429, 'rate_limited', { 'retry-after': '2' }), json({})])
    expect((await short.client.call('whoami')).ok).toBe(true)
    expect(short.pauses).toEqual([2_100])
    const long = clientWith([problem(429, 'rate_limited', { 'retry-after': '3600' }), json({})])
    const outcome = await long.client.call('whoami')
    expect(outcome.ok ? undefined : outcome.problem.retryAfterSeconds).toBe(3600)
    expect(long.pauses).toEqual([])
  })

  test('a call whose first attempt still runs waits for its answer', async () => {
    const { client, sent } = clientWith([problem(409, 'idempotency_running'), json({})])
    expect((await client.call('master-key.rotate')).ok).toBe(true)
    expect(sent).toHaveLength(2)
  })

  test.each([400, 401, 403, 404, 409, 422, 500])('a refusal with %d is final', async (status) => {
    const { client, sent } = clientWith([problem(status, 'whatever'), json({})])
    expect((await client.call('whoami')).ok).toBe(false)
    expect(sent).toHaveLength(1)
  })

  test('are bounded', async () => {
    const refused = clientWith([problem(503, 'unavailable')])
    expect((await refused.client.call('whoami')).ok).toBe(false)
    expect(refused.sent).toHaveLength(4)
    const none = clientWith([problem(503, 'unavailable')], { retryCountMax: 0 })
    await none.client.call('whoami')
    expect(none.sent).toHaveLength(1)
  })
})

describe('a server that does not answer', () => {
  test('is an error that names the address and no secret', async () => {
    const { client } = clientWith([new TypeError('connection refused')])
    const value = 'my-own-secret-value-0123456789'
    const input = { parameters: { credentialId: 'crd_1' }, body: { value } }
    const error = await thrownBy(client.call('credentials.rotate', input))
    expect(error).toBeInstanceOf(AdminUnreachable)
    const text = `${String(error)}${JSON.stringify(error)}${(error as Error).stack}`
    expect(text).toContain(URL_BASE)
    expect(text).not.toContain(value)
    expect(text).not.toContain(KEY)
  })

  test('is waited for no longer than the limit', async () => {
    const silent = (request: Request): Promise<Response> =>
      new Promise((_resolve, reject) => {
        request.signal.addEventListener('abort', () => reject(new Error('aborted')))
      })
    const { client } = clientWith([silent])
    const options = { timeoutMs: 1, retryCountMax: 0 }
    const error = await thrownBy(client.call('whoami', {}, options))
    expect(error).toMatchObject({ name: 'AdminUnreachable', reason: 'timeout' })
  })

  test('is given up at once when the caller does', async () => {
    const controller = new AbortController()
    const reason = new Error('the user went away')
    const { client, sent } = clientWith([
      (request) =>
        new Promise((_resolve, reject) => {
          request.signal.addEventListener('abort', () => reject(new Error('aborted')))
          controller.abort(reason)
        }),
    ])
    expect(await thrownBy(client.call('whoami', {}, { signal: controller.signal }))).toBe(reason)
    expect(await thrownBy(client.call('whoami', {}, { signal: controller.signal }))).toBe(reason)
    expect(sent).toHaveLength(1)
  })

  test.each(['op_with\nnewline', 'op_ä', '', 'x'.repeat(600)])(
    'a key no header can hold is neither sent nor quoted: %j',
    async (key) => {
      let isSent = false
      const fetch = async (): Promise<Response> => {
        isSent = true
        return json({})
      }
      const ambient = { fetch, pause: () => Promise.resolve(), random: () => 0, newKey: () => 'k' }
      const client = createAdminClient({ url: URL_BASE, key }, ambient)
      const error = await thrownBy(client.call('whoami'))
      expect(isSent).toBe(false)
      expect(error).toBeInstanceOf(TypeError)
      if (key !== '') expect(String(error)).not.toContain(key)
    },
  )

  test.each(['127.0.0.1:8080', 'ftp://host', 'http://user:pass-word@host', 'nonsense'])(
    'an address that cannot be used is refused without being repeated: %s',
    (url) => {
      const make = (): unknown => createAdminClient({ url, key: KEY })
      expect(make).toThrow(TypeError)
      try {
        make()
      } catch (error) {
        expect(String(error)).not.toContain('pass-word')
      }
    },
  )
})

describe('lists', () => {
  test('give the items of every page, and ask for a page only when it is needed', async () => {
    const pages = [
      json({ items: [{ id: 'a' }, { id: 'b' }], nextCursor: 'two' }),
      json({ items: [{ id: 'c' }] }),
    ]
    const { client, sent } = clientWith(pages)
    const found: string[] = []
    for await (const { id } of client.items('apps.list', { parameters: { tenantId: 't' } })) {
      if (found.length === 0) expect(sent).toHaveLength(1)
      found.push(id)
    }
    expect(found).toEqual(['a', 'b', 'c'])
    const queries = sent.map(({ url }) => new URL(url).search)
    expect(queries).toEqual(['?tenantId=t', '?tenantId=t&cursor=two'])
  })

  test('a cursor that does not move on ends the list with an error', async () => {
    const { client } = clientWith([json({ items: [], nextCursor: 'same' })])
    const error = await thrownBy(Array.fromAsync(client.items('tenants.list')))
    expect(error).toMatchObject({ code: 'answer_unexpected' })
  })

  test('a refusal is thrown', async () => {
    const { client } = clientWith([problem(403, 'operation_denied')])
    const error = await thrownBy(Array.fromAsync(client.items('tenants.list')))
    expect(error).toMatchObject({ code: 'operation_denied' })
  })
})

describe('streams', () => {
  const linesOf = (answers: readonly Answer[]) => {
    const { client, sent } = clientWith(answers)
    return { lines: client.stream('audit.list', {}), sent }
  }

  test('give each line as it comes, however it is cut', async () => {
    const { lines } = linesOf([
      streamOf('{"seq":1}\n{"se', 'q":2,"text":"\u00e4', '\u20ac"}\n\n{"seq":3}'),
    ])
    expect(await Array.fromAsync(lines)).toEqual([
      { seq: 1 },
      { seq: 2, text: 'ä€' },
      { seq: 3 },
    ] as never)
  })

  test('that break off are an error, after the lines that came', async () => {
    const { lines } = linesOf([streamOf('{"seq":1}\n', new Error('reset'))])
    expect((await lines.next()).value).toEqual({ seq: 1 } as never)
    expect(await thrownBy(lines.next())).toMatchObject({
      name: 'AdminUnreachable',
      reason: 'cut_off',
    })
  })

  test('that end within a line are an error', async () => {
    const { lines } = linesOf([streamOf('{"seq":1}\n{"seq"')])
    await lines.next()
    expect(await thrownBy(lines.next())).toMatchObject({ code: 'answer_unexpected' })
  })

  test('are refused like any call, and tried again before the first line only', async () => {
    const denied = linesOf([problem(403, 'operation_denied')])
    expect(await thrownBy(denied.lines.next())).toMatchObject({ code: 'operation_denied' })
    const later = linesOf([problem(503, 'unavailable'), streamOf('{"seq":1}\n')])
    expect((await later.lines.next()).value).toEqual({ seq: 1 } as never)
    expect(later.sent).toHaveLength(2)
  })

  test('a line above the bound ends them', async () => {
    const { lines } = linesOf([streamOf('x'.repeat(600_000), 'x'.repeat(600_000), '\n')])
    expect(await thrownBy(lines.next())).toMatchObject({ code: 'answer_unexpected' })
  })

  test('that are left early are ended at the server', async () => {
    let isCancelled = false
    const endless = new Response(
      new ReadableStream<Uint8Array>({
        pull(controller) {
          controller.enqueue(new TextEncoder().encode('{"seq":1}\n'))
        },
        cancel() {
          isCancelled = true
        },
      }),
    )
    const { lines } = linesOf([() => Promise.resolve(endless)])
    for await (const _ of lines) break
    expect(isCancelled).toBe(true)
  })
})
