/**
 * The store's end of its database Worker: requests in, promises out, in order. When the Worker dies
 * every waiting and later request is an outage; nothing hangs.
 */
import type { Worker } from 'node:worker_threads'
import { storeError, storeOutage } from './failures.ts'
import type { WorkerAnswer, WorkerReply, WorkerRequest } from './worker-protocol.ts'

/** Our bound. One transaction runs at a time and awaits each statement, so few requests wait. */
export const PENDING_COUNT_MAX = 1_024

export class WorkerChannel {
  readonly #worker: Worker
  readonly #dataDir: string
  readonly #pending = new Map<number, PromiseWithResolvers<WorkerAnswer>>()
  #nextId = 1
  /** Why no request can be answered any more. */
  #death: string | undefined

  /** @param worker runs `worker.ts`; owned by this channel from now on. */
  constructor(worker: Worker, dataDir: string) {
    this.#worker = worker
    this.#dataDir = dataDir
    worker.on('message', (reply: WorkerReply) => this.#settle(reply))
    worker.on('error', (error: unknown) =>
      this.#die(error instanceof Error ? error.message : String(error)),
    )
    worker.on('messageerror', () => this.#die('a message of the database Worker was not readable'))
    worker.on('exit', () => this.#die('the database Worker has ended'))
  }

  /** @throws Outage, Conflict, or a plain error for a statement SQLite does not understand. */
  request(request: WorkerRequest): Promise<WorkerAnswer> {
    if (this.#death !== undefined) return Promise.reject(this.#outage(this.#death))
    if (this.#pending.size >= PENDING_COUNT_MAX)
      return Promise.reject(this.#outage('too many requests are waiting'))
    const id = this.#nextId++
    const pending = Promise.withResolvers<WorkerAnswer>()
    this.#pending.set(id, pending)
    this.#worker.postMessage({ id, request }, []) // copied, nothing is transferred
    return pending.promise
  }

  /** Ends the Worker at once; what waits is rejected. Idempotent. */
  async terminate(): Promise<void> {
    this.#die('the store is closed')
    await this.#worker.terminate()
  }

  #settle(reply: WorkerReply): void {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if ('answer' in reply) pending?.resolve(reply.answer)
    else pending?.reject(storeError(reply.failure, this.#dataDir))
  }

  #die(reason: string): void {
    this.#death ??= reason
    const waiting = [...this.#pending.values()]
    this.#pending.clear()
    for (const pending of waiting) pending.reject(this.#outage(this.#death))
  }

  #outage(reason: string) {
    return storeOutage('store_unavailable', this.#dataDir, reason)
  }
}
