/** A log in plain arrays, written and signed as the server does, for tests that tamper with it. */
import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import { nextRows } from '../../packages/server/src/credentials/audit/chain.ts'
import {
  bodyHashOf,
  FIRST_BODY_HASH,
  publicJwkOf,
  signCheckpoint,
} from '../../packages/server/src/credentials/audit/checkpoint-body.ts'
import type { AuditEntry } from '../../packages/server/src/credentials/audit/entry.ts'
import type { AuditSource } from '../../packages/server/src/ports/audit-log.ts'
import type { AuditKeys } from '../../packages/server/src/credentials/audit/verification.ts'
import type {
  AuditCheckpoint,
  AuditHead,
  AuditRow,
} from '../../packages/server/src/ports/records/audit.ts'

export type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export interface LogDatabase {
  readonly code: string
  rows: Mutable<AuditRow>[]
  heads: Mutable<AuditHead>[]
}

const pair = generateKeyPairSync('ed25519')
export const LOG_KEYS = {
  seal: createSecretKey(Buffer.alloc(32, 1)),
  checkpoint: { publicKey: pair.publicKey, keyId: publicJwkOf(pair.publicKey).kid },
} satisfies AuditKeys
export const LOG_PRIVATE_KEY = pair.privateKey

export function entryOf(tenantId: string, text: string): AuditEntry {
  return {
    atMs: 1_790_000_000_000,
    tenantId,
    actor: { kind: 'operator', id: 'cred_operator' },
    source: { ip: '192.0.2.7', agent: 'test', protocol: 'admin' },
    action: 'app.updated',
    target: { kind: 'app', id: 'app' },
    outcome: 'success',
    reason: text,
  }
}

export class TestLog {
  databases: LogDatabase[]
  checkpoints: Mutable<AuditCheckpoint>[] = []

  constructor(codes: readonly string[]) {
    this.databases = codes.map((code) => ({ code, rows: [], heads: [] }))
  }

  database(code: string): LogDatabase {
    const found = this.databases.find((each) => each.code === code)
    if (found === undefined) throw new Error(`no database ${code}`)
    return found
  }

  rowsOf(code: string, tenantId: string): Mutable<AuditRow>[] {
    return this.database(code).rows.filter((row) => row.tenantId === tenantId)
  }

  append(code: string, tenantId: string, texts: readonly string[]): void {
    const database = this.database(code)
    const head = database.heads.find((each) => each.tenantId === tenantId)
    const place = { code, head, sealKey: LOG_KEYS.seal }
    const entries = texts.map((text) => entryOf(tenantId, text))
    const next = nextRows(entries, place)
    database.rows.push(...next.rows.map((row) => ({ ...row })))
    database.heads = database.heads.filter((each) => each.tenantId !== tenantId)
    database.heads.push({ ...next.head })
  }

  /** Signs the heads of a tenant as they are. */
  sign(tenantId: string): AuditCheckpoint {
    const own = this.checkpoints.filter((each) => each.tenantId === tenantId)
    const last = own.at(-1)
    const heads = this.databases.flatMap(({ code, heads: all }) =>
      all
        .filter((head) => head.tenantId === tenantId)
        .map(({ seq, hash }) => [code, { seq, hash }] as const),
    )
    const body = {
      tenantId,
      seq: own.length + 1,
      atMs: 1_790_000_000_000,
      heads: Object.fromEntries(heads),
      previous: last === undefined ? FIRST_BODY_HASH : bodyHashOf(last),
    }
    const checkpoint = signCheckpoint(body, LOG_PRIVATE_KEY, LOG_KEYS.checkpoint.keyId)
    this.checkpoints.push({ ...checkpoint })
    return checkpoint
  }

  /** What somebody with the database keys does: the rows anew from `seq` on, with seals and head. */
  rebuild(
    code: string,
    tenantId: string,
    change: { readonly seq: number; readonly text: string },
  ): void {
    const database = this.database(code)
    const old = this.rowsOf(code, tenantId)
    database.rows = database.rows.filter((row) => row.tenantId !== tenantId)
    database.heads = database.heads.filter((head) => head.tenantId !== tenantId)
    const texts = old.map(({ seq, entry }) =>
      seq === change.seq ? change.text : (JSON.parse(entry) as { reason: string }).reason,
    )
    this.append(code, tenantId, texts)
  }

  copy(): TestLog {
    const made = new TestLog([])
    made.databases = structuredClone(this.databases)
    made.checkpoints = structuredClone(this.checkpoints)
    return made
  }

  source(): AuditSource {
    const rising = <T extends { seq: number; tenantId: string }>(
      all: readonly T[],
      query: { tenantId: string; afterSeq: number; countMax: number },
    ): readonly T[] =>
      all
        .filter(({ tenantId, seq }) => tenantId === query.tenantId && seq > query.afterSeq)
        .sort((a, b) => a.seq - b.seq)
        .slice(0, query.countMax)
    return {
      databases: this.databases.map(({ code, rows, heads }) => ({
        code,
        tenantIds: async () => heads.map(({ tenantId }) => tenantId),
        readPage: async (query) => ({
          rows: rising(rows, query),
          head: heads.find(({ tenantId }) => tenantId === query.tenantId),
        }),
      })),
      tenantIds: async () => this.checkpoints.map(({ tenantId }) => tenantId),
      readCheckpoints: async (query) => rising(this.checkpoints, query),
    }
  }
}
