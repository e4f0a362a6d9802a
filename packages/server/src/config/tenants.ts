/**
 * The `tenants:` section of the file. Pure but for the given `readFile`. What is refused is filled
 * with a placeholder and marked in the review, so that every other problem is still found.
 */
import { APP_FIELDS, APP_SETTINGS, SIGNING_KEY_COUNT_MAX } from './app-schema.ts'
import { SIGNING_KEY_FIELDS, TENANT_FIELDS } from './app-schema.ts'
import type { AppDeclaration, TenantDeclaration } from './config.ts'
import { type DocumentNode, plainOf } from './document.ts'
import { foldKey, type LayerContext, type SigningSecrets, signingSecretName } from './layers.ts'
import { showName, suggest } from './problem.ts'
import { readSecretFile } from './secrets.ts'
import { defaultOf, type Setting } from './settings.ts'
import { parseValue } from './values.ts'

type SigningKey = AppDeclaration['signingKeys'][number]

export interface TenantsContext extends LayerContext {
  readonly fileName: string
  readonly signingSecrets: SigningSecrets
  /** Variables already used, with the key they went to. */
  readonly used: Map<string, string>
}

/** A group of keys in the file with its path, such as `tenants[0].apps[1]`. */
interface Group {
  readonly path: string
  readonly entries: ReadonlyMap<string, DocumentNode>
}

const PAIR_KEYS = ['key', 'secret', 'secretFile']
const APP_KEYS = [...Object.keys(APP_FIELDS), ...PAIR_KEYS, 'keys', ...Object.keys(APP_SETTINGS)]

/** @returns every tenant that is declared, and reports what is wrong with them. */
export function readTenants(
  root: DocumentNode | undefined,
  context: TenantsContext,
): readonly TenantDeclaration[] {
  const node = root?.kind === 'map' ? root.entries.get('tenants') : undefined
  const tenants =
    node === undefined
      ? []
      : readList({ node, path: 'tenants' }, context, (group) => readTenant(group, context))
  for (const [folded, { name }] of context.signingSecrets) {
    if (context.used.has(folded)) continue
    const next = 'declare the key under `tenants`, or unset the variable'
    context.review.report({ where: name, what: 'no app declares a key of this name', next })
  }
  return tenants
}

function readTenant(group: Group, context: TenantsContext): TenantDeclaration {
  refuseUnknown(group, [...Object.keys(TENANT_FIELDS), 'apps'], context)
  const fields = readFields(group, TENANT_FIELDS, context)
  const node = group.entries.get('apps')
  const apps =
    node === undefined
      ? []
      : readList({ node, path: `${group.path}.apps` }, context, (app) => readApp(app, context))
  return { ...fields, id: fields.id.toLowerCase(), apps }
}

function readApp(group: Group, context: TenantsContext): AppDeclaration {
  refuseUnknown(group, APP_KEYS, context)
  const fields = readFields(group, APP_FIELDS, context)
  const signingKeys = readSigningKeys(group, context)
  return { ...fields, signingKeys, settings: readFields(group, APP_SETTINGS, context) }
}

function readSigningKeys(group: Group, context: TenantsContext): readonly SigningKey[] {
  const node = group.entries.get('keys')
  if (node === undefined) return [context.review.locate(readPair(group, context), group.path)]
  const path = `${group.path}.keys`
  context.review.place(path, `${context.fileName}:${node.line} ${path}`)
  if (PAIR_KEYS.some((key) => group.entries.has(key))) {
    const next = 'put every pair into `keys`'
    context.review.object(path, { what: '`keys` and `key` or `secret` are both given', next })
  }
  const pairs = readList({ node, path }, context, (pair) => {
    refuseUnknown(pair, PAIR_KEYS, context)
    return readPair(pair, context)
  })
  if (node.kind === 'list' && node.items.length === 0) {
    const next = 'give at least one `key` and `secret`'
    context.review.object(path, { what: 'the list is empty', next })
  }
  if (pairs.length > SIGNING_KEY_COUNT_MAX) {
    const what = `there are more than ${SIGNING_KEY_COUNT_MAX} pairs`
    context.review.object(path, { what, next: 'remove those that are no longer used' })
  }
  return pairs
}

/** The secret comes from the environment, else from `secret`, else from the file `secretFile`. */
function readPair(group: Group, context: TenantsContext): SigningKey {
  const { review, folder, signingSecrets, used } = context
  const { key } = readFields(group, { key: SIGNING_KEY_FIELDS.key }, context)
  const path = `${group.path}.secret`
  const given = group.entries.get('secret')
  const file = group.entries.get('secretFile')
  const override = key === '' ? undefined : signingSecrets.get(foldKey(key))
  const from = file ?? given
  if (from !== undefined) {
    const name = from === file ? 'secretFile' : 'secret'
    review.place(path, `${context.fileName}:${from.line} ${group.path}.${name}`)
  }
  const refuse = (what: string, next: string): SigningKey => {
    review.object(path, { what, next })
    return { key, secret: '' }
  }
  const check = (raw: unknown): SigningKey => {
    const parsed = parseValue(SIGNING_KEY_FIELDS.secret, raw, { isText: false, folder })
    if (parsed.ok && typeof parsed.value === 'string') return { key, secret: parsed.value }
    for (const objection of parsed.ok ? [] : parsed.objections) review.object(path, objection)
    return { key, secret: '' }
  }
  if (given !== undefined && file !== undefined) {
    return refuse('`secret` and `secretFile` are both given', 'remove one of them')
  }
  if (override !== undefined) {
    const other = used.get(foldKey(key))
    used.set(foldKey(key), key)
    review.place(path, override.name)
    if (other === undefined || other === key) {
      return override.secret === '' && !override.name.endsWith('_SECRET')
        ? { key, secret: '' } // The file behind it was refused already.
        : check(override.secret)
    }
    return refuse(`the keys ${other} and ${key} share this variable`, 'use `secretFile` for both')
  }
  if (file !== undefined) {
    const read = readSecretFile(plainOf(file), context)
    return read.ok ? check(read.text) : refuse(read.objection.what, read.objection.next)
  }
  if (given !== undefined) return check(plainOf(given))
  review.place(path, review.whereOf(group.path))
  const variable = `${signingSecretName(key === '' ? 'KEY' : key)}_FILE`
  return refuse('there is no secret', `give \`secret\`, \`secretFile\` or set ${variable}`)
}

/** Reads one field for each row; absent ones get their default, refused ones a placeholder. */
function readFields<T extends Record<string, Setting>>(
  group: Group,
  rows: T,
  context: TenantsContext,
): FieldsOf<T> {
  const { review, fileName, folder } = context
  const values = Object.entries(rows).map(([name, row]) => {
    const path = `${group.path}.${name}`
    const node = group.entries.get(name)
    const fallback = defaultOf(row, 'development')
    if (node === undefined) {
      review.place(path, review.whereOf(group.path))
      if (fallback === undefined) {
        review.object(path, { what: `\`${name}\` is missing`, next: `give it: ${row.does}` })
      }
      return [name, fallback ?? ''] as const
    }
    review.place(path, `${fileName}:${node.line} ${path}`)
    const parsed = parseValue(row, plainOf(node), { isText: false, folder })
    if (parsed.ok) return [name, parsed.value] as const
    for (const objection of parsed.objections) review.object(path, objection)
    return [name, fallback ?? ''] as const
  })
  return Object.fromEntries(values) as FieldsOf<T>
}

/** What the rows of a table read into. */
type FieldsOf<T extends Record<string, Setting>> = {
  readonly [K in keyof T]: T[K] extends { type: 'choice'; values: readonly (infer V)[] }
    ? V
    : T[K] extends { type: 'integer' }
      ? number
      : T[K] extends { type: 'boolean' }
        ? boolean
        : T[K] extends { type: 'origins' }
          ? readonly string[]
          : string
}

function readList<T extends object>(
  { node, path }: { readonly node: DocumentNode; readonly path: string },
  context: TenantsContext,
  read: (group: Group) => T,
): readonly T[] {
  const where = `${context.fileName}:${node.line} ${path}`
  if (node.kind !== 'list') {
    context.review.report({ where, what: 'this is not a list', next: 'start each entry with `- `' })
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

function refuseUnknown(group: Group, known: readonly string[], context: TenantsContext): void {
  for (const [name, node] of group.entries) {
    if (known.includes(name) || context.review.isFull) continue
    const where = `${context.fileName}:${node.line} ${group.path}.${showName(name)}`
    const next = suggest(name, known, 'docs/config.md lists every key')
    context.review.report({ where, what: 'this key is not known', next })
  }
}
