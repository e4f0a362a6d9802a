/**
 * Allowed domains of an app in their one normal form: `host[:port]`, lowercase, punycode, without
 * scheme and slash. Records, tokens (`allowed_domain_1..3`) and the check of an `Origin` header all
 * compare this form. Pure; the URL parser of the platform does the IDNA mapping (UTS #46).
 */
import { ok, type Result, refuse } from './result.ts'

/** An app has at most this many; there are as many claims. */
export const ALLOWED_DOMAIN_COUNT_MAX = 3

/** Our bound on the text; the host itself may have 253 characters (RFC 1035 §2.3.4). */
const CHARACTERS_MAX = 300
const HOST_CHARACTERS_MAX = 253
const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?'
const HOST = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`)
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/
/** What a host can never hold, but the URL parser would drop, decode or take for another part. */
const NO_HOST = /[\s\p{Cc}%@?#\\*,;'"<>|^`{}]/u

/**
 * Brings one domain, as people write it, to its normal form: `HTTPS://Bücher.Example/` becomes
 * `xn--bcher-kva.example`. With a scheme, its default port is left out; without one, any port
 * stays. Doing it again changes nothing.
 * @param text untrusted; any length.
 * @returns `malformed` for what names no single host: a path, a star, `null`, an empty text.
 */
export function normalizeAllowedDomain(text: string): Result<string, 'malformed'> {
  if (text.length > CHARACTERS_MAX || NO_HOST.test(text)) return refuse('malformed')
  const [, scheme = '', given = ''] = /^(?:(https?):\/\/)?([^/]+)\/?$/i.exec(text) ?? []
  const [, name = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(given) ?? []
  const url = `${scheme || 'https'}://${name}/`
  const host = URL.canParse(url) ? new URL(url).hostname : ''
  if (!isHost(host, name)) return refuse('malformed')
  if (port === undefined) return ok(host)
  const number = Number(port)
  if (number < 1 || number > 65_535) return refuse('malformed')
  const isDefault = number === { http: 80, https: 443 }[scheme.toLowerCase()]
  return ok(isDefault ? host : `${host}:${number}`)
}

/** @param name as it was given: the parser also reads `1` and `0x7f.1` as addresses. */
function isHost(host: string, name: string): boolean {
  if (host.startsWith('[')) return true
  if (host === 'null' || host.length > HOST_CHARACTERS_MAX || !HOST.test(host)) return false
  return !IPV4.test(host) || host === name
}
