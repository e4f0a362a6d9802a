/** Where publishing to topics is served. Loaded with every start, so it imports nothing. */

/** What each path publishes at where its body names no QoS (contract CloudSignal 8). */
const DEFAULT_QOS: ReadonlyMap<string, 0 | 1> = new Map([
  ['/v1/publish', 1],
  ['/publish', 1],
  ['/v2/publish', 1],
  ['/api/v1/publish', 0],
])

/**
 * @param path raw, without the configured prefix; a base URL with a slash at its end gives two.
 * @returns the QoS of a body without one; undefined for a path that is served by somebody else.
 */
export function publishPathQos(path: string): 0 | 1 | undefined {
  return DEFAULT_QOS.get(path.startsWith('//') ? path.slice(1) : path)
}
