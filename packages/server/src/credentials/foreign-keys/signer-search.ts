/**
 * Finds the version of a customer's credential that signed a token. Only keys the customer has
 * registered are tried, each only for the algorithms it is for: a public key is never an HMAC
 * secret, nor the reverse (RFC 8725 §2.1, §3.1).
 */
import type { Clock } from '../../ports/clock.ts'
import type { Material, VersionRecord } from '../../ports/records/credential.ts'
import type { UseOutcome } from '../../ports/records/use.ts'
import type { LoadedCredential } from '../app-directory.ts'
import { outcomeOf } from '../engine/reading.ts'
import { isHmac, isMacValid, isSignatureValid, type SignatureAlgorithm } from './algorithms.ts'
import { tryDecoy } from './decoy-key.ts'
import { type PublicKey, readJwkText } from './public-key.ts'
import type { RemoteKeys } from './remote-keys.ts'
import type { SignedToken } from './signed-token.ts'

/** Our bound on what one token costs; who has more keys says by `kid` which is meant. */
export const TRIED_COUNT_MAX = 16

export interface Signer {
  readonly credential: LoadedCredential
  readonly version: VersionRecord
  /** Only `accepted` lets anybody in; the others are for the record. */
  readonly outcome: UseOutcome
}

interface Candidate extends Signer {
  readonly key: PublicKey | undefined
}

export class SignerSearch {
  readonly #remote: RemoteKeys
  readonly #clock: Clock
  /** Records are never changed in place, so what was read once stays true. */
  readonly #read = new WeakMap<Material, PublicKey>()

  constructor({ remote, clock }: { readonly remote: RemoteKeys; readonly clock: Clock }) {
    this.#remote = remote
    this.#clock = clock
  }

  /**
   * @param credentials of one app, and of the kind that may sign this; none for an app that is not
   *   there, which takes as long as a wrong signature.
   * @returns an accepted version before an ended one; a promise only where a key set is read.
   * @throws Outage when a key set that may hold the key cannot be had.
   */
  find(
    token: SignedToken,
    credentials: readonly LoadedCredential[],
  ): Signer | undefined | Promise<Signer | undefined> {
    const fitting = credentials.filter(({ record }) => {
      const { algorithms } = record.attributes
      return algorithms === undefined || algorithms.includes(token.algorithm)
    })
    const candidates = this.#candidatesOf(token, fitting)
    const named = candidates.filter((each) => isNamed(each, token.kid))
    const tried = token.kid === undefined ? candidates : named
    const found = tried.slice(0, TRIED_COUNT_MAX).find((each) => hasSigned(each, token))
    const remote = isHmac(token.algorithm) ? [] : this.#remoteOf(fitting)
    // A kid that names a key here names no other one.
    if (
      found === undefined &&
      named.length === 0 &&
      !isHmac(token.algorithm) &&
      remote.length > 0
    ) {
      return this.#findRemote(token, token.algorithm, remote)
    }
    if (tried.length === 0) tryDecoy(token)
    return found
  }

  /** Every version with a key for the algorithm: accepted ones first, newest first. */
  #candidatesOf(token: SignedToken, credentials: readonly LoadedCredential[]): Candidate[] {
    const nowMs = this.#clock.nowMs()
    const all = credentials.flatMap((credential) =>
      credential.record.versions.toReversed().flatMap((version): Candidate[] => {
        const outcome = outcomeOf(version, nowMs)
        if (isHmac(token.algorithm)) {
          const hasSecret = credential.secrets.has(version.id)
          return hasSecret ? [{ credential, version, outcome, key: undefined }] : []
        }
        const key = this.#keyOf(version.material)
        const isFor = key?.algorithms.some((each) => each === token.algorithm) === true
        return isFor ? [{ credential, version, outcome, key }] : []
      }),
    )
    const [accepted, ended] = [true, false].map((isWanted) =>
      all.filter(({ outcome }) => (outcome === 'accepted') === isWanted),
    )
    return [...(accepted ?? []), ...(ended ?? [])]
  }

  #keyOf(material: Material): PublicKey | undefined {
    if (material.storage !== 'public') return undefined
    const known = this.#read.get(material)
    if (known !== undefined) return known
    const read = readJwkText(material.jwk)
    if (!read.ok) return undefined
    this.#read.set(material, read.value)
    return read.value
  }

  /** Ended ones are never fetched for. */
  #remoteOf(credentials: readonly LoadedCredential[]): readonly RemoteSet[] {
    const nowMs = this.#clock.nowMs()
    return credentials.flatMap((credential) =>
      credential.record.versions.flatMap((version): RemoteSet[] => {
        const { material } = version
        const isCounting = outcomeOf(version, nowMs) === 'accepted'
        if (material.storage !== 'remote' || !isCounting) return []
        return [{ credential, version, url: material.jwksUrl }]
      }),
    )
  }

  async #findRemote(
    token: SignedToken,
    algorithm: SignatureAlgorithm,
    sets: readonly RemoteSet[],
  ): Promise<Signer | undefined> {
    const isWanted = ({ kid, algorithms }: PublicKey) =>
      algorithms.includes(algorithm) && (token.kid === undefined || kid === token.kid)
    const failures: unknown[] = []
    let triedCount = 0
    for (const { credential, version, url } of sets) {
      const { tenantId = '' } = credential.record
      const keys = await this.#remote.find(url, { isWanted, tenantId }).catch((error: unknown) => {
        failures.push(error)
        return []
      })
      for (const { key } of keys) {
        if (++triedCount > TRIED_COUNT_MAX) return undefined
        if (!isSignatureValid(algorithm, key, token)) continue
        // Time has passed: whether the version still counts is asked anew.
        return { credential, version, outcome: outcomeOf(version, this.#clock.nowMs()) }
      }
    }
    const [failure] = failures
    // Any of the sets that could not be had may hold the key.
    if (failure instanceof Error) throw failure
    return undefined
  }
}

interface RemoteSet {
  readonly credential: LoadedCredential
  readonly version: VersionRecord
  readonly url: string
}

/** By what the key is called here, or by what its owner calls it. */
function isNamed({ credential, version, key }: Candidate, kid: string | undefined): boolean {
  if (kid === undefined) return false
  const { id, name } = credential.record
  return [name, id, version.id, key?.kid, key?.thumbprint].includes(kid)
}

function hasSigned({ credential, version, key }: Candidate, token: SignedToken): boolean {
  const { algorithm } = token
  if (isHmac(algorithm)) {
    const secret = key === undefined ? credential.secrets.get(version.id) : undefined
    return secret !== undefined && isMacValid(algorithm, secret, token)
  }
  return key !== undefined && isSignatureValid(algorithm, key.key, token)
}
