/**
 * Checks one value against its row. Pure. Values come typed from the file, and as text from the
 * environment and the flags. No objection quotes the value.
 */
import { resolve } from 'node:path'
import type { ListenAddress, NoListener } from './listen-config.ts'
import { parseList, splitList } from './lists.ts'
import type { Objection } from './problem.ts'
import {
  type AddressSetting,
  type ListSetting,
  type Setting,
  type SettingValue,
  shapeOf,
} from './settings.ts'
import { objectToUrl } from './urls.ts'

export type Parsed =
  | { readonly ok: true; readonly value: SettingValue }
  | { readonly ok: false; readonly objections: readonly Objection[] }

export interface Origin {
  /** The value is text that may stand for a number or a boolean. */
  readonly isText: boolean
  /** Absolute; relative paths start here. */
  readonly folder: string
}

const NUMBER = /^-?\d{1,15}$/
const HOST = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})$/
const PORT_MAX = 65_535
const NO_LISTENER: NoListener = 'none'
const PATH_CHARACTERS_MAX = 4_096

/** @returns the value in the type of the row, or every objection to it. */
export function parseValue(setting: Setting, raw: unknown, origin: Origin): Parsed {
  if (raw === null || raw === undefined) {
    return reject('there is no value', 'give one, or remove the key to get the default')
  }
  switch (setting.type) {
    case 'integer': {
      const value = origin.isText && typeof raw === 'string' && NUMBER.test(raw) ? Number(raw) : raw
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
        return wrongType(raw, 'a whole number without quotes or unit', origin)
      }
      if (value >= setting.min && value <= setting.max) return accept(value)
      return reject('the number is out of range', `use ${shapeOf(setting)}`)
    }
    case 'boolean': {
      const value = origin.isText && (raw === 'true' || raw === 'false') ? raw === 'true' : raw
      return typeof value === 'boolean' ? accept(value) : wrongType(raw, 'true or false', origin)
    }
    case 'choice':
      if (setting.values.some((value) => value === raw)) return accept(raw as string)
      return reject('this choice is not known', `use ${shapeOf(setting)}`)
    case 'address':
      if (setting.canBeNone && raw === NO_LISTENER) return accept(raw)
      return parseAddress(setting, raw, origin)
    case 'path':
      if (typeof raw !== 'string') return wrongType(raw, 'a path', origin)
      if (raw === '' || raw.length > PATH_CHARACTERS_MAX || raw.includes('\0')) {
        return reject('this is not a path', 'give a path')
      }
      return accept(resolve(origin.folder, raw))
    case 'text':
      if (typeof raw !== 'string') return wrongType(raw, `text in quotes: ${setting.shape}`, origin)
      if (setting.pattern.test(raw)) return accept(raw)
      return reject('the text does not have the right form', `use ${setting.shape}`)
    case 'url': {
      if (typeof raw !== 'string') return wrongType(raw, 'a URL', origin)
      const objection = objectToUrl(raw, setting.of)
      return objection === undefined ? accept(raw) : { ok: false, objections: [objection] }
    }
    case 'list': {
      const list = readList(setting, raw, origin)
      if (list === undefined) return wrongType(raw, `a list of ${setting.of}`, origin)
      return parseList(setting, list, origin.folder)
    }
  }
}

function readList(
  { of }: ListSetting,
  raw: unknown,
  { isText }: Origin,
): readonly unknown[] | undefined {
  if (isText && typeof raw === 'string') return splitList(raw, of)
  return Array.isArray(raw) ? raw : undefined
}

function parseAddress(setting: AddressSetting, raw: unknown, origin: Origin): Parsed {
  const example = setting.default
  if (typeof raw !== 'string') return wrongType(raw, `an address such as "${example}"`, origin)
  const split = /^(?:\[([0-9A-Fa-f:.%]{2,64})\]|([^[\]:]+)):(\d{1,5})$/.exec(raw)
  const [, v6, host, digits] = split ?? []
  const hostname = v6 ?? host ?? ''
  if (split === null || !(v6 !== undefined ? v6.includes(':') : HOST.test(hostname))) {
    const none = setting.canBeNone ? '; to listen nowhere write none' : ''
    const every = `for every interface write the host 0.0.0.0 or [::]${none}`
    return reject('this is not host and port', `use an address such as ${example}; ${every}`)
  }
  const port = Number(digits)
  if (port > PORT_MAX) return reject('the port is out of range', `use 0 to ${PORT_MAX}`)
  const address: ListenAddress = { hostname, port }
  return accept(address)
}

/** @returns the spelling that {@link parseValue} reads back. */
export function formatAddress(address: ListenAddress | NoListener): string {
  if (address === NO_LISTENER) return address
  const { hostname, port } = address
  return hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`
}

const accept = (value: SettingValue): Parsed => ({ ok: true, value })

const reject = (what: string, next: string): Parsed => ({ ok: false, objections: [{ what, next }] })

function wrongType(raw: unknown, wanted: string, origin: Origin): Parsed {
  if (origin.isText) return reject('the value has the wrong form', `use ${wanted}`)
  const given = Array.isArray(raw) ? 'a list' : typeof raw === 'object' ? 'a group' : typeof raw
  const name = given === 'string' ? 'text' : given
  return reject(`the value has the wrong type (${name})`, `use ${wanted}`)
}
