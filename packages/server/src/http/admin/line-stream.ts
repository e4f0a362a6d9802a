/**
 * Answers that are lines of JSON (NDJSON), made as the client reads them: a slow reader holds no
 * memory but one chunk. An outage on the way cuts the answer short, which every reader notices.
 */
import { ANSWER_HEADERS } from './problem.ts'

/** Our bound on what is made before it is read. */
const CHUNK_CHARACTERS = 32 * 1024

/** A value is one line; undefined is an empty one, so that a connection is not taken for idle. */
export type Lines = AsyncGenerator

/** @param signal of the request: what nobody reads any more is not made. */
export function lineStreamAnswer(lines: Lines, signal: AbortSignal): Response {
  const encoder = new TextEncoder()
  const stop = () => void lines.return(undefined)
  signal.addEventListener('abort', stop, { once: true })
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        let text = ''
        while (text.length < CHUNK_CHARACTERS) {
          const step = await lines.next()
          if (step.done === true) break
          text += step.value === undefined ? '\n' : `${JSON.stringify(step.value)}\n`
          if (step.value === undefined) break
        }
        if (text === '') controller.close()
        else controller.enqueue(encoder.encode(text))
      },
      async cancel() {
        await lines.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
  const headers = { ...ANSWER_HEADERS, 'content-type': 'application/x-ndjson' }
  return new Response(body, { headers })
}
