/**
 * An error as the log shows it: name, message, stack, code and causes. Other properties are left
 * out, because libraries hang requests, headers and options on their errors. Pure.
 */

export interface DescribedError {
  readonly type: string
  readonly message: string
  readonly stack?: string
  readonly code?: string
  readonly cause?: DescribedError
}

/** Our bound; a chain can be a ring. */
export const CAUSE_COUNT_MAX = 5

export function describeError(
  error: unknown,
  causeCountMax: number = CAUSE_COUNT_MAX,
): DescribedError {
  if (!(error instanceof Error)) return { type: typeof error, message: textOf(error) }
  const { name, message, stack, cause } = error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const hasCause = cause !== undefined && causeCountMax > 0
  return {
    type: name,
    message,
    ...(stack === undefined ? {} : { stack }),
    ...(code === undefined ? {} : { code }),
    ...(hasCause ? { cause: describeError(cause, causeCountMax - 1) } : {}),
  }
}

/** Thrown values that are no errors: text and numbers are shown, objects could hold anything. */
function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : 'not an Error'
}
