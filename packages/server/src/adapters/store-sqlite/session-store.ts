/** What outlives MQTT connections, in a file and with a Worker of its own. */
import type {
  SessionStore,
  SessionWrite,
  StoredDelivery,
  StoredSessions,
} from '../../ports/session-store.ts'
import { sessionsFileOf } from './file-names.ts'
import { SESSION_MIGRATIONS } from './session-migrations.ts'
import { NEXT_NUMBER, queuedStatement, readSessions } from './session-reads.ts'
import { type DeliveryColumns, deliveryOf } from './session-rows.ts'
import { portionsOf } from './session-statements.ts'
import { type FileParts, WorkerFile } from './worker-file.ts'

export class SqlSessionStore implements SessionStore {
  readonly #file: WorkerFile
  #nextNumber = 1

  constructor(parts: FileParts) {
    this.#file = new WorkerFile(parts, {
      name: sessionsFileOf(parts.place.dbCode),
      migrations: SESSION_MIGRATIONS,
      pingStatement: NEXT_NUMBER,
      prepare: async (connection) => {
        const [answer] = await connection.runAll([NEXT_NUMBER])
        this.#nextNumber = Number(answer?.rows[0]?.['number'])
      },
    })
  }

  load(): Promise<StoredSessions> {
    return this.#file.run((writer) =>
      writer.runDialogue((group) =>
        readSessions(async (statement) => {
          const [answer] = await group.run([statement])
          return answer?.rows ?? []
        }),
      ),
    )
  }

  apply(writes: readonly SessionWrite[]): Promise<void> {
    return this.#file.run(async (writer) => {
      const portions = portionsOf(writes, () => this.#nextNumber++)
      const [first, second] = [portions.next(), portions.next()]
      if (first.done) return
      if (second.done) return void (await writer.runStep(first.value))
      await writer.runDialogue(async (group) => {
        for (const portion of [first.value, second.value]) await group.run(portion)
        for (const portion of portions) await group.run(portion)
      })
    })
  }

  listQueued(page: {
    readonly sessionId: string
    readonly afterSeq: number
    readonly countMax: number
  }): Promise<readonly StoredDelivery[]> {
    return this.#file.run(async (writer) => {
      const [answer] = await writer.runStep([queuedStatement(page)])
      // The columns of its statement.
      return ((answer?.rows ?? []) as unknown as readonly DeliveryColumns[]).map(deliveryOf)
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
