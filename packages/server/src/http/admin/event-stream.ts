/**
 * Answers that are server-sent events (HTML Living Standard §9.2), made as the client reads them: a
 * slow reader holds no memory but one chunk. The stream has an end only when its source has one.
 */
import { ANSWER_HEADERS } from './problem.ts'

export interface EventSource {
  /** @returns whole events; undefined at the end. Called one at a time. */
  next(): Promise<string | undefined>
  /** Nobody reads any more; a `next` that waits ends. */
  close(): void
}

export interface EventReader {
  /** Of the request. */
  readonly signal: AbortSignal
  /** Told of what cut the answer short. */
  readonly tellFailure: (error: unknown) => void
}

/** A proxy that gathers answers would hold every event back. */
const STREAM_HEADERS = { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' }

export function eventStreamAnswer(
  source: EventSource,
  { signal, tellFailure }: EventReader,
): Response {
  const encoder = new TextEncoder()
  const close = () => source.close()
  if (signal.aborted) close()
  signal.addEventListener('abort', close, { once: true })
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const text = await source.next()
          if (signal.aborted) return
          if (text === undefined) controller.close()
          else controller.enqueue(encoder.encode(text))
        } catch (error) {
          tellFailure(error)
          // Without a value: Bun would print one beside the log.
          controller.error()
          close()
        }
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { headers: { ...ANSWER_HEADERS, ...STREAM_HEADERS } })
}

/** One event on the wire. A field ends with its line, so no value may hold the end of one. */
export interface ServerSentEvent {
  readonly id?: string
  readonly event?: string
  readonly data?: unknown
}

/** @returns the event as text; without data it only says where the reader is. */
export function eventText({ id, event, data }: ServerSentEvent): string {
  const name = event === undefined ? '' : `event: ${event}\n`
  const place = id === undefined ? '' : `id: ${id}\n`
  // JSON escapes every line end of a value.
  const content = data === undefined ? '' : `data: ${JSON.stringify(data)}\n`
  return `${name}${place}${content}\n`
}
