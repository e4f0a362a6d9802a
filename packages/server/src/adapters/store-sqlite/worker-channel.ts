/**
 * The store's end of its database Worker: requests in, promises out, in order. When the Worker dies
 * every waiting and later request is an outage; nothing hangs.
 */
import type { Worker } from 'node:worker_threads'
import type { Outage } from '../../ports/outage.ts'
import { storeOutage } from './failures.ts'
import { BytesIn, BytesOut, type WireMessage } from './worker-bytes.ts'
import type { DatabaseIndex, SqlValue, WorkerReply, WorkerRequest } from './worker-protocol.ts'

/** Our bound. A database has one request at a time under way, so few wait. */
export const PENDING_COUNT_MAX = 1_024
/** Our bound on compiled statements; the query texts of the store are far fewer. */
const TEXT_COUNT_MAX = 1_024

export interface Statement {
  readonly sql: string
  readonly parameters: readonly SqlValue[]
}

export class WorkerChannel {
  readonly #worker: Worker
  readonly #dataDir: string
  readonly #pending = new Map<number, PromiseWithResolvers<WorkerReply>>()
  /** What the Worker knows SQL texts by, so that each is sent and compiled once. */
  readonly #textNumbers = new Map<string, number>()
  #nextId = 1
  /** Why no request can be answered any more. */
  #death: string | undefined

  /** @param worker runs `worker.ts`; owned by this channel from now on. */
  constructor(worker: Worker, dataDir: string) {
    this.#worker = worker
    this.#dataDir = dataDir
    worker.on('message', (message: WireMessage) => this.#settle(readReply(message)))
    worker.on('error', (error: unknown) =>
      this.#die(error instanceof Error ? error.message : String(error)),
    )
    worker.on('messageerror', () => this.#die('a message of the database Worker was not readable'))
    worker.on('exit', () => this.#die('the database Worker has ended'))
  }

  get dataDir(): string {
    return this.#dataDir
  }

  /**
   * @returns the Worker's reply, which may hold a failure.
   * @throws Outage when there is no Worker to answer.
   */
  request(request: WorkerRequest): Promise<WorkerReply> {
    return this.#send(request, new BytesOut())
  }

  #send(request: unknown, bytes: BytesOut): Promise<WorkerReply> {
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    const id = this.#nextId++
    const pending = Promise.withResolvers<WorkerReply>()
    this.#pending.set(id, pending)
    const { message, transfer } = bytes.message(JSON.stringify({ id, request }))
    this.#worker.postMessage(message, transfer)
    return pending.promise
  }

  /** Runs statements up to the first that fails; like {@link request}. */
  run(database: DatabaseIndex, statements: readonly Statement[]): Promise<WorkerReply> {
    const refusal = this.#refusal() // before a text counts as sent
    if (refusal !== undefined) return Promise.reject(refusal)
    const texts: (readonly [number, string])[] = []
    const bytes = new BytesOut()
    const numbered = statements.map(({ sql, parameters }) => {
      let number = this.#textNumbers.get(sql)
      if (number === undefined) {
        number = this.#addText(sql)
        texts.push([number, sql])
      }
      return [number, parameters.map((value) => bytes.value(value))] as const
    })
    return this.#send({ kind: 'run', database, texts, statements: numbered }, bytes)
  }

  /** Ends the Worker at once; what waits is rejected. Idempotent. */
  async terminate(): Promise<void> {
    this.#die('the store is closed')
    await this.#worker.terminate()
  }

  #refusal(): Outage | undefined {
    if (this.#death !== undefined) return this.#outage(this.#death)
    if (this.#pending.size < PENDING_COUNT_MAX) return undefined
    return this.#outage('too many requests are waiting')
  }

  #addText(sql: string): number {
    const number = this.#textNumbers.size
    if (number >= TEXT_COUNT_MAX) throw new Error('a query text is built anew for each call')
    this.#textNumbers.set(sql, number)
    return number
  }

  #settle(reply: WorkerReply): void {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    pending?.resolve(reply)
  }

  #die(reason: string): void {
    this.#death ??= reason
    const waiting = [...this.#pending.values()]
    this.#pending.clear()
    for (const pending of waiting) pending.reject(this.#outage(this.#death))
  }

  #outage(reason: string): Outage {
    return storeOutage('store_unavailable', this.#dataDir, reason)
  }
}

function readReply(message: WireMessage): WorkerReply {
  const bytes = new BytesIn(message)
  const reply = JSON.parse(bytes.text) as WorkerReply
  if (!bytes.hasBytes) return reply
  const answers = reply.answers.map(({ rows, changeCount }) => ({
    changeCount,
    rows: rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, bytes.value(value)])),
    ),
  }))
  return { ...reply, answers }
}
