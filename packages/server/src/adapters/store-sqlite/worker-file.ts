/**
 * A database file with a Worker of its own, beside the region's: a flood of what it holds must not
 * make a change of credentials wait. Both are there from the first use on, so a server that keeps
 * nothing in it pays for neither.
 */
import { Worker } from 'node:worker_threads'
import type { Migration } from 'kysely/migration'
import type { RegionPlace } from '../../ports/store.ts'
import { Connection } from './connection.ts'
import { prepareDataFile } from './data-directory.ts'
import { storeError } from './failures.ts'
import type { Gate } from './gate.ts'
import { migrate } from './migrations.ts'
import { claimPlace } from './place.ts'
import { type Statement, WorkerChannel } from './worker-channel.ts'
import type { Synchronous } from './worker-protocol.ts'
import { Writer } from './writer.ts'

/** What the files of one region share. */
export interface FileParts {
  /** Held by this process. */
  readonly dataDir: string
  readonly place: RegionPlace
  readonly gate: Gate
  readonly synchronous: Synchronous
}

export interface FileKind {
  readonly name: string
  readonly migrations: Readonly<Record<string, Migration>>
  /** Cheap, and refused by a file that does not answer. */
  readonly pingStatement: Statement
  /** Of one commit; absent: as many as usual. */
  readonly jobCountMax?: number
  /** Runs when the file is open, before anything waits for it. */
  readonly prepare: (connection: Connection) => Promise<void>
}

interface Opened {
  readonly channel: WorkerChannel
  readonly connection: Connection
  readonly writer: Writer
}

export class WorkerFile {
  readonly #parts: FileParts
  readonly #kind: FileKind
  /** Undefined before the first use, and again after one that failed. */
  #opening: Promise<Opened> | undefined
  readonly #running = new Set<Promise<unknown>>()

  constructor(parts: FileParts, kind: FileKind) {
    this.#parts = parts
    this.#kind = kind
  }

  /** Those that wait for the file go on in the order in which they came. @throws Outage */
  async run<R>(work: (writer: Writer) => Promise<R>): Promise<R> {
    this.#parts.gate.assertOpen()
    this.#opening ??= this.#open()
    const running = this.#opening.then(({ writer }) => work(writer))
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  /** Resolves when the file answers, or was not needed yet. @throws Outage otherwise. */
  async ping(): Promise<void> {
    const opened = await this.#opening
    await opened?.connection.runAll([this.#kind.pingStatement])
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
    const { name, migrations, jobCountMax, prepare } = this.#kind
    const file = prepareDataFile(dataDir, name)
    const channel = new WorkerChannel(new Worker(new URL('./worker.ts', import.meta.url)), dataDir)
    try {
      const open = { kind: 'open', lockFile: undefined, files: [file], synchronous } as const
      const { failure } = await channel.request(open)
      if (failure !== undefined) throw storeError(failure, dataDir)
      const connection = new Connection(channel, 0)
      await migrate(connection, migrations, name)
      await claimPlace(connection, { place, file: name })
      await prepare(connection)
      return { channel, connection, writer: new Writer(connection, jobCountMax) }
    } catch (error) {
      await channel.terminate()
      throw error
    }
  }
}
