/**
 * The layers of the top-level settings: file, environment, flags. Each is checked whole, also where
 * a later layer wins. Pure but for the given `readFile`.
 */
import { resolve } from 'node:path'
import { type DocumentNode, plainOf } from './document.ts'
import { type Objection, type Review, showName, suggest } from './problem.ts'
import { isSecret, namesOf, SECTIONS, SETTING_ROWS, SETTINGS } from './schema.ts'
import { secretFileKey, type SettingKey } from './schema.ts'
import { type ReadFile, readSecretFile } from './secrets.ts'
import type { SettingValue } from './settings.ts'
import { type Origin, parseValue } from './values.ts'

/** What one layer gave, checked. `masterKeyFile` is empty where the key was given as a value. */
export type Layer = Map<SettingKey | 'masterKeyFile', SettingValue>

export interface LayerContext {
  readonly review: Review
  readonly readFile: ReadFile
  /** Absolute; relative paths of this layer start here. */
  readonly folder: string
}

/** The signing secrets the environment gives, by the public key in the spelling of the variable. */
export type SigningSecrets = Map<string, { readonly secret: string; readonly name: string }>

/**
 * Variables of the program itself: the file to read, the process that started this one, and where
 * and as whom the commands of the administration speak.
 */
export const RESERVED_VARIABLES: readonly string[] = [
  'LOCKGATE_CONFIG',
  'LOCKGATE_LAUNCHER_PID',
  'LOCKGATE_URL',
  'LOCKGATE_OPERATOR_KEY',
  'LOCKGATE_OPERATOR_KEY_FILE',
]

const SIGNING_SECRET = /^LOCKGATE_KEY_(.+)_SECRET(_FILE)?$/
/** What container platforms put into the environment for a service that is called `lockgate`. */
const SERVICE_LINK = /^LOCKGATE_(?:\w+_)?(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT(?:_\d+_\w+)?)$/
const SERVICE_LINK_VALUE = /^(?:(?:tcp|udp|sctp):\/\/\S+|tcp|udp|sctp|[\d.]+|[0-9a-f:]+)$/i

const FILE_KEYS: readonly string[] = [
  ...SETTING_ROWS.map(([key]) => key),
  ...SETTING_ROWS.filter(([, row]) => isSecret(row)).map(([key]) => secretFileKey(key)),
  ...SECTIONS,
]
const SECTION_KEYS: ReadonlySet<string> = new Set(SECTIONS)
const GROUPS: ReadonlySet<string> = new Set(
  FILE_KEYS.filter((key) => key.includes('.')).map((key) => key.slice(0, key.indexOf('.'))),
)

/** @returns the variable that gives the secret of a public app key: `LOCKGATE_KEY_<KEY>_SECRET`. */
export function signingSecretName(key: string): string {
  return `LOCKGATE_KEY_${foldKey(key)}_SECRET`
}

/** @returns the key as variables spell it: uppercase, `_` for `-`. */
export function foldKey(key: string): string {
  return key.toUpperCase().replaceAll('-', '_')
}

/** Reads every key of the file but the sections. */
export function readFileLayer(
  root: DocumentNode | undefined,
  fileName: string,
  context: LayerContext,
): Layer {
  const layer: Layer = new Map()
  if (root === undefined) return layer
  if (root.kind !== 'map') {
    const what = 'the file does not hold keys and values'
    const where = `${fileName}:${root.line}`
    context.review.report({ where, what, next: 'see docs/config.example.yaml' })
    return layer
  }
  const walk = (entries: ReadonlyMap<string, DocumentNode>, prefix: string): void => {
    for (const [name, node] of entries) {
      const key = `${prefix}${name}`
      const where = `${fileName}:${node.line} ${showName(key)}`
      if (SECTION_KEYS.has(key) || context.review.isFull) continue
      if (prefix === '' && GROUPS.has(name)) {
        if (node.kind === 'map') walk(node.entries, `${name}.`)
        else context.review.report({ where, what: 'this is a group of keys', next: 'indent them' })
      } else if (FILE_KEYS.includes(key)) {
        take({ layer, key, where, raw: plainOf(node), isText: false }, context)
      } else {
        const next = suggest(key, FILE_KEYS, 'docs/config.md lists every key')
        context.review.report({ where, what: 'this key is not known', next })
      }
    }
  }
  walk(root.entries, '')
  return layer
}

/** Reads every `LOCKGATE_` variable; the signing secrets go into a map of their own. */
export function readEnvironmentLayer(
  environment: Readonly<Record<string, string | undefined>>,
  context: LayerContext,
): { readonly layer: Layer; readonly signingSecrets: SigningSecrets } {
  const layer: Layer = new Map()
  const signingSecrets: SigningSecrets = new Map()
  const keys = new Map<string, string>()
  for (const [key] of SETTING_ROWS) {
    const names = namesOf(key)
    keys.set(names.environment, key)
    if (names.environmentFile !== undefined) keys.set(names.environmentFile, secretFileKey(key))
  }
  for (const [name, raw] of Object.entries(environment)) {
    if (raw === undefined || !name.startsWith('LOCKGATE_')) continue
    const key = keys.get(name)
    if (RESERVED_VARIABLES.includes(name)) continue
    if (key !== undefined) take({ layer, key, where: name, raw, isText: true }, context)
    else if (SIGNING_SECRET.test(name)) takeSigningSecret(signingSecrets, { name, raw }, context)
    else if (!(SERVICE_LINK.test(name) && SERVICE_LINK_VALUE.test(raw))) {
      const next = suggest(name, [...keys.keys()], 'docs/config.md lists every variable')
      context.review.report({ where: showName(name), what: 'this variable is not known', next })
    }
  }
  return { layer, signingSecrets }
}

/** Reads the flags, by their names without the dashes; `true` stands for a flag without a value. */
export function readFlagLayer(
  flags: Readonly<Record<string, string | boolean>>,
  context: LayerContext,
): Layer {
  const layer: Layer = new Map()
  const keys = new Map<string, string>()
  for (const [key] of SETTING_ROWS) {
    const { flag, flagFile } = namesOf(key)
    if (flag !== undefined) keys.set(flag, key)
    if (flagFile !== undefined) keys.set(flagFile, secretFileKey(key))
  }
  for (const [name, value] of Object.entries(flags)) {
    const key = keys.get(name)
    const where = `--${showName(name)}`
    if (key !== undefined) take({ layer, key, where, raw: String(value), isText: true }, context)
    else {
      const next = suggest(name, [...keys.keys()], 'see `lockgate serve --help`')
      context.review.report({ where, what: 'this flag is not known', next })
    }
  }
  return layer
}

interface Given {
  readonly layer: Layer
  /** A key of the table, or the key that names the file of a secret. */
  readonly key: string
  readonly where: string
  readonly raw: unknown
  readonly isText: boolean
}

function take(given: Given, context: LayerContext): void {
  const { layer, where } = given
  const { review, folder } = context
  const isRow = given.key in SETTINGS
  const key = (isRow ? given.key : given.key.replace(/File$/, '')) as SettingKey
  const refuse = (objections: readonly Objection[]): void => {
    for (const objection of objections) review.object(key, objection)
  }
  const isTwice = isSecret(SETTINGS[key]) && layer.has(key)
  review.place(key, where)
  if (isTwice) {
    const what = 'the secret is given twice, as a value and as a file'
    return refuse([{ what, next: 'remove one of them' }])
  }
  const file = isRow ? undefined : readSecretFile(given.raw, context)
  if (file?.ok === false) return refuse([file.objection])
  const origin: Origin = { isText: file !== undefined || given.isText, folder }
  const parsed = parseValue(SETTINGS[key], file === undefined ? given.raw : file.text, origin)
  if (!parsed.ok) return refuse(parsed.objections)
  layer.set(key, parsed.value)
  if (key !== 'masterKey') return
  layer.set('masterKeyFile', file === undefined ? '' : resolve(folder, String(given.raw)))
}

function takeSigningSecret(
  secrets: SigningSecrets,
  { name, raw }: { readonly name: string; readonly raw: string },
  context: LayerContext,
): void {
  const [, folded = '', suffix] = SIGNING_SECRET.exec(name) ?? []
  const file = suffix === undefined ? undefined : readSecretFile(raw, context)
  if (secrets.has(folded)) {
    const what = 'the secret is given twice, as a value and as a file'
    context.review.report({ where: name, what, next: 'remove one of them' })
  } else if (file?.ok === false) {
    context.review.report({ where: name, ...file.objection })
    secrets.set(folded, { secret: '', name })
  } else secrets.set(folded, { secret: file?.text ?? raw, name })
}
