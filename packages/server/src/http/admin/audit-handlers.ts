/** The operations on the audit log. Every one reads page by page. */
import { ok, refuse } from '@lockgate/protocol/result'
import { auditedTenants, auditPages, storeSource } from '../../credentials/audit/audit-source.ts'
import { isObject, parseJson } from '../../credentials/audit/canonical-json.ts'
import { publicJwkOf } from '../../credentials/audit/checkpoint-body.ts'
import { type AuditEntry, INSTALLATION } from '../../credentials/audit/entry.ts'
import { FAULTS } from '../../credentials/audit/faults.ts'
import { ocsfEvent } from '../../credentials/audit/ocsf.ts'
import { verifyAudit } from '../../credentials/audit/verification.ts'
import type { AuditDatabase, AuditPage, AuditSource } from '../../ports/audit-log.ts'
import type { AuditRow } from '../../ports/records/audit.ts'
import type { AdminDeps } from './deps.ts'
import type { Handler, HandlerContext, HandlerInput } from './handlers.ts'
import type { Lines } from './line-stream.ts'
import { PAGE_COUNT_DEFAULT, readCursor, writeCursor } from './paging.ts'
import { timeText } from './shapes.ts'

type AuditName =
  | 'audit.list'
  | 'audit.export'
  | 'audit.verify'
  | 'audit.checkpoints'
  | 'audit.public-key'

/** What these are given of it. */
interface AuditContext extends Pick<HandlerContext, 'caller'> {
  readonly deps: Pick<AdminDeps, 'store' | 'audit' | 'version'>
  readonly principal: Pick<HandlerContext['principal'], 'tenantId'>
}

type AuditHandlers = {
  readonly [N in AuditName]: (
    input: HandlerInput<N>,
    context: AuditContext,
  ) => ReturnType<Handler<N>>
}

export const auditHandlers: AuditHandlers = {
  async 'audit.list'({ parameters }, { deps, principal }) {
    const { database: code = 'control', limit = PAGE_COUNT_DEFAULT } = parameters
    // A tenant's own key reads its own log; the installation's is for keys of the installation.
    const tenantId = parameters.tenantId ?? principal.tenantId ?? INSTALLATION
    const database = findDatabase(storeSource(deps.store), code)
    if (database === undefined) return refuse('not_found')
    const place = `audit.list ${tenantId} ${code}`
    if (parameters.order === 'newest') {
      return newestPage({ database, tenantId, list: `${place} newest`, limit }, parameters)
    }
    const start = startOf(parameters, place)
    if (!start.ok) return start
    const { list, afterSeq } = start.value
    const { rows, head } = await database.readPage({ tenantId, afterSeq, countMax: limit })
    return ok({ items: rows.map(rowShape), ...nextOf(list, rows, endOf(head)) })
  },
  async 'audit.checkpoints'({ parameters }, { deps, principal }) {
    const { limit = PAGE_COUNT_DEFAULT } = parameters
    const tenantId = parameters.tenantId ?? principal.tenantId ?? INSTALLATION
    const start = startOf(parameters, `audit.checkpoints ${tenantId}`)
    if (!start.ok) return start
    const { list, afterSeq } = start.value
    const items = await deps.store.control.transaction((each) =>
      each.listCheckpoints({ tenantId, afterSeq, countMax: limit + 1 }),
    )
    return ok({
      items: items.slice(0, limit),
      ...nextOf(list, items.slice(0, limit), items.at(-1)?.seq ?? 0),
    })
  },
  async 'audit.public-key'(_input, { deps }) {
    return ok(publicJwkOf(deps.audit.keys.auditSign.publicKey))
  },
  async 'audit.verify'({ parameters }, context) {
    const { deps, principal } = context
    const tenantId = parameters.tenantId ?? principal.tenantId
    const slot = deps.audit.slots.take()
    if (slot === undefined) return refuse('overloaded', BUSY_TEXT)
    return ok(verdictLines(tenantId, context, slot))
  },
  async 'audit.export'({ parameters }, context) {
    const { deps, principal } = context
    const tenantId = parameters.tenantId ?? principal.tenantId
    const { database: code, after } = parameters
    if (after !== undefined && (code === undefined || tenantId === undefined)) {
      return refuse('input_invalid', 'Rows are numbered by tenant and database: name both.')
    }
    const source = storeSource(deps.store)
    const databases = source.databases.filter((each) => code === undefined || each.code === code)
    if (databases.length === 0) return refuse('not_found')
    const slot = deps.audit.slots.take()
    if (slot === undefined) return refuse('overloaded', BUSY_TEXT)
    const range = {
      fromMs: parameters.from === undefined ? -Infinity : Date.parse(parameters.from),
      toMs: parameters.to === undefined ? Infinity : Date.parse(parameters.to),
      afterSeq: after ?? 0,
    }
    const { action, target } = { action: 'audit.exported' as const, target: targetOf(tenantId) }
    const entry = { action, target, outcome: 'success' as const, after: parameters }
    const begin = () => record(tenantId, entry, context)
    const { version } = deps
    return ok(eventLines({ source, databases, tenantId, range, version, begin }, slot))
  },
}

const BUSY_TEXT = 'As many verifications and exports run as may. Try again when one has ended.'

function findDatabase({ databases }: AuditSource, code: string): AuditDatabase | undefined {
  return databases.find((each) => each.code === code)
}

interface NewestQuery {
  readonly database: AuditDatabase
  readonly tenantId: string
  readonly list: string
  readonly limit: number
}

/** The chain has no gaps, so a page from its end is one that begins as many rows before. */
async function newestPage(
  { database, tenantId, list, limit }: NewestQuery,
  page: { readonly cursor?: string | undefined; readonly after?: number | undefined },
) {
  const floor = page.after ?? 0
  const start = startOf({ ...page, after: undefined }, list)
  if (!start.ok) return start
  const { head } = await database.readPage({ tenantId, afterSeq: LAST_SEQ, countMax: 1 })
  const endSeq = head === undefined || head === 'unknown' ? 1 : head.seq + 1
  const beforeSeq = page.cursor === undefined ? endSeq : Math.min(endSeq, start.value.afterSeq)
  const afterSeq = Math.max(floor, beforeSeq - 1 - limit)
  const countMax = beforeSeq - 1 - afterSeq
  if (countMax <= 0) return ok({ items: [] })
  const { rows } = await database.readPage({ tenantId, afterSeq, countMax })
  const items = rows.map(rowShape).reverse()
  if (afterSeq <= floor) return ok({ items })
  return ok({ items, nextCursor: writeCursor(list, [afterSeq + 1]) })
}

/** Beyond every row: only the head is asked for. */
const LAST_SEQ = Number.MAX_SAFE_INTEGER - 1

function startOf(
  page: { readonly cursor?: string | undefined; readonly after?: number | undefined },
  list: string,
) {
  if (page.cursor === undefined) return ok({ list, afterSeq: page.after ?? 0 })
  const read = readCursor(list, page.cursor)
  if (!read.ok) return read
  const [seq] = read.value
  return typeof seq === 'number' ? ok({ list, afterSeq: seq }) : refuse('input_invalid')
}

function nextOf(list: string, items: readonly { readonly seq: number }[], lastSeq: number) {
  const shown = items.at(-1)
  if (shown === undefined || shown.seq >= lastSeq) return {}
  return { nextCursor: writeCursor(list, [shown.seq]) }
}

function rowShape({ seq, atMs, entry, hash }: AuditRow) {
  const value = parseJson(entry)
  // A row that was tampered with may be no JSON any more; it is shown, not hidden.
  return { seq, at: timeText(atMs), entry: isObject(value) ? value : { unreadable: entry }, hash }
}

async function* verdictLines(
  tenantId: string | undefined,
  context: AuditContext,
  slot: () => void,
): Lines {
  const { keys } = context.deps.audit
  const { publicKey } = keys.auditSign
  const checkpoint = { publicKey, keyId: publicJwkOf(publicKey).kid }
  const scope = tenantId === undefined ? undefined : { tenantId }
  const source = storeSource(context.deps.store)
  try {
    for await (const finding of verifyAudit(source, { seal: keys.auditSeal, checkpoint }, scope)) {
      if (finding.kind === 'progress') yield undefined
      if (finding.kind === 'fault') {
        const { fault } = finding
        yield { kind: 'fault', isSound: false, ...fault, text: FAULTS[fault.code] }
      }
      if (finding.kind !== 'verdict') continue
      const { verdict } = finding
      const outcome = verdict.isSound ? 'success' : 'failure'
      const target = targetOf(tenantId)
      await record(
        tenantId,
        { action: 'audit.verified', target, outcome, after: { ...verdict } },
        context,
      )
      yield { kind: 'verdict', ...verdict }
    }
  } finally {
    slot()
  }
}

interface Export {
  readonly source: AuditSource
  readonly databases: readonly AuditDatabase[]
  readonly tenantId: string | undefined
  readonly range: { readonly fromMs: number; readonly toMs: number; readonly afterSeq: number }
  readonly version: string
  /** Writes down that there is an export, before anything is given out. */
  readonly begin: () => Promise<void>
}

/** Rows that were passed over before a sign of life. */
const SILENT_ROW_COUNT_MAX = 20_000

async function* eventLines(of: Export, slot: () => void): Lines {
  const { source, databases, tenantId, range, version } = of
  try {
    await of.begin()
    const tenantIds = tenantId === undefined ? await auditedTenants(source) : [tenantId]
    let silentCount = 0
    for (const database of databases) {
      for (const id of tenantIds) {
        for await (const row of rowsNow(database, { tenantId: id, afterSeq: range.afterSeq })) {
          if (row.atMs >= range.fromMs && row.atMs < range.toMs) {
            silentCount = 0
            yield ocsfEvent(row, { database: database.code, version })
          } else if (++silentCount === SILENT_ROW_COUNT_MAX) {
            silentCount = 0
            yield undefined
          }
        }
      }
    }
  } finally {
    slot()
  }
}

/** A chain without a head is read to its end: what is wrong with it is for verification to say. */
function endOf(head: AuditPage['head']): number {
  return head === undefined || head === 'unknown' ? Infinity : head.seq
}

/** Up to the head of the first page: what is written while it is read is for the next export. */
async function* rowsNow(
  database: AuditDatabase,
  chain: { readonly tenantId: string; readonly afterSeq: number },
): AsyncGenerator<AuditRow> {
  let endSeq: number | undefined
  for await (const { rows, head } of auditPages(database, chain)) {
    endSeq ??= endOf(head)
    for (const row of rows) {
      if (row.seq > endSeq) return
      yield row
    }
  }
}

function targetOf(tenantId: string | undefined) {
  return { kind: 'audit', id: tenantId ?? '*' }
}

function record(
  tenantId: string = INSTALLATION,
  entry: Pick<AuditEntry, 'action' | 'target' | 'outcome' | 'after'>,
  { deps, caller }: AuditContext,
): Promise<void> {
  const { control } = deps.store
  return control.transaction((transaction) =>
    deps.audit.trail.record({ code: control.code, transaction }, { ...entry, ...caller, tenantId }),
  )
}
