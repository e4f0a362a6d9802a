/**
 * What outlives MQTT connections, in a file of its own beside the region's. It has a Worker of its
 * own too: a flood of messages must not make a change of credentials wait. Both are there from the
 * first use on, so a server without MQTT pays for neither.
 */
import { Worker } from 'node:worker_threads'
import type {
  SessionStore,
  SessionWrite,
  StoredDelivery,
  StoredSessions,
} from '../../ports/session-store.ts'
import type { RegionPlace } from '../../ports/store.ts'
import { Connection } from './connection.ts'
import { prepareDataFile } from './data-directory.ts'
import { storeError } from './failures.ts'
import { sessionsFileOf } from './file-names.ts'
import type { Gate } from './gate.ts'
import { migrate } from './migrations.ts'
import { claimPlace } from './place.ts'
import { SESSION_MIGRATIONS } from './session-migrations.ts'
import { NEXT_NUMBER, queuedStatement, readSessions } from './session-reads.ts'
import { type DeliveryColumns, deliveryOf } from './session-rows.ts'
import { portionsOf } from './session-statements.ts'
import { WorkerChannel } from './worker-channel.ts'
import type { Synchronous } from './worker-protocol.ts'
import { Writer } from './writer.ts'

interface Parts {
  /** Held by this process. */
  readonly dataDir: string
  readonly place: RegionPlace
  readonly gate: Gate
  readonly synchronous: Synchronous
}

interface Opened {
  readonly channel: WorkerChannel
  readonly connection: Connection
  readonly writer: Writer
}

export class SqlSessionStore implements SessionStore {
  readonly #parts: Parts
  /** Undefined before the first use, and again after one that failed. */
  #opening: Promise<Opened> | undefined
  readonly #running = new Set<Promise<unknown>>()
  #nextNumber = 1

  constructor(parts: Parts) {
    this.#parts = parts
  }

  load(): Promise<StoredSessions> {
    return this.#run(({ writer }) =>
      writer.runDialogue((group) =>
        readSessions(async (statement) => {
          const [answer] = await group.run([statement])
          return answer?.rows ?? []
        }),
      ),
    )
  }

  apply(writes: readonly SessionWrite[]): Promise<void> {
    return this.#run(async ({ writer }) => {
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
    return this.#run(async ({ writer }) => {
      const [answer] = await writer.runStep([queuedStatement(page)])
      // The columns of its statement.
      return ((answer?.rows ?? []) as unknown as readonly DeliveryColumns[]).map(deliveryOf)
    })
  }

  /** Resolves when the file answers, or was not needed yet. @throws Outage otherwise. */
  async ping(): Promise<void> {
    const opened = await this.#opening
    await opened?.connection.runAll([NEXT_NUMBER])
  }

  /** Waits for what runs, then closes the file; the gate lets nothing more in. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#running)
    const opened = await this.#opening
    if (opened === undefined) return
    try {
      await opened.channel.request({ kind: 'close' })
    } finally {
      await opened.channel.terminate()
    }
  }

  async #run<R>(work: (opened: Opened) => Promise<R>): Promise<R> {
    this.#parts.gate.assertOpen()
    this.#opening ??= this.#open()
    // Those that wait for the file go on in the order in which they came.
    const running = this.#opening.then(work)
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  async #open(): Promise<Opened> {
    try {
      return await this.#openFile()
    } catch (error) {
      this.#opening = undefined
      throw error
    }
  }

  async #openFile(): Promise<Opened> {
    const { dataDir, place, synchronous } = this.#parts
    const name = sessionsFileOf(place.dbCode)
    const file = prepareDataFile(dataDir, name)
    const channel = new WorkerChannel(new Worker(new URL('./worker.ts', import.meta.url)), dataDir)
    try {
      const open = { kind: 'open', lockFile: undefined, files: [file], synchronous } as const
      const { failure } = await channel.request(open)
      if (failure !== undefined) throw storeError(failure, dataDir)
      const connection = new Connection(channel, 0)
      await migrate(connection, SESSION_MIGRATIONS, name)
      await claimPlace(connection, { place, file: name })
      const [answer] = await connection.runAll([NEXT_NUMBER])
      this.#nextNumber = Number(answer?.rows[0]?.['number'])
      return { channel, connection, writer: new Writer(connection) }
    } catch (error) {
      await channel.terminate()
      throw error
    }
  }
}
