/**
 * Parameters of a token request: a form (RFC 6749 appendix B), or the same names in one JSON object
 * of texts. Unknown ones are ignored, none may come twice (§3.2), and an empty one counts as absent
 * (§3.1).
 */
import { nestsDeeperThan } from '@lockgate/protocol/bytes'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { BODY_BYTES_MAX, type BodyRefusal, readBody } from '../body.ts'

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
  const read = await readBody(request, { bytesMax: BODY_BYTES_MAX.oauth })
  if (!read.ok) return read
  const body = Buffer.from(read.value).toString('utf8')
  const type = request.headers.get('content-type') ?? ''
  if (isMediaType(type, 'application/x-www-form-urlencoded')) return parseForm(body)
  if (isMediaType(type, 'application/json')) return parseJson(body)
  return refuse('media_type_unsupported', TYPE_TEXT)
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

export function parseJson(body: string): Parsed {
  // Members of members are ignored with the unknown member they are in, but not read without end.
  if (nestsDeeperThan(body, JSON_DEPTH_MAX)) return refuse('invalid_request', JSON_TEXT)
  const parameters = new Map<string, string>()
  let isRepeated = false
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch (error) {
    if (error instanceof SyntaxError) return refuse('invalid_request', JSON_TEXT)
    throw error
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('invalid_request', JSON_TEXT)
  }
  const members = Object.entries(value)
  if (members.length > PARAMETER_COUNT_MAX) return TOO_MANY
  // The parser keeps the last of two members with one name; what was sent has more names then.
  if (topNameCount(body) !== members.length) isRepeated = true
  for (const [name, text] of members) {
    if (typeof text === 'string') parameters.set(name, text)
    else if (KNOWN_NAMES.has(name)) return refuse('invalid_request', `${name} has to be a text.`)
  }
  return isRepeated ? REPEATED : ok(withoutEmpty(parameters))
}

/** @param body JSON that was parsed. @returns the number of colons of the outermost object. */
function topNameCount(body: string): number {
  let depth = 0
  let count = 0
  let isInText = false
  for (let index = 0; index < body.length; index++) {
    const character = body[index]
    if (isInText) {
      if (character === '\\') index++
      else if (character === '"') isInText = false
    } else if (character === '"') isInText = true
    else if (character === '{' || character === '[') depth++
    else if (character === '}' || character === ']') depth--
    else if (character === ':' && depth === 1) count++
  }
  return count
}

function withoutEmpty(parameters: Map<string, string>): Parameters {
  for (const [name, value] of parameters) if (value === '') parameters.delete(name)
  return parameters
}

/** RFC 9110 §8.3.1: without regard to case, and to what follows the type. */
function isMediaType(header: string, wanted: string): boolean {
  if (header === wanted) return true
  return header.split(';', 1)[0]?.trim().toLowerCase() === wanted
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

const JSON_DEPTH_MAX = 8
const TOO_MANY = refuse('invalid_request' as const, 'There are too many parameters.')
const REPEATED = refuse('invalid_request' as const, 'A parameter is given twice.')
const TYPE_TEXT = 'Send the body as application/x-www-form-urlencoded or application/json.'
const FORM_TEXT = 'The form is not encoded as application/x-www-form-urlencoded.'
const JSON_TEXT = 'The body is one JSON object of texts.'
