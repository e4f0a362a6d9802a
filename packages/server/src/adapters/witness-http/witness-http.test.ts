import { describe, expect, test } from 'bun:test'
import { ok, refuse } from '@lockgate/protocol/result'
import type { Fetcher, PostedContent } from '../../ports/fetcher.ts'
import { Outage } from '../../ports/outage.ts'
import { openHttpWitness } from './witness-http.ts'

const URL = 'https://witness.example.com/checkpoints?of=somebody'
const CHECKPOINT = { tenantId: 't', seq: 1, atMs: 1, body: '{}', signature: 's', keyId: 'k' }

function witnessWith(post: Fetcher['post']) {
  return openHttpWitness(URL, { post })
}

const failureOf = (promise: Promise<void>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('an HTTP witness', () => {
  test('is posted one JSON line for each checkpoint', async () => {
    const posted: [string, PostedContent][] = []
    const witness = witnessWith(async (url, content) => {
      posted.push([url, content])
      return ok({ status: 204 })
    })
    const second = { ...CHECKPOINT, seq: 2 }
    await witness.attest([CHECKPOINT, second])
    const [url, content] = posted[0] ?? ['', { body: '', contentType: '' }]
    expect(url).toBe(URL)
    expect(content.contentType).toBe('application/x-ndjson')
    const lines = String(content.body).split('\n')
    expect(lines.pop()).toBe('')
    expect(lines.map((line) => JSON.parse(line))).toEqual([CHECKPOINT, second])
  })

  test.each([199, 301, 400, 401, 500])('that answers %d has not taken them', async (status) => {
    const failure = await failureOf(witnessWith(async () => ok({ status })).attest([CHECKPOINT]))
    expect(failure).toBeInstanceOf(Outage)
    expect(failure).toMatchObject({ code: 'witness_unavailable', port: 'witness' })
    // The rest of the address may hold something private.
    expect(String(failure)).not.toContain('somebody')
  })

  test('that cannot be reached is out, and a bug stays a bug', async () => {
    const out = new Outage('fetch_unavailable', 'no answer', { port: 'fetcher' })
    const refused = witnessWith(async () => refuse('redirected'))
    expect(await failureOf(refused.attest([CHECKPOINT]))).toBeInstanceOf(Outage)
    const absent = witnessWith(() => Promise.reject(out))
    expect(await failureOf(absent.attest([CHECKPOINT]))).toMatchObject({
      code: 'witness_unavailable',
    })
    const broken = witnessWith(() => Promise.reject(new TypeError('a bug')))
    expect(await failureOf(broken.attest([CHECKPOINT]))).toBeInstanceOf(TypeError)
  })
})
