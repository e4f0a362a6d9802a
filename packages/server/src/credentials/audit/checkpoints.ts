/**
 * Signs, now and then, the heads of every tenant's chains that have moved: one checkpoint over all
 * databases, chained to the one before. A checkpoint never goes back: a chain that does not go on
 * from what was signed before is not signed anew, so that the log keeps saying what it was.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { AuditCheckpoint, AuditHead } from '../../ports/records/audit.ts'
import { type AuditRecords, Conflict, type Database, type Store } from '../../ports/store.ts'
import type { InstallationKeys } from '../installation-keys.ts'
import { databasesOf } from './audit-source.ts'
import { isSealed } from './chain.ts'
import {
  bodyHashOf,
  type CheckpointHead,
  type CheckpointHeads,
  FIRST_BODY_HASH,
  openCheckpoint,
  publicJwkOf,
  signCheckpoint,
} from './checkpoint-body.ts'

/** Our bound on checkpoints in one transaction: other changes get their turn in between. */
const BATCH_COUNT = 100

interface Last {
  readonly seq: number
  readonly atMs: number
  readonly bodyHash: string
  readonly heads: CheckpointHeads
}

const NONE: Last = { seq: 0, atMs: 0, bodyHash: FIRST_BODY_HASH, heads: {} }

export interface CheckpointDeps {
  readonly store: Store
  readonly keys: Pick<InstallationKeys, 'auditSeal' | 'auditSign'>
  readonly clock: Clock
  readonly log: Log
}

export class Checkpoints {
  readonly #deps: CheckpointDeps
  readonly #keyId: string
  /** One for each tenant that has a chain. */
  readonly #last = new Map<string, Last>()
  /** Chains that were found broken, so that the log says each once. */
  readonly #broken = new Set<string>()
  #isComplete = false

  constructor(deps: CheckpointDeps) {
    this.#deps = deps
    this.#keyId = publicJwkOf(deps.keys.auditSign.publicKey).kid
  }

  /** @returns the last checkpoint by tenant, as far as is known: see {@link isComplete}. */
  latest(): ReadonlyMap<string, { readonly seq: number; readonly atMs: number }> {
    return this.#last
  }

  /** Whether the last checkpoint of every tenant is known; it is after the first {@link make}. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** Signs what has moved. @throws Outage; what was not signed is next time. */
  async make(): Promise<void> {
    const made: { checkpoint: AuditCheckpoint; last: Last }[] = []
    for (const [tenantId, current] of await this.#readHeads()) {
      const last = this.#last.get(tenantId) ?? (await this.#readLast(tenantId))
      this.#last.set(tenantId, last)
      const heads = await this.#advance(tenantId, { last: last.heads, current })
      if (heads === undefined) continue
      const body = {
        tenantId,
        seq: last.seq + 1,
        atMs: this.#deps.clock.nowMs(),
        heads,
        previous: last.bodyHash,
      }
      const { privateKey } = this.#deps.keys.auditSign
      const checkpoint = signCheckpoint(body, privateKey, this.#keyId)
      const { seq, atMs } = body
      const next = { seq, atMs, bodyHash: bodyHashOf(checkpoint), heads }
      made.push({ checkpoint, last: next })
      if (made.length >= BATCH_COUNT) await this.#append(made.splice(0))
    }
    await this.#append(made)
    this.#isComplete = true
  }

  async #readHeads(): Promise<ReadonlyMap<string, ReadonlyMap<string, AuditHead>>> {
    const byTenant = new Map<string, Map<string, AuditHead>>()
    for (const database of databasesOf(this.#deps.store)) {
      const heads = await database.transaction((each) => each.listAuditHeads())
      for (const head of heads) {
        const known = byTenant.get(head.tenantId) ?? new Map<string, AuditHead>()
        byTenant.set(head.tenantId, known.set(database.code, head))
      }
    }
    return byTenant
  }

  async #readLast(tenantId: string): Promise<Last> {
    const { control } = this.#deps.store
    const checkpoint = await control.transaction((each) => each.findCheckpoint(tenantId))
    if (checkpoint === undefined) return NONE
    const { publicKey } = this.#deps.keys.auditSign
    const body = openCheckpoint(checkpoint, { publicKey, keyId: this.#keyId })
    if (body === undefined) this.#tellBroken(tenantId, 'control', 'a checkpoint was changed')
    // Followed all the same: a gap would hide where it happened.
    const { seq, atMs } = checkpoint
    return { seq, atMs, bodyHash: bodyHashOf(checkpoint), heads: body?.heads ?? {} }
  }

  /** @returns the heads to sign; undefined when none has moved. */
  async #advance(
    tenantId: string,
    of: { readonly last: CheckpointHeads; readonly current: ReadonlyMap<string, AuditHead> },
  ): Promise<CheckpointHeads | undefined> {
    const heads: Record<string, CheckpointHead> = { ...of.last }
    let hasMoved = false
    for (const database of databasesOf(this.#deps.store)) {
      const { code } = database
      const signed = of.last[code]
      const head = of.current.get(code)
      if (head?.seq === signed?.seq && head?.hash === signed?.hash) continue
      if (head === undefined || !(await this.#goesOn(head, signed, database))) {
        this.#tellBroken(tenantId, code, 'a chain does not go on from what was signed')
        continue
      }
      heads[code] = { seq: head.seq, hash: head.hash }
      hasMoved = true
    }
    return hasMoved ? heads : undefined
  }

  async #goesOn(
    head: AuditHead,
    signed: CheckpointHead | undefined,
    database: Database<AuditRecords>,
  ): Promise<boolean> {
    const place = { code: database.code, sealKey: this.#deps.keys.auditSeal }
    if (!isSealed('head', head, place)) return false
    if (signed === undefined) return true
    const { tenantId } = head
    const page = { tenantId, afterSeq: signed.seq - 1, countMax: 1 }
    const [row] = await database.transaction((each) => each.listAudit(page))
    return head.seq > signed.seq && row?.seq === signed.seq && row.hash === signed.hash
  }

  async #append(made: readonly { checkpoint: AuditCheckpoint; last: Last }[]): Promise<void> {
    if (made.length === 0) return
    try {
      await this.#deps.store.control.transaction(async (transaction) => {
        for (const { checkpoint } of made) await transaction.appendCheckpoint(checkpoint)
      })
    } catch (error) {
      // Another node was first, or the outage came after the commit: what is stored decides.
      for (const { checkpoint } of made) this.#last.delete(checkpoint.tenantId)
      if (error instanceof Conflict) return
      throw error
    }
    for (const { checkpoint, last } of made) this.#last.set(checkpoint.tenantId, last)
  }

  #tellBroken(tenantId: string, database: string, what: string): void {
    const key = `${database} ${tenantId} ${what}`
    if (this.#broken.has(key)) return
    this.#broken.add(key)
    const fields = { tenantId, database }
    this.#deps.log.error('audit_broken', new Error(`${what}: run lockgate audit verify`), fields)
  }
}
