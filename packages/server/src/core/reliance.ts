/**
 * What a token or live connection rests on, as text: when one of these is revoked, everything that
 * names it ends. Pure.
 */

/** Opaque to everyone but this file; compared as a whole. */
export type Reliance = string & { readonly brand: 'Reliance' }

export type RevocationTarget =
  | { readonly kind: 'token'; readonly tokenId: string }
  | { readonly kind: 'family'; readonly familyId: string }
  /** One value of a credential. */
  | { readonly kind: 'version'; readonly versionId: string }
  /** A credential with all its versions; for Pusher an app key. */
  | { readonly kind: 'credential'; readonly credentialId: string }
  | { readonly kind: 'user'; readonly appId: string; readonly userId: string }
  | { readonly kind: 'app'; readonly appId: string }
  | { readonly kind: 'tenant'; readonly tenantId: string }

/** @returns the id of the version that stored reliances name; undefined where they name none. */
export function versionIn(reliances: readonly string[]): string | undefined {
  const found = reliances.find((each) => each.startsWith(VERSION))
  return found?.slice(VERSION.length)
}

const VERSION = 'version:'

export function relianceOn(target: RevocationTarget): Reliance {
  switch (target.kind) {
    case 'token':
      return `token:${target.tokenId}` as Reliance
    case 'family':
      return `family:${target.familyId}` as Reliance
    case 'version':
      return `version:${target.versionId}` as Reliance
    case 'credential':
      return `credential:${target.credentialId}` as Reliance
    case 'user':
      return `user:${target.appId}:${target.userId}` as Reliance
    case 'app':
      return `app:${target.appId}` as Reliance
    case 'tenant':
      return `tenant:${target.tenantId}` as Reliance
    default:
      return target satisfies never
  }
}
