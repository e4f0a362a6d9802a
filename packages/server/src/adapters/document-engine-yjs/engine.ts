/**
 * Yjs in a Worker of its own. Calls of one turn share a trip; those that are made while trips are
 * under way share the next one. The Worker is there from the first document on; when it dies, every
 * waiting call is an outage, and the next document starts another, after a while.
 */
import { Worker } from 'node:worker_threads'
import type { Clock } from '../../ports/clock.ts'
import type { DocumentEngine, DocumentOutcome, DocumentTerms } from '../../ports/document-engine.ts'
import type { HeldOutcome } from './held-document.ts'
import { outage } from './outages.ts'
import { WorkerTrips } from './worker-trips.ts'
import type { Answer, AskingCall } from './worker-protocol.ts'

/** Our bounds on the wait before a Worker that died is followed by another; doubled each time. */
const RESTART_MS_MIN = 250
const RESTART_MS_MAX = 30_000
/**
 * Ours: a call with one update that took so long is answered as many times later as is said here,
 * and the next ones of its document wait for that: most of the time the Worker is for the others.
 */
const SLOW_MS = 25
const SLOW_REST_FACTOR = 3
/** Ours, as many times what opening may take: who could not be served comes back at once. */
const SLOW_OPEN_REST_MS = 36_000

interface Parts {
  readonly clock: Clock
  /** Starts what `worker.ts` does. @param progress its `workerData`. */
  readonly startWorker?: (progress: SharedArrayBuffer) => Worker
}

export class YjsDocumentEngine implements DocumentEngine {
  readonly #clock: Clock
  readonly #startWorker: (progress: SharedArrayBuffer) => Worker
  readonly #listeners: (() => void)[] = []
  readonly #numbers = new Map<string, number>()
  #nextNumber = 1
  #trips: WorkerTrips | undefined
  #restartMs = RESTART_MS_MIN
  #restartAtMs = 0
  #isStopped = false

  constructor({ clock, startWorker }: Parts) {
    this.#clock = clock
    this.#startWorker = startWorker ?? startOwnWorker
  }

  async open(id: string, updates: readonly Uint8Array[], terms: DocumentTerms): Promise<void> {
    const trips = this.#running()
    if (this.#numbers.has(id)) throw new Error('the document is open')
    const document = this.#nextNumber++
    this.#numbers.set(id, document)
    const answer = await trips.ask({ kind: 'open', document, updates, terms })
    if (answer.kind === 'done') {
      this.#restartMs = RESTART_MS_MIN
      return
    }
    this.#numbers.delete(id)
    if (answer.kind === 'slow') await this.#rest(SLOW_OPEN_REST_MS)
    throw outage('what is kept of a document cannot be read')
  }

  async apply(id: string, updates: readonly Uint8Array[]): Promise<readonly DocumentOutcome[]> {
    const answer = await this.#ask(id, { kind: 'apply', updates })
    if (answer.kind === 'slow') await this.#rest(SLOW_OPEN_REST_MS)
    if (answer.kind !== 'outcomes') throw outage('a document cannot be edited')
    const { slowestMs } = answer
    if (slowestMs >= SLOW_MS) await this.#rest(slowestMs * SLOW_REST_FACTOR)
    return answer.outcomes.map((outcome, at) => outcomeOf(outcome, updates[at] ?? EMPTY))
  }

  async stateVector(id: string): Promise<Uint8Array> {
    return bytesOf(await this.#ask(id, { kind: 'stateVector' }))
  }

  async diff(id: string, stateVector: Uint8Array): Promise<Uint8Array | 'malformed'> {
    const answer = await this.#ask(id, { kind: 'diff', stateVector })
    return answer.kind === 'malformed' ? 'malformed' : bytesOf(answer)
  }

  async state(id: string): Promise<Uint8Array> {
    return bytesOf(await this.#ask(id, { kind: 'state' }))
  }

  close(id: string): void {
    const document = this.#numbers.get(id)
    if (document === undefined) return
    this.#numbers.delete(id)
    this.#trips?.tell({ kind: 'close', document })
  }

  onLost(listener: () => void): void {
    this.#listeners.push(listener)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#numbers.clear()
    const trips = this.#trips
    this.#trips = undefined
    await trips?.stop()
  }

  #rest(ms: number): Promise<void> {
    return new Promise((done) => {
      setTimeout(done, ms)
    })
  }

  #ask(id: string, call: CallOfDocument): Promise<Answer> {
    const document = this.#numbers.get(id)
    if (document === undefined || this.#trips === undefined)
      return Promise.reject(outage('the document is not open any more'))
    return this.#trips.ask({ ...call, document })
  }

  #running(): WorkerTrips {
    if (this.#isStopped) throw outage('the engine has stopped')
    if (this.#trips !== undefined) return this.#trips
    const waitMs = this.#restartAtMs - this.#clock.monotonicMs()
    if (waitMs > 0) throw outage('the engine was lost a moment ago', waitMs)
    const trips = new WorkerTrips(this.#startWorker, () => this.#onLost(trips))
    this.#trips = trips
    return trips
  }

  #onLost(trips: WorkerTrips): void {
    if (this.#trips !== trips) return
    this.#trips = undefined
    this.#numbers.clear()
    this.#restartAtMs = this.#clock.monotonicMs() + this.#restartMs
    this.#restartMs = Math.min(this.#restartMs * 2, RESTART_MS_MAX)
    for (const listener of this.#listeners) listener()
  }
}

type WithoutDocument<T> = T extends AskingCall ? Omit<T, 'document'> : never
type CallOfDocument = WithoutDocument<AskingCall>

function startOwnWorker(progress: SharedArrayBuffer): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), { workerData: progress })
}

const EMPTY = new Uint8Array(0)

function outcomeOf(outcome: HeldOutcome, update: Uint8Array): DocumentOutcome {
  switch (outcome.kind) {
    case 'as_it_came':
      return { kind: 'applied', update, byteCount: outcome.byteCount }
    case 'part':
      return { kind: 'applied', update: outcome.update, byteCount: outcome.byteCount }
    case 'known':
    case 'pending':
      return { kind: outcome.kind }
    default:
      return { kind: 'refused', refusal: outcome.kind }
  }
}

function bytesOf(answer: Answer): Uint8Array {
  if (answer.kind !== 'bytes') throw outage('a document cannot be read')
  return answer.bytes
}
