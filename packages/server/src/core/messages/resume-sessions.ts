/**
 * What connections were subscribed to, under a name that their client may come back with (contract
 * wSocket 6.4), for apps that want the server to remember. State only; nothing of it is durable: a
 * name that is not known any more says so, and the client subscribes anew.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'

/** The contract's: how long a client may take to come back. */
export const RESUME_KEPT_MS = 120_000
/** Ours: connections of a node, and those that left it in the last two minutes. */
export const RESUME_SESSION_COUNT_MAX = 500_000
/** 128 bits. */
const ID_BYTES = 16

/** Who may come back under a name. */
export interface ResumeOwner {
  readonly appId: string
  /** Tells principals apart, as `ownerKey` of a connection. */
  readonly ownerKey: string
}

/** Where a client goes on. */
export interface ResumePoint {
  readonly channels: readonly string[]
  /** Epoch: all that was published until then was handed to its connection. */
  readonly afterMs: number
}

export interface ResumePorts {
  readonly clock: Clock
  readonly random: Random
  /** Up to when an app has come: what is published later has a later time. Epoch. */
  readonly reachedMs: (appId: string) => number
}

interface Entry {
  readonly owner: ResumeOwner
  /** While it lives. */
  connection: { readonly channels: ReadonlySet<string> } | undefined
  /** Once its connection has gone. */
  point: ResumePoint | undefined
  expiresAtMs: number
}

export class ResumeSessions {
  readonly #ports: ResumePorts
  readonly #countMax: number
  /** Of the living; bounded by the connections of the node. */
  readonly #open = new Map<string, Entry>()
  /** Of those that left, the first to leave first. */
  readonly #left = new Map<string, Entry>()

  constructor(ports: ResumePorts, countMax = RESUME_SESSION_COUNT_MAX) {
    this.#ports = ports
    this.#countMax = countMax
  }

  get size(): number {
    return this.#open.size + this.#left.size
  }

  /** @returns a fresh name for a connection: 22 characters of base64url. */
  open(owner: ResumeOwner, connection: { readonly channels: ReadonlySet<string> }): string {
    const id = this.#ports.random
      .bytes(ID_BYTES)
      .toBase64({ alphabet: 'base64url', omitPadding: true })
    this.#open.set(id, { owner, connection, point: undefined, expiresAtMs: Infinity })
    this.#makeRoom()
    return id
  }

  /**
   * Where the client of that name goes on; of one whose old connection is not known to be gone,
   * what it has now.
   * @returns undefined for a name that is unknown, somebody else's or too old.
   */
  find(id: string, { appId, ownerKey }: ResumeOwner): ResumePoint | undefined {
    const entry = this.#open.get(id) ?? this.#left.get(id)
    if (entry?.owner.appId !== appId || entry.owner.ownerKey !== ownerKey) return undefined
    if (this.#ports.clock.monotonicMs() >= entry.expiresAtMs) return undefined
    return entry.point ?? this.#pointOf(entry)
  }

  /**
   * The client of that name, which was found, has all of it back: from now on it is about
   * `connection`. Until then it goes on from where it was, should the connection break again.
   */
  touch(
    id: string,
    owner: ResumeOwner,
    connection: { readonly channels: ReadonlySet<string> },
  ): void {
    this.#left.delete(id)
    this.#open.set(id, { owner, connection, point: undefined, expiresAtMs: Infinity })
    this.#makeRoom()
  }

  /**
   * Called before the hub takes the connection out of its channels. One that was replaced meanwhile
   * changes nothing.
   */
  left(id: string, connection: { readonly channels: ReadonlySet<string> }): void {
    const entry = this.#open.get(id)
    if (entry?.connection !== connection) return
    this.#open.delete(id)
    entry.point = this.#pointOf(entry)
    entry.connection = undefined
    entry.expiresAtMs = this.#ports.clock.monotonicMs() + RESUME_KEPT_MS
    this.#left.set(id, entry)
    this.#makeRoom()
  }

  /** Its client may not come back; where another connection has the name, nothing changes. */
  forget(id: string, connection: { readonly channels: ReadonlySet<string> }): void {
    if (this.#open.get(id)?.connection === connection) this.#open.delete(id)
  }

  /** Lets go of what is too old. Called about once a second. */
  tick(): void {
    const nowMs = this.#ports.clock.monotonicMs()
    for (const [id, { expiresAtMs }] of this.#left) {
      if (nowMs < expiresAtMs) return
      this.#left.delete(id)
    }
  }

  #pointOf({ owner, connection }: Entry): ResumePoint {
    return {
      channels: [...(connection?.channels ?? [])],
      afterMs: this.#ports.reachedMs(owner.appId),
    }
  }

  /** Who left first has had the most time to come back. */
  #makeRoom(): void {
    for (const id of this.#left.keys()) {
      if (this.size <= this.#countMax) return
      this.#left.delete(id)
    }
  }
}
