/** One value of an answer as a person reads it on one line. Pure. */
import { durationText } from '../duration.ts'
import { label, printable } from './text.ts'

export type Fields = Readonly<Record<string, unknown>>

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isFieldsList(value: unknown): value is readonly Fields[] {
  return Array.isArray(value) && value.length > 0 && value.every(isFields)
}

const NOTHING = '-'

/** @param name of the field; its unit is written with the value, as labels leave it out. */
export function fieldLine(name: string, value: unknown): string {
  if (typeof value !== 'number') return lineOf(value)
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
  const parts = Object.entries(value).map(
    ([name, each]) => `${label(name)} ${fieldLine(name, each)}`,
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
