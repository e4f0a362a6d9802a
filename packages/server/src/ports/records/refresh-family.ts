/**
 * A refresh family: all refresh tokens that descend from one authentication. A token names its
 * family and generation and is authenticated by a MAC, so a row holds no secret and a rotation is
 * one compare-and-set of the generation.
 */
export interface RefreshFamilyRecord {
  /** 22 characters of base64url: 128 random bits. */
  readonly id: string
  readonly tenantId: string
  readonly appId: string
  readonly clientId: string
  /** The version of the client secret that started it; it dies with that version. */
  readonly versionId: string
  /** Space-delimited. */
  readonly scope: string
  /** Of the token that is good now; rises by one with each use. */
  readonly generation: number
  /** When `generation` became good; the leeway for its predecessor counts from here. */
  readonly rotatedAtMs: number
  /** Slides with each use. */
  readonly expiresAtMs: number
  /** Never slides; undefined: no cap. */
  readonly endsAtMs: number | undefined
  readonly revokedAtMs: number | undefined
  readonly createdAtMs: number
}

/** What ends many families at once. */
export type FamilySelector =
  | { readonly by: 'id'; readonly id: string }
  | { readonly by: 'version'; readonly versionId: string }
  | { readonly by: 'app'; readonly appId: string }
  | { readonly by: 'tenant'; readonly tenantId: string }
