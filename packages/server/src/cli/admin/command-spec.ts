/**
 * The commands of the administration, made from the table of operations, with the shorter names
 * that people look for. Pure: what a command does is in `run.ts`.
 */
import type { Operation } from '@lockgate/admin-api/operation'
import { OPERATIONS, type OperationName } from '@lockgate/admin-api/operations'
import { type Field, fieldsOf, kebab } from './field.ts'

/** One operation behind a command. */
export interface Variant {
  readonly name: OperationName
  readonly operation: Operation
  readonly positionals: readonly Field[]
  readonly flags: readonly Field[]
  /** Fields of the body that the command itself gives. */
  readonly fixed: Readonly<Record<string, unknown>>
  /** Of a list: only items with these fields are shown, from every page of it. */
  readonly only: Readonly<Record<string, unknown>>
}

export interface CommandSpec {
  /** `['secrets', 'rotate']`. */
  readonly words: readonly string[]
  readonly summary: string
  /** One; two where the first argument may be left out: the one with it comes first. */
  readonly variants: readonly [Variant, ...Variant[]]
}

/** A page of a list means nothing where only some of its items are shown. */
export const PAGING = ['cursor', 'limit']

/** A shorter or friendlier name for an operation that has a command already. */
interface Alias {
  readonly words: string
  readonly of: OperationName
  readonly summary: string
  readonly fixed?: Readonly<Record<string, unknown>>
  readonly only?: Readonly<Record<string, unknown>>
}

const API_KEY = { kind: 'api_key' }
const ALIASES: readonly Alias[] = [
  { words: 'keys list', of: 'credentials.list', summary: 'List the API keys.', only: API_KEY },
  {
    words: 'keys create',
    of: 'credentials.create',
    summary: 'Make an API key; its value is shown this once.',
    fixed: API_KEY,
  },
  {
    words: 'keys rotate',
    of: 'credentials.rotate',
    summary: 'Give an API key a new value; the old one stays accepted for the overlap.',
  },
  {
    words: 'keys readiness',
    of: 'credentials.readiness',
    summary: 'Who still uses the old value, and whether it can be disabled.',
  },
  {
    words: 'keys revoke',
    of: 'credentials.revoke',
    summary: 'End the values of an API key for ever, with every connection that came by them.',
  },
  {
    words: 'rotate',
    of: 'credentials.rotate',
    summary: 'Give a credential a new value: short for `secrets rotate`.',
  },
]

/** @returns every command, in the order of the table, the shorter names after it. */
export function commandSpecs(): readonly CommandSpec[] {
  const own = Object.keys(OPERATIONS).map((name) => specOf(name as OperationName))
  return [...own.map(withCredentialFirst), ...ALIASES.map(aliasSpec)]
}

function specOf(name: OperationName): CommandSpec {
  const { command, summary } = OPERATIONS[name]
  return { words: command.split(' '), summary, variants: [variantOf(name, {})] }
}

function aliasSpec({ words, of, summary, ...more }: Alias): CommandSpec {
  return { words: words.split(' '), summary, variants: [variantOf(of, more)] }
}

/** `revoke CREDENTIAL` ends a credential; without one it ends users, apps and tenants. */
function withCredentialFirst(spec: CommandSpec): CommandSpec {
  const [own] = spec.variants
  if (own.name !== 'revocations.create') return spec
  const summary = 'End a credential, or close everything that rests on a user, an app or a tenant.'
  return { ...spec, summary, variants: [variantOf('credentials.revoke', {}), own] }
}

function variantOf(name: OperationName, given: Pick<Alias, 'fixed' | 'only'>): Variant {
  const operation: Operation = OPERATIONS[name]
  const { fixed = {}, only = {} } = given
  const skipped = new Set(Object.keys(only).length === 0 ? [] : PAGING)
  const names = Array.from(operation.path.matchAll(/\{(\w+)\}/g), ([, each = '']) => each)
  const fields = fieldsOf(operation)
  const isTaken = ({ where, path: [first = ''] }: Field): boolean =>
    where === 'parameters' ? names.includes(first) || skipped.has(first) : first in fixed
  return {
    name,
    operation,
    fixed,
    only,
    // Fields of the parameters come first.
    positionals: names.flatMap((each) => fields.filter(({ path }) => path[0] === each).slice(0, 1)),
    flags: fields.filter((field) => !isTaken(field)),
  }
}

/** `<credential-id>`, as help and usage errors name an argument. */
export function positionalName({ path }: Field): string {
  return kebab(path[0] ?? '')
}
