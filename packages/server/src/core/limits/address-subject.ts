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
