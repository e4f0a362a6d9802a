/**
 * Who is present on a channel with history. One member per client id, however many connections it
 * has; a member whose last connection was lost stays for a grace. A client id belongs to who came
 * first with it, until it leaves: nobody else is counted as its connection. State only.
 */
import { PresenceRoster } from '../presence.ts'
import type { MessageConnection, PresentMember } from './messages.ts'

type Who = Pick<MessageConnection, 'clientId' | 'ownerKey'>

interface Present extends PresentMember {
  readonly ownerKey: string
}

export interface Entering {
  readonly data: string | undefined
  /** Epoch. */
  readonly nowMs: number
  readonly memberCountMax: number
}

export type Entered =
  /** `same`: it is there already, and nothing about it has changed. */
  | { readonly kind: 'enter' | 'update' | 'same'; readonly member: PresentMember }
  | { readonly kind: 'full' | 'taken' }

export class ChannelPresence {
  readonly #roster = new PresenceRoster<Present>()
  readonly #connections = new Set<Who>()
  /** Members that wait for a connection, with the monotonic time at which they leave. */
  readonly #awaited = new Map<string, number>()

  get isEmpty(): boolean {
    return this.#roster.size === 0
  }

  get isAwaiting(): boolean {
    return this.#awaited.size > 0
  }

  has(connection: Who): boolean {
    return this.#connections.has(connection)
  }

  enter(connection: Who, { data, nowMs, memberCountMax }: Entering): Entered {
    const { clientId, ownerKey } = connection
    const known = this.#roster.find(clientId)
    if (known !== undefined && known.ownerKey !== ownerKey) return { kind: 'taken' }
    const member = { clientId, data, joinedAtMs: known?.joinedAtMs ?? nowMs, ownerKey }
    if (!this.#connections.has(connection)) {
      if (this.#roster.enter(clientId, member, memberCountMax) === 'full') return { kind: 'full' }
      this.#connections.add(connection)
      this.#stopAwaiting(clientId)
    }
    if (known === undefined) return { kind: 'enter', member: told(member) }
    this.#roster.replace(clientId, member)
    return { kind: known.data === data ? 'same' : 'update', member: told(member) }
  }

  /** A member that is awaited gets its connection back, and nobody has to be told. */
  takeOver(connection: Who): boolean {
    const { clientId, ownerKey } = connection
    const known = this.#roster.find(clientId)
    if (!this.#awaited.has(clientId) || known?.ownerKey !== ownerKey) return false
    this.#roster.enter(clientId, known, Number.POSITIVE_INFINITY)
    this.#connections.add(connection)
    this.#stopAwaiting(clientId)
    return true
  }

  /** @returns the member, where that was its last connection. */
  leave(connection: Who): PresentMember | undefined {
    if (!this.#connections.delete(connection)) return undefined
    const gone = this.#roster.leave(connection.clientId)
    return gone && told(gone)
  }

  /** The connection was lost, and its member may come back until `untilMs` (monotonic). */
  lose(connection: Who, untilMs: number): void {
    if (!this.#connections.delete(connection)) return
    const { clientId } = connection
    // Of several that were lost, one is waited for; the others count no more.
    if (this.#awaited.has(clientId)) this.#roster.leave(clientId)
    this.#awaited.set(clientId, untilMs)
  }

  /** @returns members for which nobody came back in time. */
  expire(nowMs: number): readonly PresentMember[] {
    const gone: PresentMember[] = []
    for (const [clientId, untilMs] of this.#awaited) {
      if (nowMs < untilMs) continue
      this.#awaited.delete(clientId)
      const member = this.#roster.leave(clientId)
      if (member !== undefined) gone.push(told(member))
    }
    return gone
  }

  members(): readonly PresentMember[] {
    return [...this.#roster.members()].map(told)
  }

  #stopAwaiting(clientId: string): void {
    if (this.#awaited.delete(clientId)) this.#roster.leave(clientId)
  }
}

function told({ clientId, data, joinedAtMs }: Present): PresentMember {
  return { clientId, data, joinedAtMs }
}
