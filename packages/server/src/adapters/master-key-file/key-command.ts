/**
 * The command that prints the master key, run without a shell. What it prints is known to the
 * caller only: neither its output nor its arguments appear in a refusal. Time and output are
 * bounded (our bounds).
 */
import { execFile } from 'node:child_process'
import { ok, type Result, refuse } from '@lockgate/protocol/result'

export const COMMAND_TIME_MS_MAX = 10_000
/** A key file is a few lines; anything longer is something else. */
export const COMMAND_OUTPUT_BYTES_MAX = 65_536

/** `not_started`: there is no such program. `failed`: it ended with a code or by a signal. */
export type KeyCommandRefusal = 'not_started' | 'failed' | 'too_slow' | 'too_long' | 'empty'

export interface KeyCommandBounds {
  readonly timeMsMax: number
  readonly outputBytesMax: number
}

const BOUNDS: KeyCommandBounds = {
  timeMsMax: COMMAND_TIME_MS_MAX,
  outputBytesMax: COMMAND_OUTPUT_BYTES_MAX,
}

/**
 * Runs a program and takes its standard output as the key. It gets no input and the environment of
 * the server; what it writes to standard error is dropped, since that may hold the key too.
 * @param command program and arguments; trusted, from the configuration. At least one.
 * @returns the output without the line end behind it.
 */
export function runMasterKeyCommand(
  command: readonly string[],
  bounds = BOUNDS,
): Promise<Result<string, KeyCommandRefusal>> {
  const [program = '', ...words] = command
  const options = {
    timeout: bounds.timeMsMax,
    maxBuffer: bounds.outputBytesMax,
    killSignal: 'SIGKILL',
    windowsHide: true,
  } as const
  return new Promise((resolve) => {
    try {
      const child = execFile(program, words, options, (error, output) => {
        resolve(error === null ? take(output) : explain(error, bounds))
      })
      // A program that reads its input sees the end of it. One that is gone already breaks the
      // pipe; how it ended is told by the callback.
      child.stdin?.on('error', () => undefined)
      child.stdin?.end()
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error
      resolve(notStarted())
    }
  })
}

function take(output: string): Result<string, KeyCommandRefusal> {
  const text = output.replace(/\r?\n$/, '')
  if (text.trim() !== '') return ok(text)
  return refuse('empty', 'masterKeyCommand printed nothing: it has to print the master key')
}

/** The error's own message holds the arguments and what was printed, so it is never passed on. */
function explain(
  error: Readonly<{ code?: string | number | null; killed?: boolean; signal?: unknown }>,
  bounds: KeyCommandBounds,
): Result<never, KeyCommandRefusal> {
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
    const bytes = bounds.outputBytesMax
    return refuse('too_long', `masterKeyCommand printed more than ${bytes} bytes: only the key`)
  }
  if (typeof error.code === 'string') return notStarted()
  if (error.killed === true) {
    const seconds = bounds.timeMsMax / 1_000
    return refuse('too_slow', `masterKeyCommand took longer than ${seconds} s and was stopped`)
  }
  const how = typeof error.code === 'number' ? `with code ${error.code}` : 'by a signal'
  return refuse('failed', `masterKeyCommand ended ${how}: run it by hand to see why`)
}

function notStarted(): Result<never, KeyCommandRefusal> {
  return refuse(
    'not_started',
    'masterKeyCommand cannot be run: check that the program exists and may be executed',
  )
}
