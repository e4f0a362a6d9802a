/** Reads a body up to a bound, without ever holding more. Web streams; no state. */
import { ok, refuse, type Result } from '@lockgate/protocol/result'

/** @returns `body_too_large` for more than `bytesMax` bytes; the rest of the stream is given up. */
export async function readBoundedBytes(
  body: ReadableStream<Uint8Array> | null,
  bytesMax: number,
): Promise<Result<Uint8Array<ArrayBuffer>, 'body_too_large'>> {
  if (body === null) return ok(new Uint8Array())
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (;;) {
    const next = await reader.read()
    if (next.done) break
    length += next.value.byteLength
    if (length > bytesMax) {
      await reader.cancel()
      return refuse('body_too_large')
    }
    chunks.push(next.value)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return ok(bytes)
}

/** @returns as {@link readBoundedBytes}, and `body_malformed` for bytes that are not UTF-8. */
export async function readBoundedText(
  body: ReadableStream<Uint8Array> | null,
  bytesMax: number,
): Promise<Result<string, 'body_too_large' | 'body_malformed'>> {
  const bytes = await readBoundedBytes(body, bytesMax)
  if (!bytes.ok) return bytes
  try {
    return ok(new TextDecoder('utf-8', { fatal: true }).decode(bytes.value))
  } catch (error) {
    if (error instanceof TypeError) return refuse('body_malformed')
    throw error
  }
}
