/**
 * Takes authority back: from tokens, families, users, apps and tenants. The record is durable
 * before anything is closed; from then on this node refuses what rested on it, and the live
 * connections end before the call answers.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { Receipt } from '../../core/receipt.ts'
import { type RevocationTarget, relianceOn } from '../../core/reliance.ts'
import type { Revoker } from '../../core/revoker.ts'
import type { FamilySelector } from '../../ports/records/refresh-family.ts'
import type { RevocationRecord } from '../../ports/records/revocation.ts'
import type { RegionDatabase, RegionTransaction } from '../../ports/store.ts'
import type { AdministrationDeps, Caller } from './context.ts'

/** Longer than any token can live: 24 hours and the skew of clocks. */
export const REVOCATION_KEPT_MS = 25 * 60 * 60 * 1000

/** Whose token, family or user it is; the caller was authorized for this tenant. */
export interface RevocationPlace {
  readonly tenantId: string
  /** Undefined for a whole tenant only. */
  readonly appId: string | undefined
}

/** What credential changes revoke by their own move of the engine. */
type DirectTarget = Exclude<RevocationTarget, { kind: 'version' } | { kind: 'credential' }>

export class Revocations {
  readonly #deps: AdministrationDeps
  readonly #revoker: Revoker

  constructor(deps: AdministrationDeps, revoker: Revoker) {
    this.#deps = deps
    this.#revoker = revoker
  }

  /**
   * @returns the receipt, after the last close of this node.
   * @throws Outage before anything was revoked.
   */
  async revoke(
    target: DirectTarget,
    place: RevocationPlace & {
      readonly reason: string
      /** Nothing it concerns lives longer; undefined: than any token can. */
      readonly untilMs?: number
    },
    caller: Caller,
  ): Promise<Result<Receipt, AdminRefusalCode>> {
    const regions = this.#regionsOf(place)
    if (regions === undefined) return refuse('not_found')
    let record: RevocationRecord | undefined
    let familyCount = 0
    for (const region of regions) {
      familyCount += await region.transaction(async (transaction) => {
        // Read when its turn has come: what was refreshed in the turns before was issued before.
        const atMs = this.#deps.clock.nowMs()
        record = {
          reliance: relianceOn(target),
          tenantId: place.tenantId,
          atMs,
          untilMs: place.untilMs ?? atMs + REVOCATION_KEPT_MS,
        }
        const count = await endFamilies(transaction, { target, place, atMs })
        await transaction.saveRevocation(record)
        await this.#deps.audit.record(
          { code: region.code, transaction },
          {
            tenantId: place.tenantId,
            actor: caller.actor,
            source: caller.source,
            requestId: caller.requestId,
            action: target.kind === 'token' ? 'token.revoked' : 'revocation.made',
            target: { kind: target.kind, id: record.reliance },
            outcome: 'success',
            reason: place.reason,
            after: { familyCount: count },
          },
        )
        return count
      })
    }
    return ok(await this.carryOut(target, { record, regions, familyCount }))
  }

  /** Makes a committed revocation known and felt, here and on every other node. */
  async carryOut(
    target: RevocationTarget,
    made: {
      readonly record: RevocationRecord | undefined
      readonly regions: readonly RegionDatabase[]
      readonly familyCount: number
    },
  ): Promise<Receipt> {
    if (made.record !== undefined) {
      this.#deps.authority.revoked(made.record)
      for (const { region } of made.regions) {
        await this.#deps.authority.changed({ kind: 'revocations', region })
      }
    }
    return { ...(await this.#revoker.revoke(target)), familyCount: made.familyCount }
  }

  #regionsOf({ tenantId, appId }: RevocationPlace): readonly RegionDatabase[] | undefined {
    const { authority, store } = this.#deps
    if (appId === undefined) return [...store.regions.values()]
    const loaded = authority.apps.findById(appId)
    if (loaded === undefined || loaded.tenant.id !== tenantId) return undefined
    return [authority.regionOf(loaded.app)]
  }
}

async function endFamilies(
  transaction: RegionTransaction,
  made: {
    readonly target: DirectTarget
    readonly place: RevocationPlace
    readonly atMs: number
  },
): Promise<number> {
  const selector = selectorOf(made.target)
  if (selector === undefined) return 0
  if (selector.by === 'id') {
    // A family of another app is not there for this caller.
    const family = await transaction.findFamily(selector.id)
    if (family === undefined || family.appId !== made.place.appId) return 0
  }
  return transaction.revokeFamilies(selector, made.atMs)
}

function selectorOf(target: DirectTarget): FamilySelector | undefined {
  switch (target.kind) {
    case 'family':
      return { by: 'id', id: target.familyId }
    case 'app':
      return { by: 'app', appId: target.appId }
    case 'tenant':
      return { by: 'tenant', tenantId: target.tenantId }
    case 'token':
    case 'user':
      return undefined
    default:
      return target satisfies never
  }
}
