import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { readBody } from './body.ts'

const URL = 'http://localhost/'

/** A request whose body comes in these chunks, without a length, as `Transfer-Encoding` has it. */
function chunked(chunks: readonly Uint8Array[], onCancel = () => {}): Request {
  const rest = [...chunks]
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = rest.shift()
      if (chunk === undefined) controller.close()
      else controller.enqueue(chunk)
    },
    cancel: onCancel,
  })
  return new Request(URL, { method: 'POST', body })
}

function announced(body: Uint8Array<ArrayBuffer>, length = body.length): Request {
  const headers = { 'content-length': String(length) }
  return new Request(URL, { method: 'POST', body, headers })
}

const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => new Uint8Array(each))

describe('a body', () => {
  test('within its cap is given as it came, with a length or in chunks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 8 }), async (chunks) => {
        const whole = new Uint8Array(Buffer.concat(chunks))
        const bounds = { bytesMax: whole.length }
        for (const request of [chunked(chunks), announced(whole)]) {
          const read = await readBody(request, bounds)
          expect(read.ok && Buffer.compare(read.value, whole)).toBe(0)
        }
      }),
    )
  })

  test('one byte longer than its cap is refused, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 8 }), async (chunks) => {
        const whole = new Uint8Array(Buffer.concat(chunks))
        fc.pre(whole.length > 0)
        for (const request of [chunked(chunks), announced(whole)]) {
          const read = await readBody(request, { bytesMax: whole.length - 1 })
          expect(read).toEqual({ ok: false, refusal: 'body_large' })
        }
      }),
    )
  })

  test('that announces too much is refused before a byte of it is read', async () => {
    const request = announced(new Uint8Array(1), 1_000_000)
    expect(await readBody(request, { bytesMax: 10 })).toMatchObject({ refusal: 'body_large' })
    expect(request.bodyUsed).toBe(false)
  })

  test('without an end is given up at its cap', async () => {
    let isGivenUp = false
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1_000)),
      cancel() {
        isGivenUp = true
      },
    })
    const request = new Request(URL, { method: 'POST', body })
    expect(await readBody(request, { bytesMax: 50_000 })).toMatchObject({ refusal: 'body_large' })
    expect(isGivenUp).toBe(true)
  })

  test('that does not come in time is refused and given up', async () => {
    const cancelled = Promise.withResolvers<void>()
    const body = new ReadableStream<Uint8Array>({ cancel: () => cancelled.resolve() })
    const request = new Request(URL, { method: 'POST', body })
    const read = await readBody(request, { bytesMax: 10, msMax: 1 })
    expect(read).toEqual({ ok: false, refusal: 'body_slow' })
    await cancelled.promise
  })

  test('that breaks off is malformed', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error('reset')),
    })
    const request = new Request(URL, { method: 'POST', body })
    const read = await readBody(request, { bytesMax: 10 })
    expect(read).toMatchObject({ ok: false, refusal: 'request_malformed' })
  })

  test('that is not there is empty', async () => {
    for (const method of ['GET', 'POST']) {
      const read = await readBody(new Request(URL, { method }), { bytesMax: 0 })
      expect(read).toEqual({ ok: true, value: new Uint8Array(0) })
    }
  })
})
