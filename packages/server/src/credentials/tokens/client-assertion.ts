/**
 * Clients that prove who they are with a key of their own: `private_key_jwt`, RFC 7523 §3, as RFC
 * 9700 §2.5 recommends. Only the public half is known here. An assertion is used once.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Source } from '../../core/source.ts'
import type { Clock } from '../../ports/clock.ts'
import type { AppDirectory, LoadedApp } from '../app-directory.ts'
import { isRegistered, outcomeOf } from '../engine/reading.ts'
import { isHmac } from '../foreign-keys/algorithms.ts'
import { readSignedToken, type SignedToken } from '../foreign-keys/signed-token.ts'
import type { SignerSearch } from '../foreign-keys/signer-search.ts'
import { LEEWAY_MS, readTimes } from '../foreign-keys/token-times.ts'
import type { RecordUse } from '../use-recorder.ts'
import type { AssertionCheck, AuthenticatedClient } from './client-authentication.ts'
import { UsedAssertions } from './used-assertions.ts'

export interface ClientAssertionDeps {
  readonly apps: AppDirectory
  readonly signers: SignerSearch
  readonly clock: Clock
  readonly recordUse: RecordUse
}

/** Ours: an assertion is made for the call it comes with. */
export const ASSERTION_LIFE_MS_MAX = 300_000
const JTI_CHARACTERS_MAX = 200
const AUDIENCE_COUNT_MAX = 8

const INVALID = refuse('client_invalid' as const)

export class ClientAssertions implements AssertionCheck {
  readonly #deps: ClientAssertionDeps
  readonly #used = new UsedAssertions(ASSERTION_LIFE_MS_MAX + 2 * LEEWAY_MS)

  constructor(deps: ClientAssertionDeps) {
    this.#deps = deps
  }

  /**
   * @param context.audiences the names of this server, for the tenant of the client.
   * @param context.clientId what the request says beside the assertion, if it does.
   * @throws Outage when the key set of the client cannot be had.
   */
  async check(
    assertion: string,
    context: { readonly audiences: readonly string[]; readonly clientId: string | undefined },
    source: Source,
  ): Promise<Result<AuthenticatedClient, 'client_invalid'>> {
    const { apps, signers, clock, recordUse } = this.#deps
    const signed = readSignedToken(assertion)
    // A client that shares a secret sends that one; here only the client can sign.
    if (signed === undefined || isHmac(signed.algorithm)) return INVALID
    const clientId = clientIdOf(signed, context)
    if (clientId === undefined) return INVALID
    const searching = signers.find(signed, keysOf(apps.findByClientId(clientId)))
    const signer = searching instanceof Promise ? await searching : searching
    // While a key set was fetched the app may have changed; what counts is how it is now.
    const loaded = apps.findByClientId(clientId)
    if (signer === undefined || loaded === undefined) return INVALID
    const credentialId = signer.credential.record.id
    const nowMs = clock.nowMs()
    const version = keysOf(loaded)
      .flatMap(({ record }) => record.versions)
      .find(({ id }) => id === signer.version.id)
    if (version === undefined) return INVALID
    const outcome = outcomeOf(version, nowMs)
    recordUse({ credentialId, versionId: version.id, outcome }, source, loaded.app)
    const times = readTimes(signed.claims, { nowMs, lifeMsMax: ASSERTION_LIFE_MS_MAX })
    if (outcome !== 'accepted' || !times.ok) return INVALID
    // Last, and without a wait before it: of two copies that come at once one is the first.
    const isFirst = this.#used.take(loaded.app.id, String(signed.claims['jti']), nowMs)
    if (!isFirst) return INVALID
    return ok({ loaded, credentialId, versionId: version.id })
  }
}

/** RFC 7523 §3: issuer and subject are the client, the audience is this server; it has an id. */
function clientIdOf(
  { claims }: SignedToken,
  context: { readonly audiences: readonly string[]; readonly clientId: string | undefined },
): string | undefined {
  const { iss, sub, aud, jti } = claims
  if (typeof sub !== 'string' || iss !== sub) return undefined
  if (context.clientId !== undefined && context.clientId !== sub) return undefined
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  // Made out to somebody else as well, it could be sent on by them.
  const isOurs = named.length > 0 && named.length <= AUDIENCE_COUNT_MAX
  if (!isOurs || !named.every((each) => context.audiences.some((ours) => ours === each))) {
    return undefined
  }
  const isNamed = typeof jti === 'string' && jti !== '' && jti.length <= JTI_CHARACTERS_MAX
  return isNamed ? sub : undefined
}

/** A public app keeps no secret, so it has no key either. */
function keysOf(loaded: LoadedApp | undefined) {
  if (loaded === undefined || loaded.app.type === 'public') return []
  return loaded.credentials.filter(
    ({ record }) => record.kind === 'client_secret' && isRegistered(record),
  )
}
