/** The fields of an operation as a command line takes them, read from its schemas. Pure. */
import type { ObjectSchema } from '@lockgate/admin-api/operation'
import { z } from 'zod'
import { SECRET_NAME } from './secret-name.ts'

/** What follows a flag. `secret` is never an argument: its flag names a file. */
export type FieldKind =
  | 'text'
  | 'integer'
  | 'number'
  | 'boolean'
  | 'choice'
  | 'list'
  | 'json'
  | 'duration'
  | 'time'
  | 'secret'

export interface Field {
  readonly where: 'parameters' | 'body'
  /** From the body or the parameters to the value. */
  readonly path: readonly string[]
  /** Without dashes, in kebab case. */
  readonly flag: string
  readonly kind: FieldKind
  /** Of a duration: what one second is in the field. */
  readonly perSecond: number
  /** What the value, or each value of a list, is one of; empty: anything. */
  readonly choices: readonly string[]
  /** Of a number, in the unit of the field. */
  readonly min: number | undefined
  readonly max: number | undefined
  readonly isRequired: boolean
  /** Of a list: whether it may hold nothing. */
  readonly isEmptyAllowed: boolean
  /** Whether `null` means something. */
  readonly isNullable: boolean
  /** One sentence or empty. */
  readonly text: string
}

/** The part of JSON Schema that is looked at here. */
interface Schema {
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly writeOnly?: boolean
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
}

/** @returns every field of parameters and body, nested ones after the field they are in. */
export function fieldsOf(operation: {
  readonly parameters: ObjectSchema
  readonly body: ObjectSchema | undefined
}): Field[] {
  const read = (schema: ObjectSchema, where: Field['where']): Field[] =>
    fieldsIn(jsonSchemaOf(schema), { where, path: [], isRequired: true })
  const { parameters, body } = operation
  return [...read(parameters, 'parameters'), ...(body === undefined ? [] : read(body, 'body'))]
}

function jsonSchemaOf(schema: ObjectSchema): Schema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema
}

const NO_BOUND = 2_147_483_647

interface Place {
  readonly where: Field['where']
  readonly path: readonly string[]
  /** Whether everything around it is required. */
  readonly isRequired: boolean
}

function fieldsIn(schema: Schema, place: Place): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, given]) => {
    const isRequired = place.isRequired && (schema.required ?? []).includes(name)
    return fieldsAt(given, { ...place, path: [...place.path, name], isRequired })
  })
}

function fieldsAt(given: Schema, place: Place): Field[] {
  const { schema, isNullable } = withoutNull(given)
  const name = place.path.at(-1) ?? ''
  const kind = kindOf(name, schema)
  const field: Field = {
    ...place,
    flag: flagOf(place.path, kind),
    kind,
    perSecond: name.endsWith('Ms') ? 1_000 : 1,
    choices: choicesOf(schema),
    min: boundOf(schema.minimum),
    max: boundOf(schema.maximum),
    isEmptyAllowed: (schema.minItems ?? 0) === 0,
    isNullable,
    text: given.description ?? schema.description ?? '',
  }
  if (kind !== 'json' || schema.properties === undefined) return [field]
  // An object can be given whole, or field by field.
  const parts = fieldsIn(schema, place)
  return [{ ...field, isRequired: false }, ...parts]
}

/** `null` beside one other type is written in two ways. */
function withoutNull(given: Schema): { readonly schema: Schema; readonly isNullable: boolean } {
  if (typeof given.type === 'object') {
    const [only, ...more] = given.type.filter((type) => type !== 'null')
    const isNullable = given.type.includes('null')
    return only === undefined || more.length > 0
      ? { schema: { ...given, type: 'any' }, isNullable }
      : { schema: { ...given, type: only }, isNullable }
  }
  const others = given.anyOf?.filter(({ type }) => type !== 'null') ?? []
  const isNullable = given.anyOf !== undefined && others.length < given.anyOf.length
  const [only, ...more] = others
  return { schema: only !== undefined && more.length === 0 ? only : given, isNullable }
}

function kindOf(name: string, schema: Schema): FieldKind {
  if (schema.writeOnly === true || SECRET_NAME.test(name)) return 'secret'
  switch (schema.type) {
    case 'boolean':
      return 'boolean'
    case 'integer':
      return /(?:Seconds|Ms)$/.test(name) ? 'duration' : 'integer'
    case 'number':
      return 'number'
    case 'string':
      if (choicesOf(schema).length > 0) return 'choice'
      return schema.format === 'date-time' ? 'time' : 'text'
    case 'array':
      return schema.items?.type === 'string' ? 'list' : 'json'
    default:
      return 'json'
  }
}

/** The largest numbers there are stand for no bound. */
function boundOf(value: number | undefined): number | undefined {
  return value === undefined || Math.abs(value) >= NO_BOUND ? undefined : value
}

function choicesOf(schema: Schema): readonly string[] {
  const of = schema.type === 'array' ? (schema.items ?? {}) : schema
  const values = of.enum ?? (of.const === undefined ? [] : [of.const])
  return values.filter((each) => typeof each === 'string')
}

/** `policy.overlapMaxSeconds` -> `policy-overlap-max`; `isEnabled` -> `enabled`. */
function flagOf(path: readonly string[], kind: FieldKind): string {
  const last = path.at(-1) ?? ''
  const spelled = [...path.slice(0, -1), spell(last, kind)].map(kebab).join('-')
  if (kind === 'json') return `${spelled}-json`
  return kind === 'secret' ? `${spelled}-file` : spelled
}

function spell(name: string, kind: FieldKind): string {
  if (kind === 'duration') return name.replace(/(?:Seconds|Ms)$/, '')
  if (kind === 'boolean') return name.replace(/^is(?=[A-Z])/, '')
  // A list takes one value each time it is given.
  return kind === 'list' ? name.replace(/ies$/, 'y').replace(/(?<=[^s])s$/, '') : name
}

/** `credentialId` -> `credential-id`. */
export function kebab(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase()
}
