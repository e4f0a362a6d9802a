/**
 * What a call can end in besides its result. No text here holds a key, a value or a body that was
 * sent: only the name of the operation and what the server says for people to read.
 */

export interface FieldError {
  /** `body.name`, `parameters.limit`. */
  readonly path: string
  readonly message: string
}

export interface ProblemFields {
  /** The HTTP status. */
  readonly status: number
  /** A code of the server, stable; `answer_unexpected` for an answer that is none of Lockgate's. */
  readonly code: string
  /** One sentence: what is wrong and what to do next. */
  readonly title: string
  readonly detail?: string
  readonly errors?: readonly FieldError[]
  /** How long to wait before trying again, as the server said. */
  readonly retryAfterSeconds?: number
  /** Finds the call in the log and the audit log of the server. */
  readonly requestId?: string
}

/** The server refused: RFC 9457 problem details as a value that can also be thrown. */
export class AdminProblem extends Error {
  readonly operation: string
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string | undefined
  readonly errors: readonly FieldError[]
  readonly retryAfterSeconds: number | undefined
  readonly requestId: string | undefined

  constructor(operation: string, fields: ProblemFields) {
    super(`${operation}: ${fields.detail ?? fields.title} (${fields.code})`)
    this.name = 'AdminProblem'
    this.operation = operation
    this.status = fields.status
    this.code = fields.code
    this.title = fields.title
    this.detail = fields.detail
    this.errors = fields.errors ?? []
    this.retryAfterSeconds = fields.retryAfterSeconds
    this.requestId = fields.requestId
  }
}

/** No whole answer came. Whether the call was carried out is not known. */
export class AdminUnreachable extends Error {
  readonly operation: string
  readonly url: string
  readonly reason: 'connection' | 'timeout' | 'cut_off'

  /** @param url the base address, without parameters. */
  constructor(operation: string, fields: Pick<AdminUnreachable, 'url' | 'reason' | 'cause'>) {
    super(`${operation}: ${REASONS[fields.reason]} ${fields.url}`, { cause: fields.cause })
    this.name = 'AdminUnreachable'
    this.operation = operation
    this.url = fields.url
    this.reason = fields.reason
  }
}

const REASONS = {
  connection: 'cannot reach',
  timeout: 'no answer in time from',
  cut_off: 'the answer broke off from',
} as const

/**
 * @param text the body of an answer that is not a success, bounded by who read it.
 * @returns what the server said; for anything else the code `answer_unexpected`, without the text.
 */
export function readProblem(answer: Response, text: string): ProblemFields {
  const { status, headers } = answer
  const requestId = headers.get('lockgate-request-id') ?? undefined
  const retryAfter = headers.get('retry-after')
  // RFC 9110 §10.2.3 allows a date as well; Lockgate sends seconds.
  const isSeconds = retryAfter !== null && /^\d{1,6}$/.test(retryAfter)
  const common = {
    status,
    ...(requestId === undefined ? {} : { requestId }),
    ...(isSeconds ? { retryAfterSeconds: Number(retryAfter) } : {}),
  }
  const body = parseObject(text)
  const code = body?.['code']
  if (body === undefined || typeof code !== 'string') {
    return { ...common, code: 'answer_unexpected', title: UNEXPECTED_TEXT }
  }
  // The pages outside the administration say `error` where problem details say `title`.
  const title = textOf(body['title']) ?? textOf(body['error']) ?? code
  const detail = textOf(body['detail'])
  const errors = Array.isArray(body['errors']) ? body['errors'].flatMap(readFieldError) : []
  return {
    ...common,
    code,
    title,
    ...(detail === undefined ? {} : { detail }),
    ...(errors.length === 0 ? {} : { errors }),
  }
}

export const UNEXPECTED_TEXT =
  'This is no answer of a Lockgate administration. Check the URL, and the proxy before it.'

function readFieldError(each: unknown): FieldError[] {
  if (typeof each !== 'object' || each === null) return []
  const { path, message } = each as Partial<Record<keyof FieldError, unknown>>
  return typeof path === 'string' && typeof message === 'string' ? [{ path, message }] : []
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
