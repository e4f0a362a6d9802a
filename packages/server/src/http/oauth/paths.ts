/** Where the OAuth endpoints are. Loaded with every start, so it imports nothing. */

/** The first path of each is the one that metadata names. */
export const OAUTH_POSTS: ReadonlyMap<string, 'token'> = new Map([
  ['/connect/token', 'token'],
  ['/token', 'token'],
  ['/oauth/token', 'token'],
])

/** @param path raw, without the configured prefix. */
export function isOauthPath(path: string): boolean {
  return OAUTH_POSTS.has(path) || path.includes('/.well-known/')
}
