/**
 * Who is on the other end when proxies are in between: the address that limits count and the audit
 * keeps. Headers are believed only as far as trusted proxies wrote them, from the right: everything
 * to the left of the first untrusted hop can be invented by the client. Pure; length and hops of
 * the header are bounded (our bounds).
 */
import { BlockList, isIP } from 'node:net'

/** Only the end of a longer header is looked at; that is where the nearest proxies write. */
const HEADER_CHARACTERS_MAX = 2_048
const HOP_COUNT_MAX = 32

/** Whether a peer is a proxy that is believed. */
export interface Trust {
  /** @param address as {@link normalizeAddress} writes it. */
  includes(address: string): boolean
}

/** The addresses and CIDR blocks of `trustedProxies`. */
export class TrustedProxies implements Trust {
  readonly #list = new BlockList()
  readonly #isEmpty: boolean

  /** @param networks checked by the configuration: IPv4 or IPv6, with or without a prefix. */
  constructor(networks: readonly string[]) {
    this.#isEmpty = networks.length === 0
    for (const network of networks) {
      const [address = '', prefix] = network.split('/')
      const family = familyOf(address)
      if (prefix === undefined) this.#list.addAddress(address, family)
      else this.#list.addSubnet(address, Number(prefix), family)
    }
  }

  includes(address: string): boolean {
    return !this.#isEmpty && this.#list.check(address, familyOf(address))
  }
}

/**
 * @param peer the other end of the socket; trusted.
 * @param forwardedFor `X-Forwarded-For`, several headers joined by commas; untrusted.
 * @returns the nearest address that is no trusted proxy; where the header ends or cannot be read
 * before, the last hop that was named. Normalized, or the peer as it is if it is no IP address.
 */
export function clientAddress(peer: string, forwardedFor: string | null, trusted: Trust): string {
  const nearest = normalizeAddress(peer)
  if (nearest === undefined) return peer
  if (forwardedFor === null || forwardedFor === '' || !trusted.includes(nearest)) return nearest
  const isCut = forwardedFor.length > HEADER_CHARACTERS_MAX
  const hops = forwardedFor.slice(-HEADER_CHARACTERS_MAX).split(',')
  if (isCut) hops.shift() // The first one left may lack its beginning.
  let client = nearest
  for (const hop of hops.reverse().slice(0, HOP_COUNT_MAX)) {
    const address = addressOfHop(hop.trim())
    if (address === undefined) return client
    client = address
    if (!trusted.includes(client)) return client
  }
  return client
}

/**
 * How the client reached the outermost proxy.
 * @param header `X-Forwarded-Proto`, several headers joined by commas; untrusted.
 * @returns `https` only where a trusted proxy says so and no value in the header disagrees, because
 * a proxy that appends passes on what the client invented; undefined when nobody trusted says.
 */
export function forwardedProto(
  peer: string,
  header: string | null,
  trusted: Trust,
): 'http' | 'https' | undefined {
  if (header === null || header.length > HEADER_CHARACTERS_MAX) return undefined
  const address = normalizeAddress(peer)
  if (address === undefined || !trusted.includes(address)) return undefined
  const values = header.split(',').map((value) => value.trim().toLowerCase())
  if (values.some((value) => value !== 'http' && value !== 'https')) return undefined
  return values.includes('http') ? 'http' : 'https'
}

/**
 * One spelling for each address: IPv6 as RFC 5952 has it, an IPv4 address inside IPv6 as IPv4.
 * @param text untrusted. @returns undefined for what is no address, has a zone, or is spelled in a
 * way no proxy writes.
 */
export function normalizeAddress(text: string): string | undefined {
  const family = isIP(text)
  if (family === 4) return text
  if (family === 0 || text.includes('%')) return undefined
  const url = `http://[${text}]`
  // The parser knows less than `isIP`: some spellings that end as IPv4 throw, such as
  // `0:0:0::0:0.0.0.0`.
  if (!URL.canParse(url)) return undefined
  const plain = new URL(url).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(plain)
  if (mapped === null) return plain
  const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)]
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
}

/** Some proxies write the port too: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function addressOfHop(hop: string): string | undefined {
  const [, v6, v4] = /^(?:\[([^\]]+)\]|([\d.]+))(?::\d{1,5})?$/.exec(hop) ?? []
  return normalizeAddress(v6 ?? v4 ?? hop)
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return address.includes(':') ? 'ipv6' : 'ipv4'
}
