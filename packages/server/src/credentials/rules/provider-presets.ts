/**
 * Whose tokens an integration exchanges: what people give, filled in with what is known of the kind
 * of provider, and checked before it is kept. Where a URL leads is judged when it is called. Pure.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { ProviderRecord } from '../../ports/records/rule-set.ts'

export type ProviderType = ProviderRecord['type']
export const PROVIDER_TYPES: readonly ProviderType[] = [
  'supabase',
  'firebase',
  'auth0',
  'clerk',
  'oidc',
]

/** Ours. */
const URL_LENGTH_MAX = 2_048

type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** What may be left out is filled in by the kind of provider. */
export interface GivenProvider extends Optional<Omit<ProviderRecord, 'type'>> {
  readonly type: ProviderType
  /** Project, or domain, of the customer at the provider: all that most of them ask for. */
  readonly project?: string | undefined
}

type Preset = Optional<Pick<ProviderRecord, 'issuer' | 'jwksUrl' | 'audience'>>

export function readProvider(given: GivenProvider): Result<ProviderRecord, 'input_invalid'> {
  const { type, project, emailClaim = 'email', userIdClaim = 'sub' } = given
  if (project !== undefined && !PROJECT.test(project)) {
    return refuse(
      'input_invalid',
      'project is a project id or a domain, without https:// and path.',
    )
  }
  const preset = project === undefined ? {} : presetOf(type, project)
  const issuer = given.issuer ?? preset.issuer
  if (issuer === undefined) return refuse('input_invalid', `Give ${WANTED[type]}.`)
  const { jwtSecret } = given
  if (jwtSecret !== undefined && given.jwksUrl !== undefined) {
    return refuse('input_invalid', 'Give one of jwksUrl and jwtSecret.')
  }
  const known = given.jwksUrl ?? preset.jwksUrl ?? jwksUrlOf(type, issuer)
  const jwksUrl = jwtSecret === undefined ? known : undefined
  if (jwksUrl === undefined && jwtSecret === undefined) {
    return refuse('input_invalid', 'Give jwksUrl: where the provider publishes its keys.')
  }
  if (jwksUrl !== undefined && !isPlainUrl(jwksUrl)) {
    return refuse('input_invalid', 'jwksUrl is a URL without user, password and fragment.')
  }
  const audience = given.audience ?? preset.audience ?? []
  if (type === 'auth0' && audience.length === 0) {
    return refuse('input_invalid', 'Give audience: the API identifier or the client id at Auth0.')
  }
  const authorizedParties = given.authorizedParties ?? []
  if (isShared(issuer, jwksUrl) && audience.length + authorizedParties.length === 0) {
    return refuse('input_invalid', 'Give audience: this issuer signs for applications of anybody.')
  }
  return ok({
    type,
    issuer,
    jwksUrl,
    jwtSecret,
    audience,
    authorizedParties,
    requiredClaims: given.requiredClaims ?? [emailClaim],
    emailClaim,
    userIdClaim,
    capToIdpExpiry: given.capToIdpExpiry ?? false,
  })
}

const FIREBASE_KEYS =
  'https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com'

/** A name of a project, or a host name. */
const PROJECT = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/

const WANTED: Readonly<Record<ProviderType, string>> = {
  supabase: 'project (the reference in its URL), or issuer',
  firebase: 'project (the project id), or issuer and audience',
  auth0: 'project (the domain of the tenant), or issuer',
  clerk: 'project (the domain of the frontend API), or issuer',
  oidc: 'issuer',
}

/** Contract 2.3: what each provider signs with, and for whom. */
function presetOf(type: ProviderType, project: string): Preset {
  switch (type) {
    case 'supabase':
      return { issuer: `https://${project}.supabase.co/auth/v1`, audience: ['authenticated'] }
    case 'firebase':
      return {
        issuer: `https://securetoken.google.com/${project}`,
        jwksUrl: FIREBASE_KEYS,
        audience: [project],
      }
    case 'auth0':
      return { issuer: `https://${project}/` }
    case 'clerk':
      return { issuer: `https://${project}` }
    case 'oidc':
      return {}
    default:
      return type satisfies never
  }
}

/** Where providers of a kind publish their keys; of any other nothing is guessed. */
function jwksUrlOf(type: ProviderType, issuer: string): string | undefined {
  if (type === 'oidc' || type === 'firebase') return undefined
  return `${issuer.replace(/\/$/, '')}/.well-known/jwks.json`
}

/** Whose tokens are for applications of everybody, told apart by their audience alone. */
const SHARED_HOSTS: ReadonlySet<string> = new Set([
  'accounts.google.com',
  'www.googleapis.com',
  'appleid.apple.com',
  'login.microsoftonline.com',
  'sts.windows.net',
])

/**
 * A page of somebody else could bring what a user gave it (RFC 8725 §3.9, OpenID Connect Core
 * §3.1.3.7).
 */
function isShared(issuer: string, jwksUrl: string | undefined): boolean {
  // Google writes its issuer with and without the scheme.
  const hosts = [`https://${issuer.replace(/^https:\/\//, '')}`, jwksUrl ?? ''].map(
    (url) => URL.parse(url)?.hostname ?? '',
  )
  return hosts.some((host) => SHARED_HOSTS.has(host))
}

function isPlainUrl(text: string): boolean {
  if (text.length > URL_LENGTH_MAX || !/^https?:\/\/[!-~]+$/.test(text)) return false
  const url = URL.parse(text)
  return url !== null && url.username === '' && url.password === '' && url.hash === ''
}
