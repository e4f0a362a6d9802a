/** How help and the reference describe the flag of a field. Pure. */
import { APP_SETTINGS } from '../../config/app-schema.ts'
import { durationText } from './duration.ts'
import type { Field } from './field.ts'

const PLACEHOLDERS: Readonly<Record<Exclude<Field['kind'], 'boolean'>, string>> = {
  text: '<text>',
  integer: '<number>',
  number: '<number>',
  choice: '<choice>',
  list: '<text>',
  json: '<json>',
  duration: '<duration>',
  time: '<time>',
  secret: '<file>',
}
const HINTS: Readonly<Partial<Record<Field['kind'], string>>> = {
  list: 'Can be given several times; together they are the whole list.',
  json: 'JSON, or @ and the name of a file with JSON.',
  duration: 'As 1h, 30m, 7d or seconds.',
  time: 'As 2027-01-31T12:00:00Z.',
  secret: 'From a file, or - for standard input; never an argument.',
}

/** `--overlap <duration>`; a switch is the name alone. */
export function flagTerm({ flag, kind }: Field): string {
  return kind === 'boolean' ? `--${flag}` : `--${flag} ${PLACEHOLDERS[kind]}`
}

/** Whether `--no-FLAG` says something: a switch is off, a list is empty, a value is not set. */
export function hasOpposite({ kind, isEmptyAllowed, isNullable }: Field): boolean {
  return kind === 'boolean' || (kind === 'list' && isEmptyAllowed) || isNullable
}

/** @returns what the flag is for; the words of a choice stand with its name. */
export function flagText(field: Field): string {
  const { flag, kind, isRequired } = field
  // The table says what `null` means; here it is written as the flag that sends it.
  const text = purpose(field).replace(/\bnull: /, `--no-${flag}: `)
  const required = isRequired ? '(required)' : ''
  return [text, HINTS[kind], boundsOf(field), oppositeText(field, text), required]
    .filter((part) => part !== undefined && part !== '')
    .join(' ')
}

function oppositeText(field: Field, text: string): string {
  const { flag, isNullable } = field
  if (text.includes(`--no-${flag}: `)) return ''
  if (isNullable) return `--no-${flag}: as if it were not set.`
  return field.kind === 'list' && field.isEmptyAllowed ? `--no-${flag}: none at all.` : ''
}

/** The settings of an app are described where the configuration describes them. */
function purpose({ text, path: [group, name] }: Field): string {
  if (text !== '' || group !== 'settings' || name === undefined) return text
  const rows: Readonly<Record<string, { readonly does: string }>> = APP_SETTINGS
  return rows[name]?.does.replaceAll('`', '') ?? ''
}

/** @returns `1s to 10m.`, in the unit of the flag; empty where there is nothing to say. */
export function boundsOf({ kind, min, max, perSecond }: Field): string {
  if (kind !== 'integer' && kind !== 'number' && kind !== 'duration') return ''
  const show = (value: number): string =>
    kind === 'duration' ? durationText(value / perSecond) : String(value)
  if (min !== undefined && max !== undefined) return `${show(min)} to ${show(max)}.`
  if (max !== undefined) return `At most ${show(max)}.`
  return min === undefined || min <= 0 ? '' : `At least ${show(min)}.`
}
