/**
 * Where a request goes, read from its URL without decoding: signatures cover the path as it was
 * sent.
 */

export interface RequestTarget {
  /** Raw, without the configured prefix. */
  readonly path: string
  /** Raw, with the prefix: what a client signed. */
  readonly fullPath: string
  /** Raw, without the `?`. */
  readonly query: string
  /** How the client came: to us, or to a trusted proxy; left out: without TLS. */
  readonly isTls?: boolean
}

/**
 * @param url absolute, as the HTTP parser gives it.
 * @param prefix '' or `/x`.
 * @returns undefined when the path lies outside the prefix.
 */
export function readTarget(url: string, prefix: string): RequestTarget | undefined {
  const pathStart = url.indexOf('/', url.indexOf('://') + 3)
  const queryStart = url.indexOf('?', pathStart)
  const fullPath = queryStart < 0 ? url.slice(pathStart) : url.slice(pathStart, queryStart)
  const query = queryStart < 0 ? '' : url.slice(queryStart + 1)
  if (prefix === '') return { path: fullPath, fullPath, query }
  if (!fullPath.startsWith(prefix)) return undefined
  const path = fullPath.slice(prefix.length)
  return path === '' || path.startsWith('/') ? { path, fullPath, query } : undefined
}
