/**
 * What is known of identity providers: where their keys are, who their tokens are for, and where
 * the identity stands. Filled in where an integration names a type and leaves these out. Pure.
 */
import type { ProviderRecord } from '../../ports/records/rule-set.ts'

export type ProviderType = ProviderRecord['type']

/** What an operator gives of a provider; the preset says the rest. */
export type ProviderFields = Pick<ProviderRecord, 'type'> &
  Partial<Omit<ProviderRecord, 'type'>> & {
    /** Supabase: the reference; Firebase: the project id; Auth0: the tenant's host. */
    readonly project?: string | undefined
  }

interface Preset {
  /** Undefined: it has to be given, as there is one for each customer. */
  readonly issuer: (project: string) => string | undefined
  readonly jwksUrl: (issuer: string) => string
  readonly audience: (project: string | undefined) => readonly string[]
}

/** Of all Firebase projects; the issuer tells them apart. */
const FIREBASE_KEYS =
  'https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com'
const WELL_KNOWN = '.well-known/jwks.json'

const PRESETS: Readonly<Record<ProviderType, Preset>> = {
  supabase: {
    issuer: (project) => `https://${project}.supabase.co/auth/v1`,
    jwksUrl: wellKnownOf,
    audience: () => ['authenticated'],
  },
  firebase: {
    issuer: (project) => `https://securetoken.google.com/${project}`,
    jwksUrl: () => FIREBASE_KEYS,
    audience: (project) => (project === undefined ? [] : [project]),
  },
  auth0: {
    issuer: (project) => `https://${project}/`,
    jwksUrl: wellKnownOf,
    audience: () => [],
  },
  clerk: { issuer: () => undefined, jwksUrl: wellKnownOf, audience: () => [] },
  oidc: { issuer: () => undefined, jwksUrl: wellKnownOf, audience: () => [] },
}

/**
 * @returns the whole provider; undefined where neither issuer nor project says whose it is. Nothing
 * is fetched, and nothing that is given is changed: an issuer is compared as a whole.
 */
export function completeProvider(fields: ProviderFields): ProviderRecord | undefined {
  const { type, project, jwtSecret } = fields
  const preset = PRESETS[type]
  const issuer = fields.issuer ?? (project === undefined ? undefined : preset.issuer(project))
  if (issuer === undefined) return undefined
  // A project that still signs with a shared secret publishes no key that counts.
  const jwksUrl = fields.jwksUrl ?? (jwtSecret === undefined ? preset.jwksUrl(issuer) : undefined)
  const firebaseProject = type === 'firebase' ? issuer.slice(issuer.lastIndexOf('/') + 1) : project
  return {
    type,
    issuer,
    jwksUrl,
    jwtSecret,
    audience: fields.audience ?? preset.audience(firebaseProject),
    authorizedParties: fields.authorizedParties ?? [],
    requiredClaims: fields.requiredClaims ?? ['email'],
    emailClaim: fields.emailClaim ?? 'email',
    userIdClaim: fields.userIdClaim ?? 'sub',
    capToIdpExpiry: fields.capToIdpExpiry ?? false,
  }
}

function wellKnownOf(issuer: string): string {
  return issuer.endsWith('/') ? `${issuer}${WELL_KNOWN}` : `${issuer}/${WELL_KNOWN}`
}
