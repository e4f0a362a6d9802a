/**
 * Every lineage that is alive, in memory: what deciding about a connection token asks instead of a
 * database (decision 20). Filled from the store before the server is ready, then fed by this node's
 * own changes and by the news of others. Ended ones go once no password of theirs can be good.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { ConnectionTokenRecord } from '../../ports/records/connection-token.ts'
import { holderOf, type Lineage, lineageOf, mergeRecords, statusOf } from './lineage.ts'

/** Our bounds: of one user in one app, of one app, and of a node; about 1 KiB each. */
export const LINEAGES_OF_USER_MAX = 100
/** Of one user, those that were replaced and are not over counted too. */
export const KNOWN_OF_USER_MAX = 1_000
export const LINEAGES_OF_APP_MAX = 200_000
export const LINEAGE_COUNT_MAX = 1_000_000
/** So long a client is still told what has ended its token, and not only that it is none. */
export const ENDED_KEPT_MS = 600_000
/** Looked at by one sweep: a million at once would hold up everything else. */
const SWEPT_COUNT_MAX = 100_000

/** Looked at for one page, where few are wanted: 200,000 at once would hold up everything else. */
export const LOOKED_AT_MAX = 5_000

export type FullTable = 'user_full' | 'app_full' | 'node_full'

/** Whose lineages are meant. */
export type Held = Pick<
  ConnectionTokenRecord,
  'appId' | 'provider' | 'integration' | 'userId' | 'userEmail'
>

/** One look at all lineages, in as many sweeps as it takes. */
interface SweptPass {
  readonly beganAtMs: number
  /** Of those that are kept; infinite for none. */
  oldestCreatedAtMs: number
}

export interface LineagePage {
  readonly lineages: readonly Lineage[]
  /** Undefined at the end of the list. */
  readonly nextCursor: string | undefined
}

export class LineageTable {
  readonly #byId = new Map<string, Lineage>()
  /** By app, then by id, oldest first. */
  readonly #byApp = new Map<string, Map<string, Lineage>>()
  /** By holder, those that are neither revoked nor replaced. */
  readonly #byUser = new Map<string, Set<Lineage>>()
  /** By holder, how many are known at all. */
  readonly #knownCounts = new Map<string, number>()
  readonly #onEnded: (record: ConnectionTokenRecord) => void
  #sweeping: Iterator<Lineage> = this.#byId.values()
  #pass: SweptPass | undefined
  #lastPass: SweptPass | undefined
  #isComplete = false

  /** @param onEnded told once of each lineage that was known and is now revoked, or replaced. */
  constructor(onEnded: (record: ConnectionTokenRecord) => void) {
    this.#onEnded = onEnded
  }

  /** False until everything stored was read: until then nobody may be told that a token is none. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  completed(): void {
    this.#isComplete = true
  }

  get size(): number {
    return this.#byId.size
  }

  find(id: string): Lineage | undefined {
    return this.#byId.get(id)
  }

  /** Takes what is known of a lineage in; what was known before is never taken back. */
  put(record: ConnectionTokenRecord): Lineage {
    const known = this.#byId.get(record.id)
    if (known !== undefined) {
      const before = known.record
      known.record = mergeRecords(before, record)
      if (endCountOf(known.record) > endCountOf(before)) {
        this.#leaveUser(known)
        this.#onEnded(known.record)
      }
      return known
    }
    const made = lineageOf(record)
    this.#byId.set(record.id, made)
    const ofApp = this.#byApp.get(record.appId) ?? new Map<string, Lineage>()
    this.#byApp.set(record.appId, ofApp.set(record.id, made))
    const user = userKeyOf(record)
    this.#knownCounts.set(user, (this.#knownCounts.get(user) ?? 0) + 1)
    if (endCountOf(record) > 0) return made
    const ofUser = this.#byUser.get(user) ?? new Set<Lineage>()
    this.#byUser.set(user, ofUser.add(made))
    return made
  }

  /** Whether there is room for one more of app and node; a user's are {@link activeOf}. */
  hasRoom(appId: string): Result<true, FullTable> {
    if (this.#byId.size >= LINEAGE_COUNT_MAX) return refuse('node_full')
    const count = this.#byApp.get(appId)?.size ?? 0
    return count >= LINEAGES_OF_APP_MAX ? refuse('app_full') : ok(true)
  }

  /** @returns those of one user that still let somebody in, oldest first. */
  activeOf(holder: Held, nowMs: number): readonly Lineage[] {
    const all = this.#byUser.get(userKeyOf(holder)) ?? []
    return [...all].filter(({ record }) => statusOf(record, nowMs) === 'active')
  }

  /** @returns how many of one user take up room, those that have ended and are not over too. */
  knownCountOf(holder: Held): number {
    return this.#knownCounts.get(userKeyOf(holder)) ?? 0
  }

  /** The last one that has seen everything; undefined until one has. */
  get lastPass(): Readonly<SweptPass> | undefined {
    return this.#lastPass
  }

  all(): Iterable<Lineage> {
    return this.#byId.values()
  }

  /** Every one of an app, ended ones too while they are known; oldest first. */
  ofApp(appId: string): Iterable<Lineage> {
    return this.#byApp.get(appId)?.values() ?? []
  }

  /**
   * @param cursor of the page before; of one that is gone meanwhile the list begins anew.
   * @returns fewer than `countMax`, or none, also where more may follow.
   */
  page(
    appId: string,
    {
      cursor,
      countMax,
      isWanted,
    }: {
      readonly cursor: string | undefined
      readonly countMax: number
      readonly isWanted: (lineage: Lineage) => boolean
    },
  ): LineagePage {
    const lineages: Lineage[] = []
    let lookedAtCount = 0
    let lastId: string | undefined
    let isReached = cursor === undefined || !this.#byId.has(cursor)
    for (const lineage of this.ofApp(appId)) {
      if (!isReached) {
        isReached = lineage.record.id === cursor
        continue
      }
      if (lookedAtCount++ === LOOKED_AT_MAX) return { lineages, nextCursor: lastId }
      lastId = lineage.record.id
      if (!isWanted(lineage)) continue
      if (lineages.length === countMax) return { lineages, nextCursor: lineages.at(-1)?.record.id }
      lineages.push(lineage)
    }
    return { lineages, nextCursor: undefined }
  }

  /** Forgets what can let nobody in any more; goes on where the sweep before has stopped. */
  sweep(nowMs: number): void {
    this.#pass ??= { beganAtMs: nowMs, oldestCreatedAtMs: Number.POSITIVE_INFINITY }
    const pass = this.#pass
    for (let count = 0; count < SWEPT_COUNT_MAX; count++) {
      const next = this.#sweeping.next()
      if (next.done === true) {
        this.#sweeping = this.#byId.values()
        this.#lastPass = pass
        this.#pass = undefined
        return
      }
      const { record } = next.value
      if (nowMs >= record.expiresAtMs + ENDED_KEPT_MS) this.#forget(record)
      else pass.oldestCreatedAtMs = Math.min(pass.oldestCreatedAtMs, record.createdAtMs)
    }
  }

  /** Forgets those that were made before: no password of theirs verifies any more. */
  forgetBefore(atMs: number): void {
    for (const { record } of this.#byId.values()) {
      if (record.createdAtMs < atMs) this.#forget(record)
    }
  }

  #forget(record: ConnectionTokenRecord): void {
    const lineage = this.#byId.get(record.id)
    if (lineage === undefined) return
    this.#byId.delete(record.id)
    const ofApp = this.#byApp.get(record.appId)
    ofApp?.delete(record.id)
    if (ofApp?.size === 0) this.#byApp.delete(record.appId)
    this.#leaveUser(lineage)
    const user = userKeyOf(record)
    const knownCount = (this.#knownCounts.get(user) ?? 1) - 1
    if (knownCount === 0) this.#knownCounts.delete(user)
    else this.#knownCounts.set(user, knownCount)
  }

  /** Whoever mints again and again is not slowed down by what was replaced. */
  #leaveUser(lineage: Lineage): void {
    const user = userKeyOf(lineage.record)
    const ofUser = this.#byUser.get(user)
    ofUser?.delete(lineage)
    if (ofUser?.size === 0) this.#byUser.delete(user)
  }
}

/** What was replaced can still be revoked, which ends its connections too. */
function endCountOf({ revokedAtMs, replacedAtMs }: ConnectionTokenRecord): number {
  return [revokedAtMs, replacedAtMs].filter((each) => each !== undefined).length
}

/** No id of an app holds a space. */
function userKeyOf(holder: Held): string {
  return `${holder.appId} ${holderOf(holder)}`
}
