/** Documents that are kept, in a file and with a Worker of its own. */
import type {
  DocumentKey,
  DocumentStore,
  DocumentSummary,
  StoredDocument,
} from '../../ports/document-store.ts'
import { DOCUMENT_MIGRATIONS } from './document-migrations.ts'
import {
  appendStatements,
  compactStatements,
  listStatement,
  loadStatements,
  NEXT_NUMBER,
  type NumberedUpdate,
  PING,
  pruneStatement,
  removeAppStatement,
  removeStatement,
  updatesStatement,
} from './document-statements.ts'
import { documentsFileOf } from './file-names.ts'
import type { Group } from './group.ts'
import { type FileParts, WorkerFile } from './worker-file.ts'

/** Our bound on updates that are sent to the Worker in one go. */
const PORTION_COUNT_MAX = 1_000

export class SqlDocumentStore implements DocumentStore {
  readonly #file: WorkerFile
  #nextNumber = 1

  constructor(parts: FileParts) {
    this.#file = new WorkerFile(parts, {
      name: documentsFileOf(parts.place.dbCode),
      migrations: DOCUMENT_MIGRATIONS,
      pingStatement: PING,
      prepare: async (connection) => {
        const [answer] = await connection.runAll([NEXT_NUMBER])
        this.#nextNumber = Number(answer?.rows[0]?.['number'])
      },
    })
  }

  append(
    updates: readonly { readonly key: DocumentKey; readonly update: Uint8Array }[],
    nowMs: number,
  ): Promise<readonly number[]> {
    return this.#file.run(async (writer) => {
      const numbered = updates.map((each) => ({ ...each, number: this.#nextNumber++ }))
      const portions = portionsOf(numbered).map((portion) => appendStatements(portion, nowMs))
      const [first] = portions
      if (first === undefined) return []
      if (portions.length === 1) await writer.runStep(first)
      else
        await writer.runDialogue(async (group) => {
          for (const portion of portions) await group.run(portion)
        })
      return numbered.map(({ number }) => number)
    })
  }

  load(key: DocumentKey, nowMs: number): Promise<StoredDocument | undefined> {
    return this.#file.run((writer) => writer.runDialogue((group) => read(group, { key, nowMs })))
  }

  compact(key: DocumentKey, upToNumber: number, state: Uint8Array): Promise<void> {
    return this.#file.run(async (writer) => {
      await writer.runStep(compactStatements(key, { upToNumber, state }))
    })
  }

  remove(key: DocumentKey): Promise<void> {
    return this.#file.run(async (writer) => {
      await writer.runStep([removeStatement(key)])
    })
  }

  removeApp(appId: string): Promise<void> {
    return this.#file.run(async (writer) => {
      await writer.runStep([removeAppStatement(appId)])
    })
  }

  list(page: {
    readonly appId: string
    readonly after: string | undefined
    readonly countMax: number
  }): Promise<readonly DocumentSummary[]> {
    return this.#file.run(async (writer) => {
      const [answer] = await writer.runStep([listStatement(page)])
      return (answer?.rows ?? []).map((row) => ({
        name: String(row['name']),
        byteCount: Number(row['byte_count']),
        updateCount: Number(row['update_count']),
        createdAtMs: Number(row['created_at_ms']),
        openedAtMs: Number(row['opened_at_ms']),
      }))
    })
  }

  prune(of: {
    readonly appId: string
    readonly openedBeforeMs: number
    readonly countMax: number
  }): Promise<number> {
    return this.#file.run(async (writer) => {
      const [answer] = await writer.runStep([pruneStatement(of)])
      return answer?.changeCount ?? 0
    })
  }

  /** Resolves when the file answers, or was not needed yet. @throws Outage otherwise. */
  ping(): Promise<void> {
    return this.#file.ping()
  }

  /** Waits for what runs, then closes the file; the gate lets nothing more in. */
  close(): Promise<void> {
    return this.#file.close()
  }
}

function portionsOf(updates: readonly NumberedUpdate[]): NumberedUpdate[][] {
  const portions: NumberedUpdate[][] = []
  for (let at = 0; at < updates.length; at += PORTION_COUNT_MAX)
    portions.push(updates.slice(at, at + PORTION_COUNT_MAX))
  return portions
}

/** Page by page, in one transaction, so that what is read was true at one moment. */
async function read(
  group: Group,
  { key, nowMs }: { readonly key: DocumentKey; readonly nowMs: number },
): Promise<StoredDocument | undefined> {
  const [, found] = await group.run(loadStatements(key, nowMs))
  const row = found?.rows[0]
  if (row === undefined) return undefined
  const updates: Uint8Array[] = []
  let lastNumber = 0
  for (;;) {
    const [page] = await group.run([updatesStatement(Number(row['id']), lastNumber)])
    const rows = page?.rows ?? []
    if (rows.length === 0) break
    for (const { number, content } of rows) {
      if (content instanceof Uint8Array) updates.push(content)
      lastNumber = Number(number)
    }
  }
  const { state } = row
  return { state: state instanceof Uint8Array ? state : undefined, updates, lastNumber }
}
