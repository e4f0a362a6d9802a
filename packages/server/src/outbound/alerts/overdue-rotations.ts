/** Looks for credentials whose rotation is overdue, some at a time, again and again. */
import type { Authority } from '../../credentials/authority.ts'
import { dueState } from '../../credentials/engine/due-state.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { AlertSubject } from './alert-rule.ts'

/** Credentials one step looks at, a few milliseconds of work. */
export const LOOKED_AT_COUNT_MAX = 2_000

export class OverdueRotations {
  readonly #authority: Pick<Authority, 'credentials'>
  readonly #clock: Pick<Clock, 'nowMs'>
  /** Undefined between two rounds. */
  #waiting: Iterator<CredentialRecord> | undefined
  #found: AlertSubject[] = []

  constructor(deps: {
    readonly authority: Pick<Authority, 'credentials'>
    readonly clock: Pick<Clock, 'nowMs'>
  }) {
    this.#authority = deps.authority
    this.#clock = deps.clock
  }

  /** @returns one for each overdue credential, at the end of a round; undefined on the way. */
  step(): readonly AlertSubject[] | undefined {
    const nowMs = this.#clock.nowMs()
    const waiting = this.#waiting ?? this.#authority.credentials()[Symbol.iterator]()
    this.#waiting = waiting
    for (let count = 0; count < LOOKED_AT_COUNT_MAX; count++) {
      const next = waiting.next()
      if (next.done === true) {
        const found = this.#found
        this.#waiting = undefined
        this.#found = []
        return found
      }
      const { tenantId, appId, kind } = next.value
      // The keys tenants sign with rotate by themselves.
      if (kind === 'tenant_signing_key') continue
      if (dueState(next.value, nowMs).state === 'overdue') this.#found.push({ tenantId, appId })
    }
    return undefined
  }
}
