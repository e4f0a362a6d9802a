/**
 * From which pages a token may be used: its claims `allowed_domain_1..3` (contract WireSocket 5).
 * Read out of a token that was verified. Pure.
 */
import { ALLOWED_DOMAIN_COUNT_MAX, normalizeAllowedDomain } from '@lockgate/protocol/allowed-domain'

/** Our bound: the longest host with scheme and port. */
const ORIGIN_CHARACTERS_MAX = 300
const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' }
/** What can stand in a claim that fits no origin. */
const NOWHERE = ''

/**
 * @returns in normal form; empty where no claim is set. A claim that cannot be read fits no origin,
 * so that nobody believes to have narrowed what was not read.
 */
export function claimedDomains(claims: Readonly<Record<string, unknown>>): readonly string[] {
  const domains: string[] = []
  for (let index = 1; index <= ALLOWED_DOMAIN_COUNT_MAX; index++) {
    const claim = claims[`allowed_domain_${index}`]
    if (claim === undefined || claim === null || claim === '') continue
    const normal = typeof claim === 'string' ? normalizeAllowedDomain(claim) : undefined
    domains.push(normal?.ok === true ? normal.value : NOWHERE)
  }
  return domains
}

/**
 * The exact host; the port as given, and without one the default of the scheme.
 * @param origin the header as sent; `null` fits nothing.
 */
export function isOriginClaimed(domains: readonly string[], origin: string): boolean {
  if (origin.length > ORIGIN_CHARACTERS_MAX || !URL.canParse(origin)) return false
  const { protocol, hostname, port } = new URL(origin)
  const usual = DEFAULT_PORTS[protocol]
  if (usual === undefined || hostname === '') return false
  const isUsual = port === '' || port === usual
  const full = `${hostname}:${port === '' ? usual : port}`
  return domains.some((domain) => domain === full || (isUsual && domain === hostname))
}
