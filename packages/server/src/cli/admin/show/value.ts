/** One value of an answer as a person reads it on one line. Pure. */
import { LIMIT_MAX } from '@lockgate/admin-api/shapes'
import { durationText } from '../duration.ts'
import { label, printable } from './text.ts'

export type Fields = Readonly<Record<string, unknown>>

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A state with what belongs to it, such as when something is due: short enough for one line. */
export function isState(value: unknown): value is Fields {
  return isFields(value) && typeof value['state'] === 'string' && value['id'] === undefined
}

export function isFieldsList(value: unknown): value is readonly Fields[] {
  return Array.isArray(value) && value.length > 0 && value.every(isFields)
}

const NOTHING = '-'

/** A moment; other names in milliseconds are lengths of time. */
const TIME_NAME = /^(?:at|until|\w+At|\w+Until)Ms$/
/** ECMA-262, 21.4.1.1: beyond it a number is no moment. */
const TIME_MS_MAX = 8.64e15

/** @param name of the field; its unit is written with the value, as labels leave it out. */
export function fieldLine(name: string, value: unknown): string {
  if (typeof value !== 'number') return lineOf(value)
  if (value === LIMIT_MAX) return 'unlimited'
  if (TIME_NAME.test(name) && Math.abs(value) <= TIME_MS_MAX) return new Date(value).toISOString()
  if (name.endsWith('Seconds')) return durationText(value)
  if (!name.endsWith('Ms')) return lineOf(value)
  return value >= 1_000 && value % 1_000 === 0 ? durationText(value / 1_000) : `${value} ms`
}

export function lineOf(value: unknown): string {
  if (value === undefined || value === null || value === '') return NOTHING
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'string') return printable(value)
  if (isFieldsList(value)) return value.map(briefOf).join(', ')
  if (Array.isArray(value)) return value.length === 0 ? NOTHING : value.map(lineOf).join(', ')
  if (isFields(value)) return fieldsLine(value)
  return JSON.stringify(value)
}

function fieldsLine(value: Fields): string {
  const parts = Object.entries(value).map(([name, each]) =>
    name === 'state' ? lineOf(each) : `${label(name)} ${fieldLine(name, each)}`,
  )
  return parts.length === 0 ? NOTHING : parts.join(', ')
}

/** Of one of several: versions by number and state, others by what names them. */
function briefOf(value: Fields): string {
  const { number, state, name, id } = value
  if (number !== undefined && state !== undefined) return `${lineOf(number)} ${lineOf(state)}`
  const named = name ?? id
  return named === undefined ? fieldsLine(value) : lineOf(named)
}
