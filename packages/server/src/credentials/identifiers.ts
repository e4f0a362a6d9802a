/**
 * Makes the random parts of ids and keys. Pure but for the {@link Random} port; every character is
 * equally likely.
 */
import type { Random } from '../ports/random.ts'

export const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Credentials, versions, members, webhook endpoints. */
export type IdPrefix = 'cred' | 'ver' | 'mem' | 'whe'

/** No letter or digit that is read as another; 32 of them, so a byte picks without bias. */
const READABLE = 'abcdefghijkmnpqrstuvwxyz23456789'
const APP_KEY_LENGTH = 20

/** 119 random bits: two of 2^50 ids collide with a chance below one in a million. */
const ID_LENGTH = 20
/** Bytes from here on would make the first characters of the alphabet more likely. */
const UNBIASED_MAX = 256 - (256 % BASE62.length)
/** A byte is refused once in 32; so many more make a second draw rare. */
const SPARE_BYTES = 8

/** @returns `<prefix>_` and 20 characters of base 62. */
export function newId(prefix: IdPrefix, random: Random): string {
  return `${prefix}_${randomBase62(random, ID_LENGTH)}`
}

/** @returns `length` characters of base 62 without modulo bias. */
export function randomBase62(random: Random, length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of random.bytes(length - text.length + SPARE_BYTES)) {
      if (byte < UNBIASED_MAX && text.length < length) text += BASE62.charAt(byte % BASE62.length)
    }
  }
  return text
}

/** @returns `length` characters that people can read out to each other, 5 random bits each. */
export function randomReadable(random: Random, length: number): string {
  return Array.from(random.bytes(length), (byte) => READABLE.charAt(byte % READABLE.length)).join(
    '',
  )
}

/** @returns a public app key of Pusher clients: 100 random bits. */
export function newAppKey(random: Random): string {
  return randomReadable(random, APP_KEY_LENGTH)
}

/** Version 4, RFC 9562 §5.4. */
export function randomUuid(random: Random): string {
  const bytes = Buffer.from(random.bytes(16))
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

const CLIENT_ID_LENGTH = 22
const SHORT_ID_LENGTH = 12

/** RFC 6749 §2.2: a client identifier is unique and no secret. */
export function newClientId(random: Random): string {
  return `cl_${randomBase62(random, CLIENT_ID_LENGTH)}`
}

/** @returns the short name of a tenant: `org_` and 12 of `a-z2-9`. */
export function newShortId(random: Random): string {
  return `org_${randomReadable(random, SHORT_ID_LENGTH)}`
}
