/**
 * Follows one chain from its first row and finds the first one that is not as it was written:
 * by its hash, by its seal where the key is there, by the head, and by what checkpoints signed.
 */
import type { KeyObject } from 'node:crypto'
import type { AuditDatabase, AuditPage } from '../../ports/audit-log.ts'
import type { AuditRow } from '../../ports/records/audit.ts'
import { auditPages } from './audit-source.ts'
import { FIRST_HASH, hashOf, isSealed } from './chain.ts'
import type { CheckpointHead } from './checkpoint-body.ts'
import type { AuditFault } from './faults.ts'

export interface Chain {
  readonly database: AuditDatabase
  readonly tenantId: string
  /** Undefined: seals are not looked at. */
  readonly sealKey: KeyObject | undefined
  /** Heads that checkpoints signed, rising. */
  readonly signed: AsyncIterator<CheckpointHead, void>
}

/** Of one chain; the first fault is where looking ends. */
export type ChainFault = Omit<AuditFault, 'tenantId' | 'database'>

/**
 * Yields how many rows it has followed, page after page.
 * @returns undefined for a chain that is sound.
 * @throws Outage
 */
export async function* checkChain(chain: Chain): AsyncGenerator<number, ChainFault | undefined> {
  const follower = new Follower(chain)
  let head: AuditPage['head']
  for await (const page of auditPages(chain.database, chain)) {
    for (const row of page.rows) {
      const fault = await follower.follow(row)
      if (fault !== undefined) return fault
    }
    yield page.rows.length
    ;({ head } = page)
  }
  return follower.end(head)
}

class Follower {
  readonly #chain: Chain
  #seq = 0
  #hash = FIRST_HASH
  /** The last row that a checkpoint confirms. */
  #confirmedSeq = 0
  #signed: CheckpointHead | undefined
  #hasBegun = false

  constructor(chain: Chain) {
    this.#chain = chain
  }

  async follow(row: AuditRow): Promise<ChainFault | undefined> {
    const { database, sealKey } = this.#chain
    const seq = this.#seq + 1
    if (row.seq !== seq) return { seq, code: 'row_missing' }
    if (hashOf(row, this.#hash, database.code) !== row.hash) return { seq, code: 'row_changed' }
    const place = { code: database.code, sealKey }
    if (isKeyed(place) && !isSealed('row', row, place)) return { seq, code: 'row_forged' }
    if (!this.#hasBegun) await this.#nextSigned()
    if (this.#signed?.seq === seq) {
      if (this.#signed.hash !== row.hash) {
        return { seq: this.#confirmedSeq + 1, throughSeq: seq, code: 'rebuilt' }
      }
      this.#confirmedSeq = seq
      await this.#nextSigned()
    }
    this.#seq = seq
    this.#hash = row.hash
    return undefined
  }

  /** @param head that was read with the last rows. */
  async end(head: AuditPage['head']): Promise<ChainFault | undefined> {
    if (!this.#hasBegun) await this.#nextSigned()
    const seq = this.#seq + 1
    if (head === undefined && this.#seq > 0) return { seq: this.#seq, code: 'head_missing' }
    if (head !== undefined && head !== 'unknown') {
      const place = { code: this.#chain.database.code, sealKey: this.#chain.sealKey }
      if (head.seq > this.#seq) return { seq, code: 'tail_cut' }
      if (head.seq < this.#seq) return { seq: head.seq + 1, code: 'head_behind' }
      const isTrue = head.hash === this.#hash && (!isKeyed(place) || isSealed('head', head, place))
      if (!isTrue) return { seq, code: 'head_forged' }
    }
    let throughSeq: number | undefined
    for (; this.#signed !== undefined; await this.#nextSigned()) throughSeq = this.#signed.seq
    if (throughSeq === undefined) return undefined
    return { seq, throughSeq, code: this.#seq === 0 ? 'chain_missing' : 'rolled_back' }
  }

  async #nextSigned(): Promise<void> {
    this.#hasBegun = true
    const next = await this.#chain.signed.next()
    this.#signed = next.done === true ? undefined : next.value
  }
}

function isKeyed(place: {
  readonly code: string
  readonly sealKey: KeyObject | undefined
}): place is { readonly code: string; readonly sealKey: KeyObject } {
  return place.sealKey !== undefined
}
