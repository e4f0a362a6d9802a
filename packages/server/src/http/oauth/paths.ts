/** Where the OAuth endpoints are. Loaded with every start, so it imports nothing. */

export type OauthPost = 'token' | 'revoke' | 'introspect'

/** The first path of each is the one that metadata names. */
export const OAUTH_POSTS: ReadonlyMap<string, OauthPost> = new Map<string, OauthPost>([
  ['/connect/token', 'token'],
  ['/token', 'token'],
  ['/oauth/token', 'token'],
  ['/oauth/revoke', 'revoke'],
  ['/connect/revocation', 'revoke'],
  ['/oauth/introspect', 'introspect'],
  ['/connect/introspect', 'introspect'],
])

/** @param path raw, without the configured prefix. */
export function isOauthPath(path: string): boolean {
  return OAUTH_POSTS.has(path) || path.includes('/.well-known/')
}
