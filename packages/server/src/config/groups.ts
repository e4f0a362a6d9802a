/**
 * Groups of keys in the lists of the file, read by tables of rows. Pure but for the given
 * `readFile`. What is refused is filled with a placeholder and marked in the review, so that every
 * other problem is still found.
 */
import { type DocumentNode, plainOf } from './document.ts'
import type { LayerContext } from './layers.ts'
import { showName, suggest } from './problem.ts'
import { isSecret, secretFileKey } from './schema.ts'
import { readSecretFile } from './secrets.ts'
import { defaultOf, type Setting, type SettingValue } from './settings.ts'
import { parseValue } from './values.ts'

/** A group of keys in the file with its path, such as `tenants[0].apps[1]`. */
export interface Group {
  readonly path: string
  readonly entries: ReadonlyMap<string, DocumentNode>
}

export interface GroupContext extends LayerContext {
  readonly fileName: string
}

/** One row with the key it is for. */
interface Field {
  readonly name: string
  readonly row: Setting
}

/** What the rows of a table read into. */
export type FieldsOf<T extends Record<string, Setting>> = {
  readonly [K in keyof T]: FieldOf<T[K]>
}

type FieldOf<T extends Setting> = T extends { isOptional: true }
  ? string | undefined
  : T extends { type: 'choice'; values: readonly (infer V)[] }
    ? V
    : T extends { type: 'integer' }
      ? number
      : T extends { type: 'boolean' }
        ? boolean
        : T extends { type: 'list'; default: undefined }
          ? readonly string[] | undefined
          : T extends { type: 'list' }
            ? readonly string[]
            : string

/** @returns every key the rows are read from: a secret is also read from a file. */
export function keysOf(rows: Readonly<Record<string, Setting>>): readonly string[] {
  return Object.entries(rows).flatMap(([name, row]) =>
    isSecret(row) ? [name, secretFileKey(name)] : [name],
  )
}

/** Reads one field for each row; absent ones get their default, refused ones a placeholder. */
export function readFields<T extends Record<string, Setting>>(
  group: Group,
  rows: T,
  context: GroupContext,
): FieldsOf<T> {
  const values = Object.entries(rows).map(
    ([name, row]) => [name, readField(group, { name, row }, context)] as const,
  )
  return Object.fromEntries(values) as FieldsOf<T>
}

function readField(group: Group, field: Field, context: GroupContext): SettingValue | undefined {
  const { review, folder } = context
  const { name, row } = field
  const path = `${group.path}.${name}`
  const fallback = defaultOf(row, 'development')
  const placeholder = fallback ?? (isOptional(row) ? undefined : '')
  const file = isSecret(row) ? group.entries.get(secretFileKey(name)) : undefined
  const node = file ?? group.entries.get(name)
  if (node === undefined) {
    review.place(path, review.whereOf(group.path))
    if (placeholder !== '' || fallback === '') return placeholder
    const next = isSecret(row) ? `give \`${name}\` or \`${secretFileKey(name)}\`` : 'give it'
    review.object(path, { what: `\`${name}\` is missing`, next: `${next}: ${row.does}` })
    return placeholder
  }
  const given = node === file ? secretFileKey(name) : name
  review.place(path, `${context.fileName}:${node.line} ${group.path}.${given}`)
  if (file !== undefined && group.entries.has(name)) {
    const what = `\`${name}\` and \`${secretFileKey(name)}\` are both given`
    review.object(path, { what, next: 'remove one of them' })
    return placeholder
  }
  const read = file === undefined ? undefined : readSecretFile(plainOf(file), context)
  if (read?.ok === false) {
    review.object(path, read.objection)
    return placeholder
  }
  const parsed = parseValue(row, read?.text ?? plainOf(node), { isText: false, folder })
  if (parsed.ok) return parsed.value
  for (const objection of parsed.objections) review.object(path, objection)
  return placeholder
}

function isOptional(row: Setting): boolean {
  return (row.type === 'text' && row.isOptional === true) || row.type === 'list'
}

/**
 * Reads every entry of a list.
 * @param node undefined when the key is absent, which is an empty list.
 */
export function readList<T extends object>(
  { node, path }: { readonly node: DocumentNode | undefined; readonly path: string },
  context: GroupContext,
  read: (group: Group) => T,
): readonly T[] {
  if (node === undefined) return []
  const where = `${context.fileName}:${node.line} ${path}`
  context.review.place(path, where)
  if (node.kind !== 'list') {
    context.review.object(path, { what: 'this is not a list', next: 'start each entry with `- `' })
    return []
  }
  return node.items.flatMap((item, index) => {
    const group = `${path}[${index}]`
    const place = `${context.fileName}:${item.line} ${group}`
    context.review.place(group, place)
    if (item.kind === 'map') {
      return [context.review.locate(read({ path: group, entries: item.entries }), group)]
    }
    const next = 'give keys and values, see docs/config.example.yaml'
    context.review.report({ where: place, what: 'this entry is not a group of keys', next })
    return []
  })
}

/** Reports a list that is longer than its bound. @returns the list. */
export function bounded<T>(
  list: readonly T[],
  { path, countMax }: { readonly path: string; readonly countMax: number },
  { review }: GroupContext,
): readonly T[] {
  if (list.length > countMax) {
    const what = `there are more than ${countMax} entries`
    review.object(path, { what, next: 'remove those that are no longer used' })
  }
  return list
}

/** Reports every key of a group that is not among `known`. */
export function refuseUnknown(group: Group, known: readonly string[], context: GroupContext): void {
  for (const [name, node] of group.entries) {
    if (known.includes(name) || context.review.isFull) continue
    const where = `${context.fileName}:${node.line} ${group.path}.${showName(name)}`
    const next = suggest(name, known, 'docs/config.md lists every key')
    context.review.report({ where, what: 'this key is not known', next })
  }
}
