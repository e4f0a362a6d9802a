/**
 * What a keeper keeps of its tokens, and how that becomes the text in a cache: JSON, or JSON sealed
 * with AES-256-GCM under a key of the caller, bound to its place in the cache. Pure but for the
 * nonce.
 */
import { parseJsonObject } from '@lockgate/protocol/bytes'
import { decodeBase64, encodeBase64 } from './base64.ts'

export interface TokenEntry {
  readonly accessToken: string
  readonly refreshToken: string
  /**
   * How often the tokens were renewed. Orders entries: the clocks of two instances may differ.
   */
  readonly generation: number
  /** When it was asked for, by the clock of the keeper that did. */
  readonly obtainedAtMs: number
  readonly expiresAtMs: number
}

/** Our bound on each token. */
export const TOKEN_CHARACTERS_MAX = 16 * 1024
/** Random nonces allow 2^32 entries under one key: NIST SP 800-38D §8.3. */
const NONCE_BYTES = 12
const KEY_BYTES = 32
/** In base64, with its padding. */
const KEY_CHARACTERS = 44
const SEALED = 'sealed1:'
const DEPTH_MAX = 2
/** Visible ASCII: what a header can carry (RFC 6750 §2.1 allows less, RFC 6749 A.12 this). */
const TOKEN = /^[\x21-\x7e]+$/

/** Whether a value can be a token. */
export function isToken(value: unknown): value is string {
  return typeof value === 'string' && value.length <= TOKEN_CHARACTERS_MAX && TOKEN.test(value)
}

export class EntryCodec {
  readonly #keys: Promise<readonly CryptoKey[]>
  readonly #isSealing: boolean

  /**
   * @param keysBase64 of 32 bytes each, newest first: the newest seals, all of them open. None:
   * entries are kept in clear.
   */
  constructor(keysBase64: readonly string[]) {
    const keys = keysBase64.map(readKey)
    this.#isSealing = keys.length > 0
    this.#keys = Promise.all(keys.map(importKey))
  }

  /** @param place the key in the cache; a sealed entry opens nowhere else. */
  async encode(entry: TokenEntry, place: string): Promise<string> {
    const text = JSON.stringify(entry)
    const [key] = await this.#keys
    if (key === undefined) return text
    const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
    const algorithm = { name: 'AES-GCM', iv, additionalData: utf8(place) }
    const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm, key, utf8(text)))
    return SEALED + encodeBase64(Uint8Array.of(...iv, ...sealed))
  }

  /**
   * @returns undefined for everything that is no entry, was sealed under another key or for another
   * place, or is in clear although entries are to be sealed: anybody could have put that there.
   */
  async decode(text: string, place: string): Promise<TokenEntry | undefined> {
    if (text.startsWith(SEALED) !== this.#isSealing) return undefined
    if (!this.#isSealing) return parseEntry(text)
    const bytes = decodeBase64(text.slice(SEALED.length))
    if (bytes === undefined || bytes.length <= NONCE_BYTES) return undefined
    for (const key of await this.#keys) {
      const opened = await open(key, bytes, utf8(place))
      if (opened !== undefined) return parseEntry(opened)
    }
    return undefined
  }
}

async function open(
  key: CryptoKey,
  bytes: Uint8Array<ArrayBuffer>,
  additionalData: Uint8Array<ArrayBuffer>,
): Promise<string | undefined> {
  const algorithm = { name: 'AES-GCM', iv: bytes.subarray(0, NONCE_BYTES), additionalData }
  try {
    const clear = await crypto.subtle.decrypt(algorithm, key, bytes.subarray(NONCE_BYTES))
    return new TextDecoder().decode(clear)
  } catch (error) {
    // WebCrypto says OperationError for a wrong key and for changed bytes, and no more.
    if (error instanceof Error && error.name === 'OperationError') return undefined
    throw error
  }
}

function parseEntry(text: string): TokenEntry | undefined {
  const { accessToken, refreshToken, generation, obtainedAtMs, expiresAtMs } =
    parseJsonObject(text, DEPTH_MAX) ?? {}
  if (!isToken(accessToken) || !isToken(refreshToken)) return undefined
  if (!isWhole(generation) || !isWhole(obtainedAtMs) || !isWhole(expiresAtMs)) return undefined
  return { accessToken, refreshToken, generation, obtainedAtMs, expiresAtMs }
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function readKey(keyBase64: string): Uint8Array<ArrayBuffer> {
  // Some tools write keys for URLs, and without padding.
  const text = keyBase64.replaceAll('-', '+').replaceAll('_', '/')
  const bytes = decodeBase64(text.padEnd(KEY_CHARACTERS, '='))
  if (bytes?.length !== KEY_BYTES) throw new TypeError('A cache key is 32 bytes in base64.')
  return bytes
}

function importKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt'])
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}
