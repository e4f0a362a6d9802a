/**
 * Parameters of a token request: a form (RFC 6749 appendix B), or the same names in one JSON object
 * of texts. Unknown ones are ignored, none may come twice (§3.2), and an empty one counts as absent
 * (§3.1).
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { BODY_BYTES_MAX, type BodyRefusal, readBody } from '../body.ts'
import { decodeUtf8, parseJsonBody } from '../json-body.ts'
import { FORM_TYPE, isMediaType, JSON_TYPE } from '../media-type.ts'

export type Parameters = ReadonlyMap<string, string>

/** Our bound: far more names than anybody sends. */
const PARAMETER_COUNT_MAX = 64

type Parsed = Result<Parameters, 'invalid_request'>
export type ReadParameters = Result<
  Parameters,
  BodyRefusal | 'invalid_request' | 'media_type_unsupported'
>

/** @throws nothing: a body that breaks off is a refusal. */
export async function readParameters(request: Request): Promise<ReadParameters> {
  const type = request.headers.get('content-type')
  const isForm = isMediaType(type, FORM_TYPE)
  if (!isForm && !isMediaType(type, JSON_TYPE)) return refuse('media_type_unsupported', TYPE_TEXT)
  const read = await readBody(request, { bytesMax: BODY_BYTES_MAX.oauth })
  if (!read.ok) return read
  if (!isForm) return parseJson(read.value)
  const form = decodeUtf8(read.value)
  return form === undefined ? refuse('invalid_request', FORM_TEXT) : parseForm(form)
}

/** Checks the form of every part before anything of it is used. */
export function parseForm(body: string): Parsed {
  const parameters = new Map<string, string>()
  let count = 0
  for (const part of body.split('&')) {
    if (part === '') continue
    if (++count > PARAMETER_COUNT_MAX) return TOO_MANY
    const cut = part.indexOf('=')
    const name = decodeFormText(cut < 0 ? part : part.slice(0, cut))
    const value = decodeFormText(cut < 0 ? '' : part.slice(cut + 1))
    if (name === undefined || value === undefined) return refuse('invalid_request', FORM_TEXT)
    if (parameters.has(name)) return REPEATED
    parameters.set(name, value)
  }
  return ok(withoutEmpty(parameters))
}

/** @returns undefined for a broken percent encoding, or one that is no UTF-8. */
export function decodeFormText(text: string): string | undefined {
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

export function parseJson(body: Uint8Array): Parsed {
  // Members of members are ignored with the unknown member they are in, but not read without end.
  const parsed = parseJsonBody(body, JSON_BOUNDS)
  if (!parsed.ok) return refuse('invalid_request', parsed.detail)
  const parameters = new Map<string, string>()
  for (const [name, text] of Object.entries(parsed.value)) {
    if (typeof text === 'string') parameters.set(name, text)
    else if (KNOWN_NAMES.has(name)) return refuse('invalid_request', `${name} has to be a text.`)
  }
  return ok(withoutEmpty(parameters))
}

function withoutEmpty(parameters: Map<string, string>): Parameters {
  for (const [name, value] of parameters) if (value === '') parameters.delete(name)
  return parameters
}

/** Those the endpoints read. */
const KNOWN_NAMES: ReadonlySet<string> = new Set([
  'grant_type',
  'scope',
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
  'refresh_token',
  'token',
  'token_type_hint',
])

const JSON_BOUNDS = { depthMax: 8, memberCountMax: PARAMETER_COUNT_MAX }
const TOO_MANY = refuse('invalid_request' as const, 'There are too many parameters.')
const REPEATED = refuse('invalid_request' as const, 'A parameter is given twice.')
const TYPE_TEXT = 'Send the body as application/x-www-form-urlencoded or application/json.'
const FORM_TEXT = 'The form is not encoded as application/x-www-form-urlencoded.'
