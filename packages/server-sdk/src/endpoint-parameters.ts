/**
 * Reads what a Pusher client sends to an authorization endpoint: a form, as pusher-js and Laravel
 * Echo do, or a flat JSON object. The body is never held beyond its bound.
 */
import { parseJsonObject } from '@lockgate/protocol/bytes'
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import { readBoundedText } from './bounded-text.ts'

/** Our bounds: a socket id, a channel name and some parameters of the application. */
export const BODY_BYTES_MAX = 8 * 1024
export const PARAMETER_COUNT_MAX = 32

export type Parameters = ReadonlyMap<string, string>
export type BodyRefusal = 'content_type_unsupported' | 'body_too_large' | 'body_malformed'

const CONTENT_TYPE =
  /^(application\/x-www-form-urlencoded|application\/json)(?:\s*;\s*charset="?utf-8"?)?$/i

/** @returns each parameter once; a name that comes twice could be read two ways. */
export async function readParameters(request: Request): Promise<Result<Parameters, BodyRefusal>> {
  const [, type] = CONTENT_TYPE.exec(request.headers.get('content-type')?.trim() ?? '') ?? []
  if (type === undefined) return refuse('content_type_unsupported')
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > BODY_BYTES_MAX) return refuse('body_too_large')
  const text = await readBoundedText(request.body, BODY_BYTES_MAX)
  if (!text.ok) return text
  const isForm = type.toLowerCase().endsWith('urlencoded')
  const pairs = isForm ? [...new URLSearchParams(text.value)] : jsonPairs(text.value)
  const parameters = new Map(pairs)
  if (pairs.length === 0 || pairs.length > PARAMETER_COUNT_MAX) return refuse('body_malformed')
  return parameters.size === pairs.length ? ok(parameters) : refuse('body_malformed')
}

/** @returns nothing for text that is no flat object. */
function jsonPairs(text: string): [string, string][] {
  const pairs = Object.entries(parseJsonObject(text, 1) ?? {})
  const isFlat = pairs.every(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
  return isFlat ? pairs.map(([name, value]) => [name, String(value)]) : []
}
