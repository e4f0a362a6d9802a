/** What limits by address count by. Pure. */

/**
 * What a limit counts by: whoever has one IPv6 address usually has all of its /64 (RFC 6177), and
 * could use another for each attempt.
 * @param address as `clientAddress` gives it.
 */
export function limitSubject(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const rest = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - rest.length)
  const all = [...groups, ...Array.from({ length: zeros }, () => '0'), ...rest]
  return `${all.slice(0, 4).join(':')}::/64`
}

/**
 * The network that an address is part of: what one customer of a provider commonly has.
 * @param subject as {@link limitSubject} gives it.
 */
export function rangeSubject(subject: string): string {
  const separator = subject.includes(':') ? ':' : '.'
  const head = subject.split(separator).slice(0, RANGE_GROUPS).join(separator)
  return separator === ':' ? `${head}::/48` : `${head}.0/24`
}

/** Three octets of IPv4, three groups of IPv6. */
const RANGE_GROUPS = 3
