/**
 * Calls that are repeated under one Idempotency-Key are carried out once: the repeat gets the first
 * answer again, the secret in it included, for a day. What is kept of an answer is sealed; of a
 * request only a keyed hash, so that no value in it can be guessed.
 *
 * A refusal changed nothing, so it is not kept and a repeat is a new try. Of a call that ended
 * without an answer (the process was killed, the store failed in the middle) nobody can say what it
 * did: repeats are told to look first, and the same call is never carried out a second time.
 */
import { createHmac } from 'node:crypto'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { IdempotencyRecord } from '../../ports/records/installation.ts'
import { canonicalJson } from '../audit/canonical-json.ts'
import type { MasterKey } from '../master-key.ts'
import { openSecret, type SealingContext, sealedVersionOf, sealSecret } from '../sealing.ts'
import type { AdministrationDeps } from './context.ts'

/** How long an answer is kept, and our bound on how many of one operator: the oldest go first. */
export const IDEMPOTENCY_KEPT_MS = 24 * 60 * 60 * 1000
export const IDEMPOTENCY_COUNT_MAX = 2_000

const PURPOSE = 'idempotency'

export interface RepeatableCall {
  /** Whose key it is: the operator key's credential id. */
  readonly operatorId: string
  /** `[!-~]{1,200}`. */
  readonly key: string
  /** Plain JSON: everything that tells this request from another. */
  readonly request: unknown
}

export interface KeptAnswer {
  readonly status: number
  readonly value: unknown
}

type Deps = Pick<AdministrationDeps, 'store' | 'clock' | 'random' | 'masterKey' | 'keys'>
type Kept = Result<KeptAnswer | undefined, AdminRefusalCode>

export class RepeatedCalls {
  readonly #deps: Deps
  /** Calls this process works on; one process owns the store, so no other works on any. */
  readonly #running = new Set<string>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * @returns the answer the call got before; undefined for one that is new; a refusal for another
   * request under the same key, or one that has no answer.
   * @throws Outage
   */
  async find(call: RepeatableCall): Promise<Kept> {
    const { control } = this.#deps.store
    const record = await control.transaction((each) => each.findIdempotency(idOf(call)))
    return this.#read(record, call)
  }

  /**
   * Carries a new call out and keeps what it answers.
   * @param status of the answer when it works.
   * @throws Outage, or whatever `work` throws
   */
  async run<T>(
    call: RepeatableCall,
    status: number,
    work: () => Promise<Result<T, AdminRefusalCode>>,
  ): Promise<Result<unknown, AdminRefusalCode>> {
    const id = idOf(call)
    const begun = await this.#begin(id, call)
    if (!begun.ok) return begun
    if (begun.value !== undefined) return ok(begun.value.value)
    try {
      const outcome = await work()
      // What was done is done: where its answer cannot be kept, repeats are told to look.
      await Promise.allSettled([
        outcome.ok ? this.#keep(call, status, outcome.value) : this.#drop(id),
      ])
      return outcome
    } finally {
      this.#running.delete(id)
    }
  }

  async #begin(id: string, call: RepeatableCall): Promise<Kept> {
    const { store, clock } = this.#deps
    const record: IdempotencyRecord = {
      id,
      requestHash: this.#hashOf(call),
      state: 'running',
      status: 0,
      sealedAnswer: '',
      createdAtMs: clock.nowMs(),
    }
    let isBegun = false
    try {
      return await store.control.transaction(async (transaction) => {
        const known = this.#read(await transaction.findIdempotency(id), call)
        if (!known.ok || known.value !== undefined) return known
        await transaction.saveIdempotency(record)
        // Before anybody can read the record: what runs here did not end without an answer.
        this.#running.add(id)
        isBegun = true
        return ok(undefined)
      })
    } catch (error) {
      if (isBegun) this.#running.delete(id)
      throw error
    }
  }

  #keep(call: RepeatableCall, status: number, value: unknown): Promise<void> {
    const { store, clock } = this.#deps
    const id = idOf(call)
    const plain = Buffer.from(JSON.stringify(value))
    const sealed = sealSecret(plain, contextOf(id), this.#deps)
    const record = {
      id,
      requestHash: this.#hashOf(call),
      state: 'done' as const,
      status,
      sealedAnswer: Buffer.from(sealed).toString('base64'),
      createdAtMs: clock.nowMs(),
    }
    return store.control.transaction((each) => each.saveIdempotency(record))
  }

  #drop(id: string): Promise<void> {
    return this.#deps.store.control.transaction((each) => each.removeIdempotency(id))
  }

  #read(record: IdempotencyRecord | undefined, call: RepeatableCall): Kept {
    const isOver =
      record !== undefined && this.#deps.clock.nowMs() >= record.createdAtMs + IDEMPOTENCY_KEPT_MS
    if (record === undefined || isOver) return ok(undefined)
    if (record.requestHash !== this.#hashOf(call)) return refuse('idempotency_mismatch')
    if (record.state === 'running') {
      return refuse(
        this.#running.has(record.id) ? 'idempotency_running' : 'idempotency_interrupted',
      )
    }
    const { masterKey } = this.#deps
    const sealed = Buffer.from(record.sealedAnswer, 'base64')
    const opened = openSecret(sealed, contextOf(record.id), masterKey)
    if (!opened.ok) throw new Error(`a kept answer does not open: ${opened.refusal}`)
    const value: unknown = JSON.parse(Buffer.from(opened.value).toString('utf8'))
    return ok({ status: record.status, value })
  }

  #hashOf({ request }: RepeatableCall): string {
    return createHmac('sha256', this.#deps.keys.fingerprint)
      .update(`${PURPOSE}\n${canonicalJson(request)}`)
      .digest('hex')
  }
}

/** Whether an answer is still sealed under an older version of the master key. */
export function isAnswerOutdated({ sealedAnswer }: IdempotencyRecord, key: MasterKey): boolean {
  return sealedAnswer !== '' && sealedVersionOf(sealedAnswer) !== key.currentVersion
}

/** @returns the same answer sealed under the current version of the master key. */
export function resealAnswer(
  record: IdempotencyRecord,
  deps: Pick<Deps, 'masterKey' | 'random'>,
): IdempotencyRecord {
  const context = contextOf(record.id)
  const opened = openSecret(Buffer.from(record.sealedAnswer, 'base64'), context, deps.masterKey)
  if (!opened.ok) throw new Error(`a kept answer does not open: ${opened.refusal}`)
  const sealed = sealSecret(opened.value, context, deps)
  return { ...record, sealedAnswer: Buffer.from(sealed).toString('base64') }
}

function idOf({ operatorId, key }: RepeatableCall): string {
  return `${operatorId}/${key}`
}

function contextOf(id: string): SealingContext {
  return { purpose: PURPOSE, owner: [id] }
}
