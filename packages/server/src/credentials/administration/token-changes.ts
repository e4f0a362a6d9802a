/**
 * Tokens of an app as operators see and end them, and the client secret they are bought with as
 * seed 000 regenerates it.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { Receipt } from '../../core/receipt.ts'
import type { RefreshFamilyRecord } from '../../ports/records/refresh-family.ts'
import { tokenIdOf } from '../tokens/token-id.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import type { CredentialChanges } from './credential-changes.ts'
import { isClientSecret } from './credential-making.ts'
import type { RotationOutcome } from './issued.ts'
import type { Revocations } from './revocations.ts'

export interface TokenChangeParts {
  readonly changes: CredentialChanges
  readonly revocations: Revocations
}

export interface FamilyPage {
  readonly families: readonly RefreshFamilyRecord[]
  /** Undefined at the end of the list. */
  readonly nextCursor: string | undefined
}

export interface RegenerationRequest {
  readonly appId: string
  /** 0: what was accepted before ends at once. */
  readonly overlapMs: number
  readonly reason?: string | undefined
}

export class TokenChanges {
  readonly #deps: AdministrationDeps
  readonly #parts: TokenChangeParts

  constructor(deps: AdministrationDeps, parts: TokenChangeParts) {
    this.#deps = deps
    this.#parts = parts
  }

  /** @param cursor of the page before; any text is one, after which families come. */
  async families(request: {
    readonly appId: string
    readonly cursor?: string | undefined
    readonly countMax: number
  }): Promise<Result<FamilyPage, AdminRefusalCode>> {
    const { appId, cursor: afterId = '', countMax } = request
    const loaded = this.#deps.authority.apps.findById(appId)
    if (loaded === undefined) return refuse('not_found')
    const region = this.#deps.authority.regionOf(loaded.app)
    // One more than asked for tells whether there is another page.
    const page = { appId, afterId, countMax: countMax + 1 }
    const found = await region.transaction((each) => each.listFamilies(page))
    const families = found.slice(0, countMax)
    return ok({ families, nextCursor: found.length > countMax ? families.at(-1)?.id : undefined })
  }

  /**
   * Ends one access token, or a family with everything it gave out, and what is connected by it.
   * @throws Outage before anything was revoked.
   */
  async revoke(
    request: {
      readonly appId: string
      /** Its `jti`; of an access token of ours, or of one the app's backend has minted. */
      readonly tokenId?: string | undefined
      readonly familyId?: string | undefined
      readonly reason: string
    },
    caller: Caller,
  ): Promise<Result<Receipt, AdminRefusalCode>> {
    const { appId, tokenId, familyId, reason } = request
    const loaded = this.#deps.authority.apps.findById(appId)
    if (loaded === undefined) return refuse('not_found')
    const place = { tenantId: loaded.tenant.id, appId, reason }
    if (familyId === undefined) {
      if (tokenId === undefined) return refuse('input_invalid', 'Name the tokenId or familyId.')
      const target = { kind: 'token' as const, tokenId: tokenIdOf(appId, tokenId) }
      return this.#parts.revocations.revoke(target, place, caller)
    }
    if (tokenId !== undefined) return refuse('input_invalid', 'Name one: tokenId or familyId.')
    const region = this.#deps.authority.regionOf(loaded.app)
    const family = await region.transaction((each) => each.findFamily(familyId))
    // A family of another app is not there.
    if (family === undefined || family.appId !== appId) return refuse('not_found')
    return this.#parts.revocations.revoke({ kind: 'family', familyId }, place, caller)
  }

  /**
   * A new client secret in the place of the old one, or the first; its value is in the answer, this
   * once. Of several at once one wins, and the others are told.
   * @throws Outage before anything was made.
   */
  async regenerateSecret(
    { appId, overlapMs, reason }: RegenerationRequest,
    caller: Caller,
  ): Promise<Result<RotationOutcome, AdminRefusalCode>> {
    const loaded = this.#deps.authority.apps.findById(appId)
    if (loaded === undefined) return refuse('not_found')
    if (loaded.app.type === 'public') return refuse('public_client')
    const { changes } = this.#parts
    const secrets = loaded.credentials.filter(({ record }) => isClientSecret(record))
    const [first, second] = secrets
    if (second !== undefined) return refuse('input_invalid', SEVERAL_TEXT)
    if (first !== undefined) {
      const credentialId = first.record.id
      // Forced: whoever regenerates wants a new one, whatever overlap was running.
      return changes.rotate({ credentialId, overlapMs, isForced: true, reason }, caller)
    }
    const owner = { tenantId: loaded.tenant.id, appId }
    const kind = 'client_secret' as const
    const rest = { kind, name: 'client secret', attributes: {}, isOnlyOfKind: true }
    const made = await changes.create({ ...owner, ...rest }, caller)
    return made.ok ? ok({ ...made.value, receipt: undefined }) : made
  }
}

const SEVERAL_TEXT = 'This app has several client secrets: rotate the one you mean.'
