import { describe, expect, test } from 'bun:test'
import { RedisCache } from './redis-cache.ts'
import { ioredis, nodeRedis, restRedis } from './redis-commands.ts'

const CHANGE = { expected: 'old', value: 'new', ttlMs: 1_234.5 }

/** Keeps what was sent and answers from a list. */
function recording(...answers: unknown[]) {
  const sent: (readonly string[])[] = []
  const send = (command: readonly string[]) => {
    sent.push(command)
    const answer = answers.shift()
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
  }
  return { sent, send }
}

describe('commands', () => {
  test('carry the prefix, whole milliseconds and the values as arguments', async () => {
    const { sent, send } = recording('kept', null, 1, 0)
    const cache = new RedisCache(send, 'mine:')
    expect(await cache.get('a')).toBe('kept')
    expect(await cache.get('a')).toBeUndefined()
    expect(await cache.compareAndSet('a', CHANGE)).toBe(true)
    expect(await cache.compareAndSet('a', { ...CHANGE, expected: undefined })).toBe(false)
    expect(sent[0]).toEqual(['GET', 'mine:a'])
    const [name, script, ...rest] = sent[2] ?? []
    expect([name, ...rest]).toEqual(['EVAL', '1', 'mine:a', '1', 'old', 'new', '1235'])
    expect(script).not.toMatch(/old|new|mine/)
    expect(sent[3]?.slice(3)).toEqual(['mine:a', '0', '', 'new', '1235'])
  })

  test('removing sends no value', async () => {
    const { sent, send } = recording(1)
    await new RedisCache(send).compareAndSet('a', { ...CHANGE, value: undefined })
    expect(sent[0]?.slice(3)).toEqual(['lockgate:a', '1', 'old', '', '1235'])
  })

  test('an answer of another kind is an error, never an absent entry', async () => {
    for (const answer of [undefined, 7, [], {}, Buffer.from('kept')]) {
      const cache = new RedisCache(recording(answer).send)
      const failure: unknown = await cache.get('a').catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(TypeError)
    }
    for (const answer of [undefined, null, '1', true]) {
      const cache = new RedisCache(recording(answer).send)
      const failure: unknown = await cache
        .compareAndSet('a', CHANGE)
        .catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(TypeError)
    }
  })
})

describe('clients', () => {
  test('of redis and ioredis get the command in their own form', async () => {
    const calls: unknown[] = []
    const answer = (...args: unknown[]) => {
      calls.push(args)
      return Promise.resolve('kept')
    }
    expect(await nodeRedis({ sendCommand: answer })(['GET', 'a'])).toBe('kept')
    expect(await ioredis({ call: answer })(['GET', 'a'])).toBe('kept')
    expect(calls).toEqual([[['GET', 'a']], ['GET', ['a']]])
  })

  test('over REST the command is the body and the token a header', async () => {
    const seen: [string, RequestInit][] = []
    const send = restRedis({
      url: 'https://redis.example',
      token: 'hush',
      fetch: (url, init) => {
        seen.push([url, init])
        return Promise.resolve(Response.json({ result: null }))
      },
    })
    expect(await send(['GET', 'a'])).toBeNull()
    const [url, init] = seen[0] ?? []
    expect(url).toBe('https://redis.example/')
    expect(init).toMatchObject({ method: 'POST', body: '["GET","a"]', redirect: 'manual' })
    expect(new Headers(init?.headers).get('authorization')).toBe('Bearer hush')
  })

  test('over REST the token does not travel without TLS unless that is said', () => {
    const options = { url: 'http://redis.example', token: 'hush' }
    expect(() => restRedis(options)).toThrow(TypeError)
    expect(restRedis({ ...options, dangerousPlainHttp: true })).toBeFunction()
  })

  test('over REST whatever is no result is an error that quotes nothing', async () => {
    const answers = [
      Response.json({ error: 'ERR rt_leak' }, { status: 400 }),
      Response.json({ error: 'rt_leak' }),
      new Response('<html>rt_leak'),
      new Response('', { status: 302 }),
      new Response(`{"result":"${'x'.repeat(300_000)}"}`),
    ]
    for (const answer of answers) {
      const fetch = () => Promise.resolve(answer)
      const send = restRedis({ url: 'https://redis.example', token: 'hush', fetch })
      const failure: unknown = await send(['GET', 'a']).catch((error: unknown) => error)
      expect(String(failure)).toMatch(/^Error: The REST interface of Redis answered \d+/)
      expect(String(failure)).not.toMatch(/rt_leak|hush/)
    }
  })
})
