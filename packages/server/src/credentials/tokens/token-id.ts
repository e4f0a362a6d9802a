/**
 * By what a single token is revoked, ours or a customer's. The `jti` counts inside its app only:
 * customers choose theirs, and an operator who has read one somewhere ends nothing of another app.
 */

/** @param appId holds no `/`, so no two pairs give the same text. */
export function tokenIdOf(appId: string, jti: string): string {
  return `${appId}/${jti}`
}
