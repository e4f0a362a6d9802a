/**
 * Tokens that a customer's own backend mints: RFC 7519, held to RFC 8725. The app is named by a
 * claim or by the id of its key; the keys of the app decide the algorithm; the claims say what the
 * holder may do, never more than the app may.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { CredentialLimits } from '../../core/limits/narrowed-limits.ts'
import type { Permissions } from '../../core/permissions.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import { type Reliance, relianceOn } from '../../core/reliance.ts'
import type { Source } from '../../core/source.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CredentialAttributes } from '../../ports/records/credential.ts'
import { admitApp, type AppDirectory, type LoadedApp } from '../app-directory.ts'
import type { BearerIdentity, TokenDoor } from '../bearers.ts'
import { outcomeOf } from '../engine/reading.ts'
import { readSignedToken, type SignedToken } from '../foreign-keys/signed-token.ts'
import type { Signer, SignerSearch } from '../foreign-keys/signer-search.ts'
import { isOver, readTimes, type TokenTimes } from '../foreign-keys/token-times.ts'
import type { RevocationList } from '../revocation-list.ts'
import type { PeekedToken } from '../tokens/peek.ts'
import { tokenIdOf } from '../tokens/token-id.ts'
import type { RecordUse } from '../use-recorder.ts'
import { claimedLimits } from './claimed-limits.ts'
import { claimedPermissions } from './claimed-permissions.ts'
import { VerifiedTokens } from './verified-tokens.ts'

export interface CustomerTokenDeps {
  readonly apps: AppDirectory
  readonly signers: SignerSearch
  readonly revocations: RevocationList
  readonly clock: Clock
  readonly recordUse: RecordUse
}

/** Our bounds. */
const IDENTITY_CHARACTERS_MAX = 200
const AUDIENCE_COUNT_MAX = 16
/**
 * How long a signature by a key of a fetched set counts as verified: the owner may take the key out
 * of the set at any time, and the token would not be told from one by a good key.
 */
export const REMOTE_VERIFIED_MS = 60_000

/** What a token says, once everything in it was checked. */
interface Grant extends TokenTimes {
  readonly permissions: Permissions
  readonly userId: string | undefined
  readonly reliances: readonly Reliance[]
  readonly limits: CredentialLimits | undefined
}

interface Verified extends Grant {
  readonly loaded: LoadedApp
  readonly signer: Signer
  /** On the clock that only rises; then the signature is verified again. */
  readonly verifiedUntilMs: number
}

const INVALID = refuse('credential_invalid' as const)

export class CustomerTokens implements TokenDoor {
  readonly #deps: CustomerTokenDeps
  readonly #verified = new VerifiedTokens<Verified>()

  constructor(deps: CustomerTokenDeps) {
    this.#deps = deps
  }

  /** Access tokens of ours say what they are (RFC 9068 §2.1); everything else is a customer's. */
  isFor({ header }: PeekedToken): boolean {
    return header['typ'] !== 'at+jwt'
  }

  async authenticate(token: string, source: Source): Promise<Result<BearerIdentity, RefusalCode>> {
    const known = this.#verified.find(token)
    if (known !== undefined && this.#isVerified(known)) {
      const answer = this.#admit(known, source)
      if (!answer.ok) this.#verified.forget(token)
      return answer
    }
    const signed = readSignedToken(token)
    if (signed === undefined) return INVALID
    const appId = this.#appIdOf(signed)
    const first = appId === undefined ? undefined : this.#deps.apps.findById(appId)
    const searching = this.#deps.signers.find(
      signed,
      first === undefined ? [] : jwtSecretsOf(first),
    )
    const signer = searching instanceof Promise ? await searching : searching
    if (first === undefined) return INVALID
    // While a key set was fetched the app may have changed; what counts is how it is now.
    const loaded = this.#deps.apps.findById(first.app.id)
    if (signer === undefined || loaded === undefined) return INVALID
    return this.#take(token, { loaded, signer, signed, source })
  }

  #isVerified({ loaded, verifiedUntilMs }: Verified): boolean {
    const { apps, clock } = this.#deps
    // The app is replaced as a whole when anything about it changes.
    return apps.findById(loaded.app.id) === loaded && clock.monotonicMs() < verifiedUntilMs
  }

  #take(
    token: string,
    found: {
      readonly loaded: LoadedApp
      readonly signer: Signer
      readonly signed: SignedToken
      readonly source: Source
    },
  ): Result<BearerIdentity, RefusalCode> {
    const { loaded, signed, source } = found
    const signer = presentSigner(loaded, found.signer, this.#deps.clock.nowMs())
    if (signer === undefined) return INVALID
    const granted = this.#readGrant(signed, loaded, signer)
    if (!granted.ok) {
      this.#record(signer, loaded, source)
      return signer.outcome === 'accepted' ? granted : INVALID
    }
    const isRemote = signer.version.material.storage === 'remote'
    const verifiedMs = isRemote ? REMOTE_VERIFIED_MS : Number.POSITIVE_INFINITY
    const verifiedUntilMs = this.#deps.clock.monotonicMs() + verifiedMs
    const verified = { ...granted.value, loaded, signer, verifiedUntilMs }
    const answer = this.#admit(verified, source)
    if (answer.ok) this.#verified.remember(token, verified)
    return answer
  }

  /** What can change between two uses of a token. */
  #admit(verified: Verified, source: Source): Result<BearerIdentity, RefusalCode> {
    const { loaded, expiresAtMs, issuedAtMs, permissions, reliances, userId, limits } = verified
    const nowMs = this.#deps.clock.nowMs()
    const outcome = outcomeOf(verified.signer.version, nowMs)
    this.#record({ ...verified.signer, outcome }, loaded, source)
    if (outcome !== 'accepted') return INVALID
    if (isOver(expiresAtMs, nowMs)) return refuse('token_expired')
    // From the future: the clock was set back, and a revocation of now would miss it.
    if (issuedAtMs > nowMs) return INVALID
    const { tenant, app } = loaded
    const resting = [
      ...reliances,
      relianceOn({ kind: 'app', appId: app.id }),
      relianceOn({ kind: 'tenant', tenantId: tenant.id }),
    ]
    if (this.#deps.revocations.isRevoked(resting, issuedAtMs)) return refuse('credential_revoked')
    const admitted = admitApp(loaded, nowMs)
    return admitted.ok
      ? ok({ loaded, permissions, reliances, userId, expiresAtMs, limits })
      : admitted
  }

  #record(signer: Signer, loaded: LoadedApp, source: Source): void {
    const { credential, version, outcome } = signer
    const use = { credentialId: credential.record.id, versionId: version.id, outcome }
    this.#deps.recordUse(use, source, loaded.app)
  }

  /** By a claim, else by the id of a key: names of keys are not unique over apps. */
  #appIdOf({ claims, kid }: SignedToken): string | undefined {
    const { app, appId = app } = claims
    if (app !== undefined && app !== appId) return undefined
    if (appId !== undefined) return typeof appId === 'string' ? appId : undefined
    return kid === undefined ? undefined : this.#deps.apps.findByTokenKey(kid)?.app.id
  }

  #readGrant(
    { claims }: SignedToken,
    { app }: LoadedApp,
    { credential, version }: Signer,
  ): Result<Grant, RefusalCode> {
    const { jwtTtlMaxMs: lifeMsMax, jwtRoles } = app.settings
    const times = readTimes(claims, { nowMs: this.#deps.clock.nowMs(), lifeMsMax })
    if (!times.ok) return times.refusal === 'expired' ? refuse('token_expired') : INVALID
    if (!isMeantFor(claims, credential.record.attributes)) return INVALID
    const { jti, sub, clientId } = claims
    for (const identity of [jti, sub, clientId]) {
      if (identity !== undefined && !isIdentity(identity)) return INVALID
    }
    const permissions = claimedPermissions(claims, jwtRoles)
    const limited = claimedLimits(claims)
    if (!permissions.ok || !limited.ok) return INVALID
    const [userId] = [sub, clientId].filter(isIdentity)
    const { id: credentialId } = credential.record
    const appId = app.id
    const reliances = [
      ...(isIdentity(jti) ? [relianceOn({ kind: 'token', tokenId: tokenIdOf(appId, jti) })] : []),
      relianceOn({ kind: 'version', versionId: version.id }),
      relianceOn({ kind: 'credential', credentialId }),
      ...(userId === undefined ? [] : [relianceOn({ kind: 'user', appId, userId })]),
    ]
    // Without an id it is one of the user's: nobody's token is used up by those of others.
    const ofUser = userId === undefined ? version.id : `${version.id}/${userId}`
    const holder = isIdentity(jti) ? tokenIdOf(appId, jti) : ofUser
    const limits = limited.value === undefined ? undefined : { holder, limits: limited.value }
    return ok({ ...times.value, permissions: permissions.value, userId, reliances, limits })
  }
}

function jwtSecretsOf({ credentials }: LoadedApp) {
  return credentials.filter(({ record }) => record.kind === 'jwt_secret')
}

/** The same version as the directory has it now. */
function presentSigner(
  { credentials }: LoadedApp,
  { credential: { record }, version }: Signer,
  nowMs: number,
): Signer | undefined {
  const credential = credentials.find((each) => each.record.id === record.id)
  const present = credential?.record.versions.find(({ id }) => id === version.id)
  if (credential === undefined || present === undefined) return undefined
  return { credential, version: present, outcome: outcomeOf(present, nowMs) }
}

/** RFC 7519 §4.1.1 and §4.1.3, where the key asks for it. */
function isMeantFor(
  { iss, aud }: Readonly<Record<string, unknown>>,
  { issuer, audience }: CredentialAttributes,
): boolean {
  if (issuer !== undefined && iss !== issuer) return false
  if (audience === undefined) return true
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return named.length <= AUDIENCE_COUNT_MAX && audience.some((each) => named.includes(each))
}

function isIdentity(claim: unknown): claim is string {
  return (
    typeof claim === 'string' &&
    claim !== '' &&
    claim.length <= IDENTITY_CHARACTERS_MAX &&
    !/\p{Cc}/u.test(claim)
  )
}
