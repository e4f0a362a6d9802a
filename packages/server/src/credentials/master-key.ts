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

/** First line of the file; the number is that of the format. */
const HEADER = 'lockgate-master-key 1'
const VERSION_MAX = 0xffff_ffff
/** Our bound on the versions of one file. */
const VERSION_COUNT_MAX = 64
const BASE64_32_BYTES = /^[A-Za-z0-9+/]{43}=$/

/**
 * A key given in the configuration becomes version 1.
 * @param text standard base64 of 32 bytes, padded; trusted, but may be mistyped.
 */
export function parseMasterKey(text: string): Result<MasterKey, MasterKeyRefusal> {
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
  const base64 = Buffer.from(random.bytes(MASTER_KEY_BYTES)).toString('base64')
  return [
    HEADER,
    '# Opens every sealed secret in this data directory. Back it up apart from the database,',
    '# show it to nobody, and never change a line.',
    `1 ${base64}`,
    '',
  ].join('\n')
}

/** The refusal never quotes the text: it may be most of a key. */
function malformed(why: string) {
  return refuse('malformed', `the master key file is not readable: ${why}`)
}

function readKey(base64: string): KeyObject | undefined {
  return BASE64_32_BYTES.test(base64) ? createSecretKey(base64, 'base64') : undefined
}
