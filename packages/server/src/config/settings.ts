/**
 * What a row of the configuration table can be, and the names that follow from its key.
 * Pure. The rows themselves are in `schema.ts` and `app-schema.ts`.
 */
import type { ListenAddress, NoListener } from './listen-config.ts'

/** One sentence each: what the setting does, and what its bound or default prevents. */
interface Wording {
  readonly does: string
  readonly prevents: string
}

export interface IntegerSetting extends Wording {
  readonly type: 'integer'
  readonly unit:
    | 'ms'
    | 'seconds'
    | 'days'
    | 'bytes'
    | 'count'
    | 'percent'
    | 'per second'
    | 'per minute'
  readonly min: number
  readonly max: number
  /** Undefined: a declaration has to give one. */
  readonly default: number | undefined
}

export interface BooleanSetting extends Wording {
  readonly type: 'boolean'
  /** One value, or one per mode. */
  readonly default: boolean | { readonly development: boolean; readonly production: boolean }
}

export interface ChoiceSetting<V extends string = string> extends Wording {
  readonly type: 'choice'
  readonly values: readonly V[]
  /** Undefined: a declaration has to give one. */
  readonly default: V | undefined
}

/** `host:port`, read into a {@link ListenAddress}. */
export interface AddressSetting extends Wording {
  readonly type: 'address'
  readonly default: string
  /** `none` is taken too. */
  readonly canBeNone?: true
}

/** Made absolute against the folder of the file that names it, else the working directory. */
export interface PathSetting extends Wording {
  readonly type: 'path'
  readonly default: string | undefined
}

export interface TextSetting extends Wording {
  readonly type: 'text'
  /** What the pattern asks for, in words, after "must be". */
  readonly shape: string
  readonly pattern: RegExp
  readonly default: string | undefined
  /** Printed as `***`; also read from a file; never a flag, because arguments are public. */
  readonly isSecret?: true
  /** In a declaration: may be left out, although there is no default. */
  readonly isOptional?: true
}

/** An absolute URL in the one spelling that every reader of it agrees on. */
export interface UrlSetting extends Wording {
  readonly type: 'url'
  /** `base`: http or https, no query. `secure`: https, or http to this machine itself. */
  readonly of: 'base' | 'secure'
  readonly default: undefined
}

/** The check of each entry is in `lists.ts`. */
export interface ListSetting extends Wording {
  readonly type: 'list'
  readonly of: ListKind
  readonly countMax: number
  /** Undefined: the key is optional, and leaving it out is not the same as an empty list. */
  readonly default: readonly string[] | undefined
}

/**
 * `networks`: IP addresses and CIDR blocks. `words`: a program and its arguments. `events`: what
 * webhooks can tell. `app limits`: those that do not belong to the installation alone.
 * `addresses`: of e-mail. `destinations`: where alerts go. `scopes`: what API keys may do.
 * `bridges`: topics and channels that are one. `retention`: channels and how long they keep.
 * `document regions`: codes and URLs. `rule actions`: what rules are for. `user patterns`: user
 * names with `*` in them. `paths`: what URLs begin with.
 */
export type ListKind =
  | 'origins'
  | 'networks'
  | 'domains'
  | 'scopes'
  | 'audiences'
  | 'words'
  | 'roles'
  | 'bridges'
  | 'retention'
  | 'document regions'
  | 'events'
  | 'limits'
  | 'app limits'
  | 'addresses'
  | 'destinations'
  | 'rule actions'
  | 'user patterns'
  | 'paths'

export type Setting =
  | IntegerSetting
  | BooleanSetting
  | ChoiceSetting
  | AddressSetting
  | PathSetting
  | TextSetting
  | UrlSetting
  | ListSetting

/** A value that passed its row. */
export type SettingValue = string | number | boolean | ListenAddress | readonly string[]

/** The row types that can produce a value of type `V`; ties the table to `Config`. */
export type SettingFor<V> = [V] extends [boolean]
  ? BooleanSetting
  : [V] extends [number]
    ? IntegerSetting & { readonly default: number }
    : [V] extends [ListenAddress | NoListener]
      ? AddressSetting &
          (NoListener extends V ? { readonly canBeNone: true } : { readonly canBeNone?: never })
      : [V] extends [readonly string[]]
        ? ListSetting
        : [V] extends [string]
          ? string extends V
            ? TextSetting | PathSetting | UrlSetting
            : ChoiceSetting<V> & { readonly default: V }
          : never

const kebab = (key: string): string =>
  key.replaceAll('.', '-').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** @returns `LOCKGATE_LISTEN_HTTP` for `listen.http`. */
export function environmentName(key: string): string {
  return `LOCKGATE_${kebab(key).replaceAll('-', '_').toUpperCase()}`
}

/** @returns `listen-http` for `listen.http`, without the two dashes. */
export function flagName(key: string): string {
  return kebab(key)
}

/** @returns the default as the configuration file would spell it; undefined when there is none. */
export function defaultOf(
  setting: Setting,
  mode: 'development' | 'production',
): string | number | boolean | readonly string[] | undefined {
  if (setting.type === 'boolean' && typeof setting.default === 'object') {
    return setting.default[mode]
  }
  return setting.default as string | number | boolean | readonly string[] | undefined
}

/** @returns the type, unit and range in words, for the documentation and the help. */
export function shapeOf(setting: Setting): string {
  switch (setting.type) {
    case 'integer':
      return `${setting.unit}, ${setting.min} to ${setting.max}`
    case 'boolean':
      return '`true` or `false`'
    case 'choice':
      return setting.values.map((value) => `\`${value}\``).join(' or ')
    case 'address':
      return setting.canBeNone ? 'address, `host:port`, or `none`' : 'address, `host:port`'
    case 'path':
      return 'path'
    case 'text':
      return setting.shape
    case 'url':
      return setting.of === 'base' ? 'URL' : 'https URL'
    case 'list':
      return `list of ${setting.of}, at most ${setting.countMax}`
  }
}

/** Freezes a tree of plain objects and lists in place. @returns the same tree. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const each of Object.values(value)) deepFreeze(each)
  return Object.freeze(value)
}
