/** What a person is told when the server fails at run time: one line, a stack only on request. */
import { Outage } from '../ports/outage.ts'

/** @returns one line, and the stack when `showsStack`. */
export function describeFailure(error: unknown, { showsStack }: { showsStack: boolean }): string {
  const stack = showsStack && error instanceof Error ? `${error.stack ?? ''}\n` : ''
  return `lockgate: ${summary(error)}\n${stack}`
}

function summary(error: unknown): string {
  if (error instanceof Outage) return `${error.message} (${error.code})`
  if (hasProblem(error)) return error.problem
  const message = error instanceof Error ? error.message.split('\n')[0] : 'something was thrown'
  return `unexpected failure: ${message}; --log-level debug shows where`
}

function hasProblem(error: unknown): error is { readonly problem: string } {
  return (
    typeof error === 'object' &&
    error !== null &&
    'problem' in error &&
    typeof error.problem === 'string'
  )
}
