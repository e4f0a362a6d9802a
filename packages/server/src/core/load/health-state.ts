/**
 * How the node is, for whoever decides where clients go. Anybody may ask, so the store is not asked
 * for every one of them.
 */
import type { Clock } from '../../ports/clock.ts'
import { Outage } from '../../ports/outage.ts'

/**
 * `degraded`: it is late, or what it needs does not answer; `overloaded`: it has no room for more.
 * Either way it keeps the connections it has.
 */
export type Health = 'healthy' | 'degraded' | 'overloaded'

/** Ours: how long an answer of the store stands. */
const STORE_ANSWER_MS = 1_000

export interface HealthPorts {
  readonly load: { state(): { readonly status: Health } }
  /** @throws Outage when the store does not answer. */
  readonly pingStore: () => Promise<void>
  readonly clock: Pick<Clock, 'monotonicMs'>
}

export class HealthState {
  readonly #ports: HealthPorts
  #asked: { readonly atMs: number; readonly answer: Promise<boolean> } | undefined

  constructor(ports: HealthPorts) {
    this.#ports = ports
  }

  async read(): Promise<Health> {
    const { status } = this.#ports.load.state()
    if (status === 'overloaded') return status
    return (await this.#hasStore()) ? status : 'degraded'
  }

  /** Those who ask at one time share an answer. */
  #hasStore(): Promise<boolean> {
    const nowMs = this.#ports.clock.monotonicMs()
    if (this.#asked === undefined || nowMs - this.#asked.atMs >= STORE_ANSWER_MS) {
      this.#asked = { atMs: nowMs, answer: this.#ask() }
    }
    return this.#asked.answer
  }

  async #ask(): Promise<boolean> {
    try {
      await this.#ports.pingStore()
      return true
    } catch (error) {
      if (error instanceof Outage) return false
      throw error
    }
  }
}
