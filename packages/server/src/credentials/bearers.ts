/**
 * Who a bearer credential stands for (RFC 6750). One function for every protocol that takes one:
 * API keys are checked here, signed tokens by the door they are for.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Permissions } from '../core/permissions.ts'
import type { RefusalCode } from '../core/refusals.ts'
import { type Reliance, relianceOn } from '../core/reliance.ts'
import type { Source } from '../core/source.ts'
import type { Clock } from '../ports/clock.ts'
import { admitApp, type AppDirectory, type LoadedApp } from './app-directory.ts'
import { parseKey } from './key-format.ts'
import { permissionsOfScopes } from './scopes.ts'
import type { SecretCheck } from './secret-check.ts'
import { peekToken, type PeekedToken } from './tokens/peek.ts'
import type { RecordUse } from './use-recorder.ts'

/** What a credential that was verified may do, and what it rests on. */
export interface BearerIdentity {
  readonly loaded: LoadedApp
  readonly permissions: Permissions
  readonly reliances: readonly Reliance[]
  /** The user a token was made for. */
  readonly userId: string | undefined
  /** Undefined for keys, which live until they are rotated. */
  readonly expiresAtMs: number | undefined
}

/** Verifies one family of signed tokens. */
export interface TokenDoor {
  /** Whether this door decides about a token; the first one that is for it decides alone. */
  isFor(peeked: PeekedToken): boolean
  /** @returns `credential_invalid` for every way in which a token does not hold. */
  authenticate(token: string, source: Source): Promise<Result<BearerIdentity, RefusalCode>>
}

export interface BearerDeps {
  readonly apps: AppDirectory
  readonly check: SecretCheck
  readonly clock: Clock
  readonly recordUse: RecordUse
  readonly doors: readonly TokenDoor[]
}

export class Bearers {
  readonly #deps: BearerDeps

  constructor(deps: BearerDeps) {
    this.#deps = deps
  }

  /** @returns one refusal for every way in which a key is not valid. */
  async authenticate(token: string, source: Source): Promise<Result<BearerIdentity, RefusalCode>> {
    const { apps, check, clock, recordUse, doors } = this.#deps
    const peeked = peekToken(token)
    if (peeked !== undefined) {
      const door = doors.find((each) => each.isFor(peeked))
      return door === undefined ? refuse('credential_invalid') : door.authenticate(token, source)
    }
    const parsed = parseKey(token)
    // What is mistyped or made up costs a checksum and no look-up.
    if (!parsed.ok || !API_KEY_PREFIXES.has(parsed.value.prefix)) {
      return refuse('credential_invalid')
    }
    const entry = apps.findByKeyId(parsed.value.keyId)
    const nowMs = clock.nowMs()
    const match = check.match(token, entry === undefined ? [] : [entry.version], nowMs)
    if (entry === undefined || match === undefined) return refuse('credential_invalid')
    const { loaded, credential } = entry
    const { id: credentialId, attributes } = credential.record
    const { version, outcome } = match
    recordUse({ credentialId, versionId: version.id, outcome }, source, loaded.app)
    if (outcome !== 'accepted') return refuse('credential_invalid')
    if (!check.isConfirmed(version) && !(await check.confirm(token, version))) {
      return refuse('credential_invalid')
    }
    const admitted = admitApp(loaded, nowMs)
    if (!admitted.ok) return admitted
    return ok({
      loaded,
      permissions: permissionsOfScopes(attributes.scopes),
      reliances: [
        relianceOn({ kind: 'version', versionId: version.id }),
        relianceOn({ kind: 'credential', credentialId }),
      ],
      userId: undefined,
      expiresAtMs: undefined,
    })
  }
}

const API_KEY_PREFIXES: ReadonlySet<string> = new Set(['sk', 'pk', 'rk'])
