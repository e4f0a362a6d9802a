/** One event as a line for people: when, what, whose, and its details. Pure. */
import { printable } from './text.ts'
import { isFields, lineOf } from './value.ts'

/** Where the time of day begins and ends in RFC 3339. */
const DAY_END = 19

/** @returns an event or a gap as a line; anything else as it is. */
export function eventLine(event: unknown): string {
  if (!isFields(event)) return printable(lineOf(event))
  const { at, type, appId, tenantId, details } = event
  const time = lineOf(at).replace('T', ' ').slice(0, DAY_END)
  const owner = appId === undefined ? { tenant: tenantId } : { app: appId }
  const shown = Object.entries({ ...owner, ...(isFields(details) ? details : {}) })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${wordOf(value)}`)
  return printable([time, lineOf(type), ...shown].join('  '))
}

function wordOf(value: unknown): string {
  if (isFields(value)) return Object.values(value).map(wordOf).join(':')
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
  return JSON.stringify(value)
}
