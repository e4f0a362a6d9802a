/**
 * Answers that are lines of JSON (NDJSON), made as the client reads them: a slow reader holds no
 * memory but one chunk. A failure on the way resets the connection, so the body has no end: a last
 * chunk over HTTP/1.1 (RFC 9112 §8). Every HTTP client takes that for an error, and whoever reads
 * to the end without one has everything.
 */
import { ANSWER_HEADERS } from './problem.ts'

/** Our bound on what is made before it is read. */
const CHUNK_CHARACTERS = 32 * 1024

/** A value is one line; undefined is an empty one, so that a connection is not taken for idle. */
export type Lines = AsyncGenerator

export interface LineReader {
  /** Of the request: what nobody reads any more is not made. */
  readonly signal: AbortSignal
  /** Told of what cut the answer short. */
  readonly tellFailure: (error: unknown) => void
}

/**
 * Makes the first line before it answers: a failure until then is an answer like any other, and
 * only a generator that has begun gives back what it holds.
 * @throws what the first line throws.
 */
export async function lineStreamAnswer(
  lines: Lines,
  { signal, tellFailure }: LineReader,
): Promise<Response> {
  const encoder = new TextEncoder()
  let first: IteratorResult<unknown> | undefined = await lines.next()
  let isGone = false
  const stop = async () => {
    isGone = true
    await lines.return(undefined)
  }
  const next = () => {
    const step = first ?? lines.next()
    first = undefined
    return step
  }
  if (signal.aborted) await stop()
  signal.addEventListener('abort', () => void stop(), { once: true })
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const text = await chunkOf(next)
          if (isGone) return
          if (text === '') controller.close()
          else controller.enqueue(encoder.encode(text))
        } catch (error) {
          tellFailure(error)
          // Without a value: Bun would print one beside the log.
          controller.error()
          await lines.return(undefined)
        }
      },
      cancel: stop,
    },
    { highWaterMark: 0 },
  )
  const headers = { ...ANSWER_HEADERS, 'content-type': 'application/x-ndjson' }
  return new Response(body, { headers })
}

/** @returns whole lines; none at the end. */
async function chunkOf(
  next: () => IteratorResult<unknown> | Promise<IteratorResult<unknown>>,
): Promise<string> {
  let text = ''
  while (text.length < CHUNK_CHARACTERS) {
    const step = await next()
    if (step.done === true) break
    text += step.value === undefined ? '\n' : `${JSON.stringify(step.value)}\n`
    if (step.value === undefined) break
  }
  return text
}
