/**
 * Sessions and wills whose time has come, few in each turn: many are due at one moment where many
 * lost their connections at one moment, and each may publish a will to thousands.
 */
import type { Clock } from '../../../ports/clock.ts'
import type { Turns } from '../../../ports/turns.ts'
import type { ClientState } from './client-state.ts'
import { DueTimes } from './due-times.ts'

/** Our choice: each may publish a will to ten thousand. */
export const DUE_PER_TURN = 10

export interface DuePorts {
  readonly clock: Clock
  readonly turns: Turns
  /** @returns false when it cannot be decided now: it is looked at again with the next tick. */
  readonly lookAt: (state: ClientState, nowMs: number) => boolean
}

export class DueSessions {
  readonly #ports: DuePorts
  readonly #times = new DueTimes<ClientState>((state) => state.dueAtMs())
  /** Undecided of this tick. */
  #later: ClientState[] = []
  #isGoingOn = false

  constructor(ports: DuePorts) {
    this.#ports = ports
  }

  /** Called whenever its time has changed. */
  add(state: ClientState): void {
    this.#times.add(state)
  }

  /** Looks at all that is due, in this turn and those after it. */
  tick(): void {
    if (!this.#isGoingOn) this.#goOn()
  }

  #goOn(): void {
    const { clock, turns, lookAt } = this.#ports
    const nowMs = clock.nowMs()
    this.#isGoingOn = false
    for (let count = 0; count < DUE_PER_TURN; count++) {
      const state = this.#times.take(nowMs)
      if (state === undefined) return this.#addLater()
      if (!lookAt(state, nowMs)) this.#later.push(state)
    }
    this.#isGoingOn = true
    turns.next(() => this.#goOn())
  }

  #addLater(): void {
    const later = this.#later
    this.#later = []
    for (const state of later) this.#times.add(state)
  }
}
