/**
 * How one connection is charged for what it does, and told of it. Contract 1A.4: a limit is told in
 * a `pusher:error` frame of 4301, at most once a second for each limit, and never closes.
 */
import { errorFrame, limitWarning } from '@lockgate/protocol/pusher/frames'
import type { AppSpace } from '../../core/app-space.ts'
import { limitSubject } from '../../core/limits/address-subject.ts'
import { type AppLimits, ownSubject } from '../../core/limits/charges.ts'
import { concurrentRefusal } from '../../core/limits/effective-limits.ts'
import type { Asker } from '../../core/limits/charge-writing.ts'
import type { Guard } from '../../core/limits/guard.ts'
import { limitAnswer } from '../../core/limits/limit-answers.ts'
import type { ConcurrentLimitName } from '../../core/limits/limit-names.ts'
import {
  concurrentReading,
  limitFields,
  type LimitRefusal,
  refuseByLimit,
} from '../../core/limits/limit-refusal.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Source } from '../../core/source.ts'
import type { AppDirectory } from '../../credentials/app-directory.ts'
import type { AppLimitBook } from '../../credentials/app-limits.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Outbox } from '../../ports/fanout.ts'
import type { LimitReading, LimitVerdict } from '../../ports/limit-engine.ts'

/** One frame about one limit in so long: a flood is not answered with a flood. */
export const TOLD_INTERVAL_MS = 1_000

export interface SessionLimitsDeps {
  readonly guard: Guard
  readonly limitBook: AppLimitBook
  readonly directory: AppDirectory
  readonly clock: Clock
}

/** What is refused because nobody vouched for it. */
const PROOFS: ReadonlySet<RefusalCode> = new Set(['signature_invalid', 'sign_in_invalid'])

interface LimitedConnection {
  readonly id: string
  readonly outbox: Outbox
  readonly space: AppSpace
  readonly source: Source
}

export class SessionLimits {
  readonly #connection: LimitedConnection
  readonly #deps: SessionLimitsDeps
  #asker: Asker
  #isSignedIn = false
  /** Of the channel that was published to last. */
  #member: { readonly userId: string; readonly asker: Asker } | undefined
  /** By name of the limit, so at most as many as there are names. */
  readonly #toldAtMs = new Map<string, number>()
  #known: AppLimits | undefined

  constructor(connection: LimitedConnection, deps: SessionLimitsDeps) {
    this.#connection = connection
    this.#deps = deps
    const { id, space, source } = connection
    // Who has signed in as nobody is a user of his own; a user id holds no `#`.
    const nobody = ownSubject(space.app.id, `#${id}`)
    this.#asker = { user: nobody, connection: nobody, source }
  }

  /**
   * @returns undefined when the user may have one more connection: it is counted with the others of
   * the user from now on.
   */
  signIn(userId: string): LimitRefusal | undefined {
    const { space } = this.#connection
    const asker = { ...this.#asker, user: ownSubject(space.app.id, userId) }
    const full = this.#full('connections.user', space.users.connectionCount(userId), asker.user)
    if (full !== undefined) return refuseByLimit(full, 'user_connections_full')
    this.#asker = asker
    this.#isSignedIn = true
    return undefined
  }

  /**
   * @param memberId as whom the connection is present in the channel.
   * @returns undefined when the event may go out.
   */
  publish(
    event: { readonly channel: string; readonly data: string },
    memberId: string | undefined,
  ): LimitRefusal | undefined {
    const { guard } = this.#deps
    return this.#judge(guard.clientPublish(this.#limits(), this.#askerAs(memberId), event))
  }

  /** Who has not signed in is the member its app has vouched for, on however many connections. */
  #askerAs(memberId: string | undefined): Asker {
    if (memberId === undefined || this.#isSignedIn) return this.#asker
    if (this.#member?.userId !== memberId) {
      const user = ownSubject(this.#connection.space.app.id, memberId)
      this.#member = { userId: memberId, asker: { ...this.#asker, user } }
    }
    return this.#member.asker
  }

  /** Asked once it is known that it may: what is refused for another reason uses nothing up. */
  subscribe(channel: string, held: ReadonlyMap<string, unknown>): LimitRefusal | undefined {
    const { connection = '' } = this.#asker
    const full = held.has(channel)
      ? undefined
      : this.#full('subscriptions.connection', held.size, connection)
    if (full !== undefined) return refuseByLimit(full, 'subscriptions_full')
    return this.#judge(this.#deps.guard.subscribe(this.#limits(), this.#asker, channel))
  }

  /**
   * Charges a proof that did not hold.
   * @returns undefined while it is told as what it is.
   */
  refusedProof({ refusal }: { readonly refusal: RefusalCode }): LimitRefusal | undefined {
    if (!PROOFS.has(refusal)) return undefined
    const { user, source } = this.#asker
    return this.#judge(this.#deps.guard.authenticate(limitSubject(source.ip), user, source))
  }

  /** @param openCount how many there are without the one that is asked for. */
  #full(name: ConcurrentLimitName, openCount: number, subject: string): LimitReading | undefined {
    const limits = this.#limits()
    const full = concurrentRefusal(limits.concurrent(name), openCount + 1)
    if (full === undefined) return undefined
    const reading = concurrentReading(full, openCount, subject)
    this.#deps.guard.full(reading, limits.owner, this.#asker.source)
    return full.isShadow ? undefined : reading
  }

  /** Tells the client that a limit refused what it sent. */
  tellRefused(reading: LimitReading): void {
    const { pusher } = limitAnswer(reading)
    if (!this.#mayTell(reading.rule.name)) return
    this.#connection.outbox.send(errorFrame(pusher.errorCode, pusher.message, pusher.fields))
  }

  #judge({ refused, warned }: LimitVerdict): LimitRefusal | undefined {
    if (refused !== undefined) return refuseByLimit(refused)
    for (const reading of warned) {
      if (!this.#mayTell(`${reading.rule.name} warned`)) continue
      this.#connection.outbox.send(limitWarning(limitFields(reading)))
    }
    return undefined
  }

  #mayTell(what: string): boolean {
    const nowMs = this.#deps.clock.monotonicMs()
    const toldAtMs = this.#toldAtMs.get(what) ?? Number.NEGATIVE_INFINITY
    if (nowMs - toldAtMs < TOLD_INTERVAL_MS) return false
    this.#toldAtMs.set(what, nowMs)
    return true
  }

  /** As they are now: the app is replaced as a whole when its plan or settings change. */
  #limits(): AppLimits {
    const loaded = this.#deps.directory.findById(this.#connection.space.app.id)
    // A deleted app ends its connections; until then what was known holds.
    if (loaded !== undefined) this.#known = this.#deps.limitBook.of(loaded)
    if (this.#known === undefined) throw new Error('a connection of an app that never was')
    return this.#known
  }
}
