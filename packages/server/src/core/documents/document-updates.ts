/**
 * The updates of one document on their way: applied in the order they came, kept where the document
 * is kept, and only then told. Those of one turn, and those that come while others are on the way,
 * go together.
 */
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import type { DocumentEngine, DocumentOutcome } from '../../ports/document-engine.ts'
import type { Turns } from '../../ports/turns.ts'
import type { RefusalCode } from '../refusals.ts'
import type { DocumentFigures } from './document-figures.ts'
import type { KeptDocument } from './kept-document.ts'

/**
 * What is written down, as it came: one that waits for others was acknowledged too, and one that
 * was applied in part has the rest waiting.
 */
const LASTING: ReadonlySet<DocumentOutcome['kind'] | undefined> = new Set(['applied', 'pending'])

/** Our bounds on one trip to the engine; a large update goes alone. */
const BATCH_COUNT_MAX = 512
const BATCH_BYTES_MAX = 8 * 1024 * 1024

/** Our bounds on what waits; sessions that pause in time stay far below. */
export const UPDATE_LIMITS = {
  documentCountMax: 65_536,
  documentBytesMax: 128 * 1024 * 1024,
  nodeBytesMax: 512 * 1024 * 1024,
}

export type UpdateLimits = typeof UPDATE_LIMITS

export type UpdateAnswer = Result<'applied' | 'known' | 'pending', RefusalCode>

interface Waiting<Sender> {
  readonly update: Uint8Array
  readonly sender: Sender
  readonly answer: (answer: UpdateAnswer) => void
  readonly fail: (error: unknown) => void
}

export interface UpdatePorts<Sender> {
  /** Names the document in the engine. */
  readonly id: string
  readonly engine: Pick<DocumentEngine, 'apply'>
  /** Undefined: it is not kept. */
  readonly kept: KeptDocument | undefined
  readonly figures: DocumentFigures
  readonly turns: Turns
  readonly relay: (update: Uint8Array, sender: Sender) => void
  /** Called after each batch. */
  readonly settled: () => void
  /** Called when a batch failed; the document cannot go on. */
  readonly failed: (error: unknown) => void
}

export class DocumentUpdates<Sender> {
  readonly #ports: UpdatePorts<Sender>
  readonly #limits: UpdateLimits
  #waiting: Waiting<Sender>[] = []
  #carried: readonly Waiting<Sender>[] = []
  #batch: Promise<void> | undefined
  #bytes = 0
  #isRunning = false
  #ended: Error | undefined

  constructor(ports: UpdatePorts<Sender>, limits: UpdateLimits = UPDATE_LIMITS) {
    this.#ports = ports
    this.#limits = limits
  }

  get isIdle(): boolean {
    return !this.#isRunning
  }

  /** @throws Outage once it has ended. */
  submit(update: Uint8Array, sender: Sender): Promise<UpdateAnswer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    if (!this.#hasRoomFor(update)) return Promise.resolve(refuse('overloaded'))
    this.#count(update.length)
    return new Promise((answer, fail) => {
      this.#waiting.push({ update, sender, answer, fail })
      if (this.#isRunning) return
      this.#isRunning = true
      this.#ports.turns.next(() => void this.#run())
    })
  }

  /** @returns when what is on the way now is kept, or the document has ended. */
  async settled(): Promise<void> {
    await this.#batch
  }

  /** Fails all that wait, with an outage. */
  end(error: Error): void {
    if (this.#ended !== undefined) return
    this.#ended = error
    for (const { fail } of [...this.#carried, ...this.#waiting]) fail(error)
    this.#carried = []
    this.#waiting = []
    this.#count(-this.#bytes)
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#take()
      this.#carried = batch
      this.#batch = this.#carry(batch)
      await this.#batch
      this.#carried = []
    }
    this.#batch = undefined
    this.#isRunning = false
  }

  /** Never rejects. */
  async #carry(batch: readonly Waiting<Sender>[]): Promise<void> {
    const { id, engine, kept, failed } = this.#ports
    try {
      const outcomes = await engine.apply(
        id,
        batch.map(({ update }) => update),
      )
      const lasting = batch.flatMap(({ update }, index) =>
        LASTING.has(outcomes[index]?.kind) ? [update] : [],
      )
      if (this.#ended === undefined && lasting.length > 0) await kept?.append(lasting)
      if (this.#ended !== undefined) return
      this.#answer(batch, outcomes)
    } catch (error) {
      if (this.#ended === undefined) failed(error)
    }
  }

  #answer(batch: readonly Waiting<Sender>[], outcomes: readonly DocumentOutcome[]): void {
    if (outcomes.length === 0) throw new Error('the engine looked at no update')
    this.#waiting.unshift(...batch.slice(outcomes.length))
    outcomes.forEach((outcome, index) => {
      const carried = batch[index]
      if (carried === undefined) throw new Error('the engine has an outcome for no update')
      const { update, sender, answer } = carried
      this.#count(-update.length)
      this.#ports.figures.updated(outcome.kind)
      if (outcome.kind === 'applied') this.#ports.relay(outcome.update, sender)
      answer(outcome.kind === 'refused' ? refuse(outcome.refusal) : ok(outcome.kind))
      if (outcome.kind === 'refused') this.#refuseRest(sender, outcome)
    })
    this.#ports.settled()
  }

  /** What a sender had said after what was refused: a refusal may cost as much as the document. */
  #refuseRest(sender: Sender, outcome: Extract<DocumentOutcome, { kind: 'refused' }>): void {
    const rest = this.#waiting.filter((each) => each.sender === sender)
    if (rest.length === 0) return
    this.#waiting = this.#waiting.filter((each) => each.sender !== sender)
    for (const { update, answer } of rest) {
      this.#count(-update.length)
      this.#ports.figures.updated(outcome.kind)
      answer(refuse(outcome.refusal))
    }
  }

  #take(): readonly Waiting<Sender>[] {
    let bytes = 0
    const end = this.#waiting.findIndex(({ update }, index) => {
      bytes += update.length
      return index > 0 && (index === BATCH_COUNT_MAX || bytes > BATCH_BYTES_MAX)
    })
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : end)
  }

  #hasRoomFor({ length }: Uint8Array): boolean {
    const { documentCountMax, documentBytesMax, nodeBytesMax } = this.#limits
    return (
      this.#waiting.length < documentCountMax &&
      this.#bytes + length <= documentBytesMax &&
      this.#ports.figures.waitingBytes + length <= nodeBytesMax
    )
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    this.#ports.figures.waitingBytes += bytes
  }
}
