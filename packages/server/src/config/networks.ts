/**
 * Checks the entries of a list of networks: an IP address, or a block in CIDR notation. Pure.
 * RFC 4632 §3.1, RFC 4291 §2.3.
 */
import { isIP } from 'node:net'
import type { Objection } from './problem.ts'

const EXAMPLE = 'use an address or a block such as `10.0.0.0/8` or `2001:db8::/32`'
const MAPPED = /^::ffff:/i

/** @returns what is wrong with it; undefined when nothing is. */
export function objectToNetwork(entry: string): Objection | undefined {
  const [address = '', prefix, ...rest] = entry.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return { what: 'this is not an IP address', next: EXAMPLE }
  if (address.includes('%')) return { what: 'an address with a zone', next: EXAMPLE }
  if (MAPPED.test(address)) {
    return { what: 'an IPv4 address in IPv6 notation', next: 'write it as IPv4: `10.0.0.0/8`' }
  }
  if (prefix === undefined) return undefined
  const bitsMax = family === 4 ? 32 : 128
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > bitsMax) {
    return { what: `the part after the slash is not 1 to ${bitsMax}`, next: EXAMPLE }
  }
  if (prefix !== '0') return undefined
  const next = 'name only the networks that are meant: everything else must stay outside'
  return { what: 'this block holds every address', next }
}
