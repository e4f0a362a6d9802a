/** A PATCH that names nothing to change: a mistake of the caller, and no row of the audit. Pure. */
import { isJsonObject } from '@lockgate/protocol/bytes'

/** A reason alone is none, and neither is an empty object of settings. */
export function isChangeOfNothing(body: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(body).every(
    ([name, value]) => name === 'reason' || value === undefined || isEmptyObject(value),
  )
}

function isEmptyObject(value: unknown): boolean {
  return isJsonObject(value) && Object.keys(value).length === 0
}

export const NOTHING_TEXT = 'Name what to change.'
