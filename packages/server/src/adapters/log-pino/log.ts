/**
 * The log as JSON lines on stderr, written before the call returns, so that the last line before a
 * crash is there. Values of fields whose name says secret are replaced whatever their content.
 */
import { type DestinationStream, destination, pino, stdTimeFunctions } from 'pino'
import type { Log, LogFields } from '../../ports/log.ts'
import { describeError } from './described-error.ts'

export interface PinoLogOptions {
  /** Lines below are not written. */
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** Where lines go instead of stderr. */
  readonly destination?: DestinationStream
}

const STDERR = 2
export const REDACTED = '***'

/**
 * Matched anywhere in the name, without case: `clientSecret`, `access_token`. A lone `key` is the
 * public app key and stays.
 */
const SECRET_WORDS = [
  'secret|token|passw|passphrase|credential|authorization|signature|cookie',
  '(?:master|private|signing|api)_?key|key_?material|^auth$',
]
const SECRET_NAME = new RegExp(SECRET_WORDS.join('|'), 'i')

/** Names the line itself uses; a caller's field of that name gets a trailing underscore. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(['level', 'time', 'event', 'err'])

export function createPinoLog(options: PinoLogOptions): Log {
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { err: describeError }, // in place of pino's, which copies every property
    },
    options.destination ?? destination({ fd: STDERR, sync: true }),
  )
  return {
    debug: (event, fields) => logger.debug({ event, ...redact(fields) }),
    info: (event, fields) => logger.info({ event, ...redact(fields) }),
    warn: (event, fields) => logger.warn({ event, ...redact(fields) }),
    error: (event, error, fields) => logger.error({ event, ...redact(fields), err: error ?? null }),
  }
}

function redact(fields: LogFields = {}): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      RESERVED_NAMES.has(name) ? `${name}_` : name,
      SECRET_NAME.test(name) && value !== undefined ? REDACTED : value,
    ]),
  )
}
