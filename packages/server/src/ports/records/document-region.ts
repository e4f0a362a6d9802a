/** A region of documents as the configuration has it: `eu-central-1 wss://eu.example.com`. Pure. */

export interface DocumentRegion {
  /** Such as `eu-central-1`. */
  readonly code: string
  /** `wss://host[:port][/prefix]`, no slash at the end. */
  readonly url: string
}

/** Code of at most 40 characters, one space, the URL; the bounds are ours. */
const ROW = /^([a-z0-9][a-z0-9-]{0,39}) (wss?:\/\/[!-~]{1,1000})$/

/** @returns undefined for a text that says nothing of the kind. */
export function parseDocumentRegion(text: string): DocumentRegion | undefined {
  const [, code, url] = ROW.exec(text) ?? []
  if (code === undefined || url === undefined) return undefined
  const { username, password, search, hash, href } = URL.parse(url) ?? {}
  // In the one spelling that clients and this node agree on; a document name follows.
  const isPlain = !url.endsWith('/') && (href === url || href === `${url}/`)
  return isPlain && `${username}${password}${search}${hash}` === '' ? { code, url } : undefined
}

/** @returns the index of the first whose code or host an earlier one has; -1: there is none. */
export function repeatedRegion(regions: readonly DocumentRegion[]): number {
  const hostOf = ({ url }: DocumentRegion) => new URL(url).host
  return regions.findIndex((region, index) =>
    regions
      .slice(0, index)
      .some((other) => other.code === region.code || hostOf(other) === hostOf(region)),
  )
}
