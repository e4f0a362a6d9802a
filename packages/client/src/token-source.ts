/** Where tokens come from, the first and the later ones, for each way to sign in. */
import { ClientError, nameFailure } from './client-error.ts'
import type { System } from './system.ts'
import { readGrant, type TokenGrant } from './token-grant.ts'
import type { TokenService } from './token-service.ts'

/** Ours; what an application does there is one call or two. */
const ASKED_MS_MAX = 30_000

type MaybePromise<T> = T | Promise<T>

/** What the own endpoint of an application answers; the whole answer of the service fits, too. */
export interface FetchedToken {
  readonly username: string
  readonly password: string
  readonly tokenId?: string
  /** ISO 8601, or milliseconds since 1970. */
  readonly expiresAt: string | number
  readonly refreshAt?: string | number
  /** Seconds; with it a wrong clock of the browser does not matter. */
  readonly expiresIn?: number
}

/** By a token of an identity provider: for browsers. */
export interface ExternalLogin {
  readonly organizationId: string
  /** A function is asked whenever a token is needed, so that it gives one that has not expired. */
  readonly externalToken: string | (() => MaybePromise<string>)
  readonly integrationId?: string
}

/** By a secret key: for servers only. */
export interface SecretLogin {
  readonly organizationId: string
  readonly secretKey: string
  readonly userEmail: string
  readonly userId?: string
  readonly integrationId?: string
  readonly replaceExisting?: boolean
  /** Seconds. */
  readonly ttl?: number
  readonly acl?: { readonly publish?: readonly string[]; readonly subscribe?: readonly string[] }
}

/** By an endpoint of the application, which mints with its secret key. */
export interface EndpointLogin {
  readonly fetchToken: () => Promise<FetchedToken | Readonly<Record<string, unknown>>>
  /**
   * `service` refreshes at the token service while that works, which keeps user name and
   * connection; `endpoint` asks `fetchToken` each time.
   */
  readonly renewBy?: 'service' | 'endpoint'
}

export type TokenLogin = ExternalLogin | SecretLogin | EndpointLogin

export interface TokenSource {
  /** @throws ClientError */
  first(): Promise<TokenGrant>
  /** The successor of a token. @throws ClientError */
  next(grant: TokenGrant): Promise<TokenGrant>
}

/** @throws {@link ClientError} `options_invalid` for a login that names nothing to sign in with. */
export function tokenSource(login: TokenLogin, service: TokenService, system: System): TokenSource {
  const first = firstBy(login, service, system)
  const isOwn = 'fetchToken' in login && login.renewBy === 'endpoint'
  return {
    first,
    async next(grant) {
      if (isOwn || grant.tokenId === undefined) return first()
      try {
        return await service.refresh(grant)
      } catch (error) {
        const isOver =
          error instanceof ClientError && ['auth_failed', 'token_expired'].includes(error.code)
        // The end of a life that cannot be made longer: the next begins.
        if (isOver) return first()
        throw error
      }
    },
  }
}

function firstBy(
  login: TokenLogin,
  service: TokenService,
  system: System,
): () => Promise<TokenGrant> {
  if ('fetchToken' in login) return () => fetched(login, system)
  const { organizationId: organization_id, integrationId: integration_id } = login
  if (!organization_id) throw invalid('organizationId is missing')
  if ('externalToken' in login && login.externalToken) {
    const { externalToken } = login
    return async () => {
      const token =
        typeof externalToken === 'function'
          ? await asked('externalToken', externalToken, system)
          : externalToken
      return service.exchange({ organization_id, token, integration_id })
    }
  }
  const { secretKey, userEmail, userId, replaceExisting = true, ttl, acl } = login as SecretLogin
  if (!secretKey) throw invalid('give externalToken, secretKey with userEmail, or fetchToken')
  if (!userEmail) throw invalid('userEmail is missing')
  return () =>
    service.create({
      organization_id,
      secret_key: secretKey,
      user_email: userEmail,
      user_id: userId,
      integration_id,
      replace_existing: replaceExisting,
      ttl,
      acl,
    })
}

async function fetched({ fetchToken }: EndpointLogin, system: System): Promise<TokenGrant> {
  return readGrant(await asked('fetchToken', fetchToken, system), system.nowMs())
}

/**
 * Asks the application. One that never answers would keep every later renewal waiting for it.
 * @throws ClientError
 */
async function asked<T>(name: string, ask: () => MaybePromise<T>, system: System): Promise<T> {
  let stop = () => {}
  const late = new Promise<never>((_, reject) => {
    const reason = `${name}: no answer in time`
    stop = system.after(ASKED_MS_MAX, () => reject(new ClientError('network_error', { reason })))
  })
  try {
    return await Promise.race([ask(), late])
  } catch (error) {
    if (error instanceof ClientError) throw error
    throw new ClientError('network_error', { reason: `${name}: ${nameFailure(error)}` })
  } finally {
    stop()
  }
}

function invalid(reason: string): ClientError {
  return new ClientError('options_invalid', { reason })
}
