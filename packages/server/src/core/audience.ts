/**
 * Connections that are told the same things: the subscribers of a channel, the watchers of a user.
 * Grouped by protocol, so that each protocol encodes once and the fan-out stays paced however many
 * there are.
 */
import type { Fanout, FanoutGroup, Frame, Outbox } from '../ports/fanout.ts'

/** `E`: what makes the frames of a protocol; one object for all of its connections. */
export interface Receiver<E> {
  readonly encoder: E
  readonly outbox: Outbox
}

export class Audience<E> {
  readonly #fanout: Fanout
  readonly #groups: { readonly encoder: E; readonly group: FanoutGroup }[] = []
  #size = 0

  constructor(fanout: Fanout) {
    this.#fanout = fanout
  }

  get size(): number {
    return this.#size
  }

  /** Adds a connection that is not in yet. */
  join({ encoder, outbox }: Receiver<E>): void {
    let entry = this.#groups.find((known) => known.encoder === encoder)
    if (entry === undefined) {
      entry = { encoder, group: this.#fanout.createGroup() }
      this.#groups.push(entry)
    }
    entry.group.join(outbox)
    this.#size++
  }

  /** Removes a connection that is in. */
  leave({ encoder, outbox }: Receiver<E>): void {
    const at = this.#groups.findIndex((known) => known.encoder === encoder)
    const group = this.#groups[at]?.group
    group?.leave(outbox)
    // Encoders may be as many as connections, and come and go like them.
    if (group?.size === 0) this.#groups.splice(at, 1)
    this.#size--
  }

  /**
   * @param encode called once for each protocol that is present.
   * @param except one receiver: its outbox may be in again, with another encoder.
   */
  tell(encode: (encoder: E) => Frame, except?: Receiver<E>): void {
    for (const { encoder, group } of this.#groups) {
      if (group.size === 0) continue
      group.publish(encode(encoder), encoder === except?.encoder ? except.outbox : undefined)
    }
  }
}
