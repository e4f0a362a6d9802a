/**
 * The hash chain of audit rows, one for each tenant and database. A row's hash covers the hash
 * before it, so an edit shows; its seal is made with a key the database does not hold, so a chain
 * that was computed anew shows as well; the head's seal is of another kind, so a cut tail shows.
 */
import { createHash, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { AuditHead, AuditRow } from '../../ports/records/audit.ts'
import { canonicalJson } from './canonical-json.ts'
import type { AuditEntry } from './entry.ts'

/** Part of every hash; a new way of hashing gets the next number. */
const FORMAT = 'lockgate-audit-1'
/** What the first row of a chain follows. */
export const FIRST_HASH = '0'.repeat(64)

export interface ChainPlace {
  /** Of the database. */
  readonly code: string
  readonly sealKey: KeyObject
}

/** @param head of the chain the rows follow; undefined for a new one. */
export function nextRows(
  entries: readonly AuditEntry[],
  place: ChainPlace & { readonly head: AuditHead | undefined },
): { readonly rows: readonly AuditRow[]; readonly head: AuditHead } {
  const rows: AuditRow[] = []
  let seq = place.head?.seq ?? 0
  let hash = place.head?.hash ?? FIRST_HASH
  for (const entry of entries) {
    assertPlain(entry.before)
    assertPlain(entry.after)
    seq++
    const { tenantId, atMs } = entry
    const bare = { tenantId, seq, atMs, entry: canonicalJson(entry) }
    hash = hashOf(bare, hash, place.code)
    rows.push({ ...bare, hash, seal: sealOf('row', { tenantId, seq, hash }, place) })
  }
  const last = rows.at(-1)
  if (last === undefined) throw new Error('an audit append without a row')
  const { tenantId } = last
  return {
    rows,
    head: { tenantId, seq, hash, seal: sealOf('head', { tenantId, seq, hash }, place) },
  }
}

type Hashed = Pick<AuditRow, 'tenantId' | 'seq' | 'atMs' | 'entry'>

/** @returns SHA-256 in hex; the parts are told apart whatever they hold. */
export function hashOf(row: Hashed, previousHash: string, code: string): string {
  const parts = [FORMAT, previousHash, row.tenantId, code, row.seq, row.atMs, row.entry]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

/** @returns HMAC-SHA256 in hex. */
export function sealOf(
  kind: 'row' | 'head',
  of: Pick<AuditHead, 'tenantId' | 'seq' | 'hash'>,
  { code, sealKey }: ChainPlace,
): string {
  const parts = [FORMAT, kind, of.tenantId, code, of.seq, of.hash]
  return createHmac('sha256', sealKey).update(JSON.stringify(parts)).digest('hex')
}

/** @returns whether a seal is the one the key makes. */
export function isSealed(
  kind: 'row' | 'head',
  of: Pick<AuditHead, 'tenantId' | 'seq' | 'hash' | 'seal'>,
  place: ChainPlace,
): boolean {
  // As text: reading hex would let `A` pass for `a`, and whatever follows the last digit.
  const expected = Buffer.from(sealOf(kind, of, place))
  const given = Buffer.from(of.seal)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

const SECRET_FIELD = /secret$|password|^value$|private|^token$/i

/** A secret in the log stays there for ever. @throws where a field is named like one (a bug). */
function assertPlain(detail: unknown): void {
  if (typeof detail !== 'object' || detail === null) return
  for (const [key, value] of Object.entries(detail)) {
    if (SECRET_FIELD.test(key)) throw new Error(`an audit row would hold the field ${key}`)
    assertPlain(value)
  }
}
