/** Where the token service is. Loaded with every start, so it imports nothing. */

/**
 * @param path raw, without the configured prefix. SDKs put their base URL and a path together as
 *   they are, so a base with a slash at its end gives two (contract CloudSignal 1).
 */
export function tokenServicePath(path: string): string | undefined {
  const single = path.startsWith('//') ? path.slice(1) : path
  const isServed =
    single === '/v1/create' ||
    single === '/v2/providers' ||
    single === TOKENS ||
    single.startsWith(`${TOKENS}/`)
  return isServed ? single : undefined
}

/** Behind it stand the calls, or the id of one token. */
export const TOKENS = '/v2/tokens'
