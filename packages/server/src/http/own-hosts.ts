/**
 * Whether a request was sent to a name of ours. A site can let its own name lead to an address in
 * the network of its visitor (DNS rebinding): for the browser both are one site then, and no rule
 * about origins holds. What a page must not reach through its visitor answers to known names only.
 * Pure.
 */
import { isIP } from 'node:net'

/** `host`, `[address]` or either with a port (RFC 9110 §7.2). */
const HOST = /^(\[[^\]]*\]|[^:[\]]+)(?::(\d{1,5}))?$/

export class OwnHosts {
  readonly #hosts: ReadonlySet<string>

  /** @param hosts `host` for every port, or `host:port`; lowercase, punycode. */
  constructor(hosts: readonly string[]) {
    this.#hosts = new Set(hosts)
  }

  /**
   * @param header `Host` as it was sent; no other header says where a request was sent to.
   * @returns true for IP addresses too, which no name server can give to somebody else.
   */
  include(header: string | null): boolean {
    const [, given = '', port] = HOST.exec(header?.toLowerCase() ?? '') ?? []
    const host = given.endsWith('.') ? given.slice(0, -1) : given
    if (host === 'localhost' || isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0) return true
    return this.#hosts.has(host) || (port !== undefined && this.#hosts.has(`${host}:${port}`))
  }
}

export interface NamedHosts {
  readonly publicUrl: string | undefined
  readonly allowedHosts: readonly string[]
  readonly listen: { readonly [N in 'http' | 'https']: { readonly hostname: string } }
}

/** The names the configuration gives the server. */
export function ownHostsOf({ publicUrl, allowedHosts, listen }: NamedHosts): OwnHosts {
  const published = publicUrl === undefined ? [] : [new URL(publicUrl).hostname]
  const bound = [listen.http.hostname, listen.https.hostname]
  return new OwnHosts([...published, ...bound, ...allowedHosts].map((each) => each.toLowerCase()))
}
