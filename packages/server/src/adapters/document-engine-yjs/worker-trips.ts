/**
 * The engine's end of its Worker: calls in, promises out, in order. What is asked while trips are
 * under way waits for one to come back, so under load each trip carries more.
 */
import type { Worker } from 'node:worker_threads'
import { PacketReader, PacketWriter } from './bytes-packet.ts'
import { outage } from './outages.ts'
import {
  type Answer,
  type AskingCall,
  type Call,
  readAnswer,
  writeCall,
} from './worker-protocol.ts'
import { Watchdog } from './watchdog.ts'
import { SharedProgress } from './yjs-bounds.ts'

/** Our bound: one is worked on while the next is on its way. */
const TRIP_COUNT_MAX = 2
/** Our bounds on what waits; documents hold their senders while a call is under way. */
const CALL_COUNT_MAX = 65_536
const CALL_BYTES_MAX = 268_435_456

type Pending = PromiseWithResolvers<Answer>

export class WorkerTrips {
  readonly #worker: Worker
  readonly #onLost: () => void
  readonly #watchdog: Watchdog
  /** The calls of each trip under way. */
  readonly #trips: Pending[][] = []
  #calls: Call[] = []
  #pending: Pending[] = []
  #callBytes = 0
  #isFlushDue = false
  #death: string | undefined

  /** @param start starts `worker.ts`; the Worker is owned by this. */
  constructor(start: (progress: SharedArrayBuffer) => Worker, onLost: () => void) {
    const progress = new SharedProgress()
    const worker = start(progress.buffer)
    this.#worker = worker
    this.#watchdog = new Watchdog(progress, () => {
      this.#die('its Worker does not answer')
      void worker.terminate()
    })
    this.#onLost = onLost
    worker.on('message', (packet: ArrayBuffer) => this.#settle(new PacketReader(packet)))
    worker.on('error', () => this.#die('its Worker failed'))
    worker.on('messageerror', () => this.#die('a message of its Worker was not readable'))
    worker.on('exit', () => this.#die('its Worker has ended'))
  }

  /** @throws Outage when there is no Worker to answer, or too much waits. */
  ask(call: AskingCall): Promise<Answer> {
    if (this.#death !== undefined) return Promise.reject(outage(this.#death))
    if (this.#pending.length >= CALL_COUNT_MAX || this.#callBytes >= CALL_BYTES_MAX)
      return Promise.reject(outage('too many calls are waiting'))
    const pending = Promise.withResolvers<Answer>()
    this.#pending.push(pending)
    this.#add(call)
    return pending.promise
  }

  tell(call: Extract<Call, { kind: 'close' }>): void {
    if (this.#death === undefined) this.#add(call)
  }

  /** Ends the Worker at once; what waits is rejected. */
  async stop(): Promise<void> {
    this.#die('the engine has stopped')
    await this.#worker.terminate()
  }

  #add(call: Call): void {
    this.#calls.push(call)
    this.#callBytes += bytesOf(call)
    if (this.#isFlushDue || this.#trips.length >= TRIP_COUNT_MAX) return
    this.#isFlushDue = true
    queueMicrotask(() => {
      this.#isFlushDue = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#death !== undefined || this.#calls.length === 0) return
    const [calls, pending] = [this.#calls, this.#pending]
    this.#calls = []
    this.#pending = []
    this.#callBytes = 0
    const packet = new PacketWriter()
    packet.number(calls.length)
    for (const call of calls) writeCall(packet, call)
    const bytes = packet.take()
    this.#trips.push(pending)
    this.#watchdog.watch(() => this.#trips.length > 0)
    this.#worker.postMessage(bytes, [bytes])
  }

  #settle(answers: PacketReader): void {
    const trip = this.#trips.shift()
    this.#flush()
    for (const pending of trip ?? []) pending.resolve(readAnswer(answers))
  }

  #die(reason: string): void {
    if (this.#death !== undefined) return
    this.#death = reason
    this.#watchdog.end()
    const waiting = [...this.#trips.flat(), ...this.#pending]
    this.#trips.length = 0
    this.#calls = []
    this.#pending = []
    for (const pending of waiting) pending.reject(outage(reason))
    this.#onLost()
  }
}

function bytesOf(call: Call): number {
  if (call.kind === 'diff') return call.stateVector.length
  if (call.kind !== 'open' && call.kind !== 'apply') return 0
  return call.updates.reduce((sum, { length }) => sum + length, 0)
}
