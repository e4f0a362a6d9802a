/** From what was typed to what is sent. Pure but for the given readers of files. */
import type { LooseInput } from '@lockgate/admin-api/client'
import type { Variant } from './command-spec.ts'
import { parseDuration } from './duration.ts'
import type { Field } from './field.ts'

/** What the command line gave for a flag: text, texts, `true`, or `false` after `--no-`. */
export type Given = string | readonly string[] | boolean

export interface Readers {
  /** Reads a secret from a file, or from standard input for `-`. */
  secret(name: string): Promise<ReadText>
  /** The same for text that is no secret. */
  text(name: string): Promise<ReadText>
}
export type ReadText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: string }

export type BuiltInput =
  | { readonly ok: true; readonly input: LooseInput }
  /** `problem` says which flag, and never what was given for it. */
  | { readonly ok: false; readonly problem: string }

type Parsed =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string }

/**
 * @param positionals as typed, as many as the variant has.
 * @param given by flag name.
 */
export async function buildInput(
  variant: Variant,
  typed: {
    readonly positionals: readonly string[]
    readonly given: ReadonlyMap<string, Given>
  },
  readers: Readers,
): Promise<BuiltInput> {
  const parameters: Record<string, unknown> = {}
  const body: Record<string, unknown> = { ...variant.fixed }
  const into = { parameters, body }
  for (const [index, field] of variant.positionals.entries()) {
    parameters[field.path[0] ?? ''] = typed.positionals[index]
  }
  for (const field of variant.flags) {
    const value = typed.given.get(field.flag)
    if (value === undefined) continue
    const parsed = await parseField(field, value, readers)
    if (!parsed.ok) return { ok: false, problem: `${shown(field, value)}: ${parsed.problem}` }
    put(into[field.where], field.path, parsed.value)
  }
  const missing = variant.flags.filter((field) => field.isRequired && !has(into, field))
  if (missing.length > 0) {
    const names = missing.map(({ flag }) => `--${flag}`).join(', ')
    return { ok: false, problem: `missing: ${names}` }
  }
  const hasBody = variant.operation.body !== undefined
  return { ok: true, input: { parameters, ...(hasBody ? { body } : {}) } }
}

function shown({ flag }: Field, given: Given): string {
  return given === false ? `--no-${flag}` : `--${flag}`
}

async function parseField(field: Field, given: Given, readers: Readers): Promise<Parsed> {
  if (field.kind === 'boolean') return { ok: true, value: given !== false }
  if (given === false) {
    const isList = field.kind === 'list' && !field.isNullable
    return { ok: true, value: isList ? [] : null }
  }
  if (typeof given === 'boolean') return { ok: false, problem: 'needs a value' }
  if (typeof given !== 'string') return parseList(field, given)
  return parseText(field, given, readers)
}

function parseList({ choices }: Field, given: readonly string[]): Parsed {
  const isKnown = choices.length === 0 || given.every((each) => choices.includes(each))
  return isKnown ? { ok: true, value: given } : { ok: false, problem: oneOf(choices) }
}

async function parseText(field: Field, text: string, readers: Readers): Promise<Parsed> {
  switch (field.kind) {
    case 'text':
      return { ok: true, value: text }
    case 'choice': {
      const isKnown = field.choices.includes(text)
      return isKnown ? { ok: true, value: text } : { ok: false, problem: oneOf(field.choices) }
    }
    case 'list':
      return parseList(field, [text])
    case 'integer':
    case 'number':
      return parseNumber(field, text)
    case 'duration': {
      const seconds = parseDuration(text)
      return seconds === undefined
        ? { ok: false, problem: 'use 1h, 30m, 90s, 7d or seconds' }
        : { ok: true, value: seconds * field.perSecond }
    }
    case 'time':
      return TIME.test(text) && !Number.isNaN(Date.parse(text))
        ? { ok: true, value: text }
        : { ok: false, problem: 'use a time such as 2027-01-31T12:00:00Z' }
    case 'json':
      return parseJson(text, readers)
    case 'secret': {
      const read = await readers.secret(text)
      return read.ok ? { ok: true, value: read.text } : { ok: false, problem: read.why }
    }
    case 'boolean':
      return { ok: false, problem: 'takes no value' }
  }
}

/** RFC 3339 §5.6. */
const TIME = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/

function parseNumber({ kind }: Field, text: string): Parsed {
  const isNumber = /^-?\d{1,15}(?:\.\d{1,15})?$/.test(text)
  const isFit = isNumber && (kind === 'number' || !text.includes('.'))
  if (isFit) return { ok: true, value: Number(text) }
  return { ok: false, problem: kind === 'integer' ? 'use a whole number' : 'use a number' }
}

async function parseJson(text: string, readers: Readers): Promise<Parsed> {
  const isFile = text.startsWith('@')
  const read: ReadText = isFile ? await readers.text(text.slice(1)) : { ok: true, text }
  if (!read.ok) return { ok: false, problem: read.why }
  try {
    return { ok: true, value: JSON.parse(read.text) as unknown }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return { ok: false, problem: 'use JSON, or @ and the name of a file with JSON' }
  }
}

function oneOf(choices: readonly string[]): string {
  return `use ${choices.join(', ')}`
}

/** Field by field on top of an object that was given whole, which comes first in the table. */
function put(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path
  if (rest.length === 0) {
    target[name] = value
    return
  }
  const inner = target[name]
  const isObject = typeof inner === 'object' && inner !== null && !Array.isArray(inner)
  const next = isObject ? { ...inner } : {}
  put(next, rest, value)
  target[name] = next
}

function has(
  into: Readonly<Record<Field['where'], Readonly<Record<string, unknown>>>>,
  { where, path }: Field,
): boolean {
  let value: unknown = into[where]
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return false
    value = (value as Readonly<Record<string, unknown>>)[name]
  }
  return value !== undefined
}
