/**
 * Who a client of the token endpoints is (RFC 6749 §2.3, §3.2.1). One function for all of them.
 * Unknown client, wrong secret, ended secret, public client with a secret: one refusal after the
 * same work, so that nobody learns which clients exist (ASVS 6.3.8).
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Source } from '../../core/source.ts'
import type { Clock } from '../../ports/clock.ts'
import type { VersionRecord } from '../../ports/records/credential.ts'
import type { AppDirectory, LoadedApp } from '../app-directory.ts'
import {
  type DeniedAttempt,
  NO_OWNER,
  type RecordDenial,
  retiredAttempt,
} from '../audit/denied-access.ts'
import type { SecretCheck, SecretMatch } from '../secret-check.ts'
import type { RecordUse } from '../use-recorder.ts'
import type { Issuer } from './issuer.ts'
import { peekToken } from './peek.ts'

/** How a client says who it is; at most one way in a request. */
export type ClientProof =
  | { readonly method: 'secret'; readonly clientId: string; readonly secret: string }
  | {
      readonly method: 'assertion'
      readonly clientId: string | undefined
      readonly assertion: string
    }
  /** Says its name only; the token it presents has to prove the rest. */
  | { readonly method: 'none'; readonly clientId: string }

export interface AuthenticatedClient {
  readonly loaded: LoadedApp
  readonly credentialId: string
  /** What tokens that are given now rest on. */
  readonly versionId: string
}

/** Verifies `private_key_jwt`, RFC 7523 §3. */
export interface AssertionCheck {
  check(
    assertion: string,
    context: { readonly audiences: readonly string[]; readonly clientId: string | undefined },
    source: Source,
  ): Promise<Result<AuthenticatedClient, 'client_invalid'>>
}

export interface ClientAuthenticationDeps {
  readonly apps: AppDirectory
  readonly check: SecretCheck
  readonly clock: Clock
  readonly recordUse: RecordUse
  readonly recordDenial: RecordDenial
  readonly issuer: Issuer
  /** Undefined: the method is not served. */
  readonly assertions: AssertionCheck | undefined
}

type Secret = Extract<ClientProof, { method: 'secret' }>

/** Whose secret it is, and how that stands now. */
interface Found {
  readonly loaded: LoadedApp | undefined
  readonly match: SecretMatch | undefined
  readonly credentialId: string | undefined
}

type Authenticated = Result<AuthenticatedClient, 'client_invalid'>

/** Where tokens are given out, below the base of the issuer. */
export const TOKEN_PATHS = ['/connect/token', '/token', '/oauth/token'] as const

interface SecretVersion {
  readonly credentialId: string
  readonly version: VersionRecord
}

const NO_VERSIONS: readonly VersionRecord[] = []

export class ClientAuthentication {
  readonly #deps: ClientAuthenticationDeps
  /** By app as the directory holds it: which versions a client secret can be. */
  readonly #secrets = new WeakMap<LoadedApp, ReadonlyMap<VersionRecord, SecretVersion>>()

  constructor(deps: ClientAuthenticationDeps) {
    this.#deps = deps
  }

  get takesAssertions(): boolean {
    return this.#deps.assertions !== undefined
  }

  /** @returns at once for a secret that was verified before: nothing has to wait then. */
  authenticate(
    proof: Exclude<ClientProof, { method: 'none' }>,
    source: Source,
  ): Authenticated | Promise<Authenticated> {
    return proof.method === 'secret'
      ? this.#bySecret(proof, source)
      : this.#byAssertion(proof, source)
  }

  #bySecret(proof: Secret, source: Source): Authenticated | Promise<Authenticated> {
    const { check } = this.#deps
    const found = this.#find(proof)
    const { match } = found
    // Nothing has to wait for a secret that was verified before, or that lets nobody in.
    if (match?.outcome !== 'accepted' || check.isConfirmed(match.version)) {
      return this.#judge(found, source)
    }
    return this.#confirmed(proof, match, source)
  }

  async #confirmed(
    proof: Secret,
    { version }: SecretMatch,
    source: Source,
  ): Promise<Authenticated> {
    const isRight = await this.#deps.check.confirm(proof.secret, version)
    // The slow hash takes time enough to end the secret: what counts is how it is now.
    const found = this.#find(proof)
    return isRight ? this.#judge(found, source) : this.#failed(found.loaded, source)
  }

  #find({ clientId, secret }: Secret): Found {
    const { apps, check, clock } = this.#deps
    const loaded = apps.findByClientId(clientId)
    const versions = loaded === undefined ? undefined : this.#versionsOf(loaded)
    // Without a client the same HMAC is made and compared with nothing.
    const candidates = versions === undefined ? NO_VERSIONS : [...versions.keys()]
    const match = check.match(secret, candidates, clock.nowMs())
    const known = match === undefined ? undefined : versions?.get(match.version)
    return { loaded, match, credentialId: known?.credentialId }
  }

  #judge({ loaded, match, credentialId }: Found, source: Source): Authenticated {
    if (loaded === undefined || match === undefined || credentialId === undefined) {
      return this.#failed(loaded, source)
    }
    const { version, outcome } = match
    const use = { credentialId, versionId: version.id, outcome }
    this.#deps.recordUse(use, source, loaded.app)
    if (outcome !== 'accepted') return this.#denied(loaded, retiredAttempt(use), source)
    return ok({ loaded, credentialId, versionId: version.id })
  }

  async #byAssertion(
    proof: { readonly clientId: string | undefined; readonly assertion: string },
    source: Source,
  ): Promise<Authenticated> {
    const { assertions, apps, issuer } = this.#deps
    // Read before anything is verified, to know which issuer may be meant; the check decides.
    const subject = peekToken(proof.assertion)?.claims['sub']
    const clientId = proof.clientId ?? (typeof subject === 'string' ? subject : undefined)
    const loaded = clientId === undefined ? undefined : apps.findByClientId(clientId)
    if (assertions === undefined) return this.#failed(loaded, source)
    // RFC 7523 §3: the audience is the server, by its issuer or by the URL of the endpoint.
    const issuers = loaded === undefined ? [] : [issuer.of(loaded.tenant.id)]
    const audiences = [...issuers, ...TOKEN_PATHS.map((path) => issuer.base + path)]
    const context = { audiences, clientId: proof.clientId }
    const checked = await assertions.check(proof.assertion, context, source)
    return checked.ok ? checked : this.#failed(loaded, source)
  }

  #versionsOf(loaded: LoadedApp): ReadonlyMap<VersionRecord, SecretVersion> {
    const known = this.#secrets.get(loaded)
    if (known !== undefined) return known
    const versions = new Map<VersionRecord, SecretVersion>()
    // A public app has no secret, whatever an older release may have left behind.
    const isPublic = loaded.app.type === 'public'
    for (const { record } of isPublic ? [] : loaded.credentials) {
      if (record.kind !== 'client_secret') continue
      for (const version of record.versions) {
        versions.set(version, { credentialId: record.id, version })
      }
    }
    this.#secrets.set(loaded, versions)
    return versions
  }

  /** @param loaded undefined for an unknown client, whose name is not kept: it may be a secret. */
  #failed(loaded: LoadedApp | undefined, source: Source): Authenticated {
    const target = { kind: 'client', id: loaded?.app.clientId ?? 'unknown' }
    const attempt = { action: 'auth.failed', reason: 'client_invalid', target } as const
    return this.#denied(loaded, attempt, source)
  }

  #denied(
    loaded: LoadedApp | undefined,
    attempt: Omit<DeniedAttempt, 'source'>,
    source: Source,
  ): Authenticated {
    this.#deps.recordDenial({ ...attempt, source }, loaded?.app ?? NO_OWNER)
    return refuse('client_invalid')
  }
}
