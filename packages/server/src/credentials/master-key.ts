/**
 * The master key: the one secret that opens all sealed ones. Versioned, so that a new version can
 * seal while the old ones still open. Pure; the file is read by `adapters/master-key-file`.
 */
import { createSecretKey, type KeyObject } from 'node:crypto'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Random } from '../ports/random.ts'

export const MASTER_KEY_BYTES = 32

/** Lives in memory only. Key objects print without their content. */
export interface MasterKey {
  /** The version that seals; the highest. */
  readonly currentVersion: number
  /** Every version that opens, from 1. */
  readonly versions: ReadonlyMap<number, KeyObject>
}

export type MasterKeyRefusal = 'malformed'

/** Why a file of versions is not changed. */
export type MasterKeyChangeRefusal = MasterKeyRefusal | 'too_many_versions' | 'unknown_version'

/** First line of the file; the number is that of the format. */
const HEADER = 'lockgate-master-key 1'
const VERSION_MAX = 0xffff_ffff
/** Our bound on the versions of one file. */
const VERSION_COUNT_MAX = 64
const BASE64_32_BYTES = /^[A-Za-z0-9+/]{43}=$/

/**
 * Reads a key from the configuration or a command: a single one becomes version 1, and the text of
 * a master key file is read with all its versions.
 * @param text the file, or standard base64 of 32 bytes, padded; trusted, but may be mistyped.
 */
export function parseMasterKey(text: string): Result<MasterKey, MasterKeyRefusal> {
  if (isFile(text)) return parseMasterKeyFile(text)
  const key = readKey(text.trim())
  if (key === undefined)
    return refuse('malformed', 'the master key must be base64 of 32 bytes: 44 characters')
  return ok({ currentVersion: 1, versions: new Map([[1, key]]) })
}

/**
 * Reads the text of a master key file: a header, then `<version> <base64>` lines, rising versions.
 * Empty lines and lines that begin with `#` are left out.
 */
export function parseMasterKeyFile(text: string): Result<MasterKey, MasterKeyRefusal> {
  const [header, ...lines] = text.split(/\r?\n/).filter((line) => line !== '' && line[0] !== '#')
  if (header !== HEADER) return malformed(`it does not begin with "${HEADER}"`)
  if (lines.length === 0 || lines.length > VERSION_COUNT_MAX)
    return malformed(`it must hold 1 to ${VERSION_COUNT_MAX} versions`)
  const versions = new Map<number, KeyObject>()
  let currentVersion = 0
  for (const line of lines) {
    const [number = '', base64 = '', ...rest] = line.split(' ')
    const version = /^[1-9]\d{0,9}$/.test(number) ? Number(number) : 0
    const key = readKey(base64)
    if (rest.length > 0 || key === undefined || version > VERSION_MAX || version <= currentVersion)
      return malformed('a line is not "<version> <base64 of 32 bytes>" with a rising version')
    versions.set(version, key)
    currentVersion = version
  }
  return ok({ currentVersion, versions })
}

/** @returns the text of a new master key file with one random version. */
export function createMasterKeyFile(random: Random): string {
  return fileOf(randomKey(random))
}

/**
 * @param text a master key file, or a single key, which then becomes version 1 of a file.
 * @returns the text with one more random version, which will seal; every other line is kept.
 */
export function rotateMasterKeyFile(
  text: string,
  random: Random,
): Result<string, MasterKeyChangeRefusal> {
  const parsed = parseMasterKey(text)
  if (!parsed.ok) return parsed
  const { currentVersion, versions } = parsed.value
  if (versions.size >= VERSION_COUNT_MAX || currentVersion >= VERSION_MAX)
    return refuse('too_many_versions', 'retire the versions that nothing is sealed under any more')
  const file = isFile(text) ? text : fileOf(text.trim())
  const lineEnd = file.includes('\r\n') ? '\r\n' : '\n'
  const whole = file.endsWith('\n') ? file : `${file}${lineEnd}`
  return ok(`${whole}${currentVersion + 1} ${randomKey(random)}${lineEnd}`)
}

/**
 * Takes out every version before `keep`. What is sealed under them can then never be opened again,
 * so seal it anew first.
 * @param text a master key file, or a single key.
 * @returns the text without those lines; every other line is kept.
 */
export function retireMasterKeyVersions(
  text: string,
  keep: number,
): Result<string, MasterKeyChangeRefusal> {
  const parsed = parseMasterKey(text)
  if (!parsed.ok) return parsed
  if (!parsed.value.versions.has(keep))
    return refuse('unknown_version', 'name a version that the master key file holds')
  if (!isFile(text)) return ok(text)
  const isRetired = (line: string): boolean => /^\d/.test(line) && Number.parseInt(line, 10) < keep
  const lines = text.split(/(?<=\n)/)
  return ok(lines.filter((line) => !isRetired(line)).join(''))
}

function fileOf(base64: string): string {
  return [
    HEADER,
    '# Opens every sealed secret in this data directory. Back it up apart from the database,',
    '# show it to nobody, and never change a line.',
    `1 ${base64}`,
    '',
  ].join('\n')
}

function randomKey(random: Random): string {
  return Buffer.from(random.bytes(MASTER_KEY_BYTES)).toString('base64')
}

/** Whether the text is meant as a file with versions: no base64 holds a space or a `#`. */
function isFile(text: string): boolean {
  return /[ #]/.test(text.trim())
}

/** The refusal never quotes the text: it may be most of a key. */
function malformed(why: string) {
  return refuse('malformed', `the master key file is not readable: ${why}`)
}

function readKey(base64: string): KeyObject | undefined {
  return BASE64_32_BYTES.test(base64) ? createSecretKey(base64, 'base64') : undefined
}
