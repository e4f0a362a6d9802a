/**
 * Which addresses outside calls may go to. Denied unless it is a public unicast address or in a
 * network the operator allows. IANA special-purpose address registries (RFC 6890), OWASP SSRF.
 */
import { BlockList, isIP } from 'node:net'

/** Where a call may go: everywhere over TLS, or over plain http too because it was allowed. */
export type AddressVerdict = 'public' | 'allowed' | 'refused'

const REFUSED_IPV4: readonly string[] = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared by carriers; cloud metadata lives here too
  '127.0.0.0/8', // the machine itself
  '168.63.129.16/32', // a public address that is the inner service of a large cloud
  '169.254.0.0/16', // link-local, and the metadata of most clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
]

/** Only global unicast is public (RFC 4291 §2.4), and of that not what carries other addresses. */
const GLOBAL_IPV6 = '2000::/3'
const REFUSED_IPV6: readonly string[] = [
  '2001::/23', // protocol assignments, Teredo among them
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4: any IPv4 address inside
  '3fff::/20', // documentation
]

export class AddressPolicy {
  readonly #allowed: Readonly<Record<'ipv4' | 'ipv6', BlockList>>

  /** @param allowedNetworks addresses and CIDR blocks, as the configuration checked them. */
  constructor(allowedNetworks: readonly string[]) {
    // Apart: of one list `::/0` would allow every IPv4 address too, loopback included.
    const ipv6 = allowedNetworks.filter((network) => network.includes(':'))
    const ipv4 = allowedNetworks.filter((network) => !network.includes(':'))
    this.#allowed = { ipv4: blockListOf(ipv4), ipv6: blockListOf(ipv6) }
  }

  /** @param address as a resolver or URL gives it, without brackets. */
  judge(address: string): AddressVerdict {
    const plain = embeddedIpv4(address) ?? address
    const family = isIP(plain)
    // A zone names an interface of this machine.
    if (family === 0 || plain.includes('%')) return 'refused'
    const kind = family === 4 ? 'ipv4' : 'ipv6'
    if (this.#allowed[kind].check(plain, kind)) return 'allowed'
    if (REFUSED.check(plain, kind)) return 'refused'
    return family === 4 || GLOBAL.check(plain, kind) ? 'public' : 'refused'
  }
}

/**
 * IPv4 inside IPv6 leads where the IPv4 address leads: mapped (RFC 4291 §2.5.5.2) and through
 * NAT64 (RFC 6052 §2.1).
 */
function embeddedIpv4(address: string): string | undefined {
  const url = `http://[${address}]`
  if (isIP(address) !== 6 || !URL.canParse(url)) return undefined
  const plain = new URL(url).hostname.slice(1, -1)
  const [, high, low] = EMBEDDED.exec(plain) ?? []
  if (high === undefined || low === undefined) return undefined
  const [first, second] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [first >> 8, first & 0xff, second >> 8, second & 0xff].join('.')
}

/** The URL parser has written the address as RFC 5952 wants it. */
const EMBEDDED = /^(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/

function blockListOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    const family = address.includes(':') ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return list
}

const REFUSED = blockListOf([...REFUSED_IPV4, ...REFUSED_IPV6])
const GLOBAL = blockListOf([GLOBAL_IPV6])
