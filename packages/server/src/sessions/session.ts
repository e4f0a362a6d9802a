/**
 * The contract of every protocol session: a machine without I/O. The transport calls these one at a
 * time; the session answers through its outbox. Nothing here blocks or throws on what a client
 * sends.
 */
import type { RefusalCode } from '../core/refusals.ts'
import type { Source } from '../core/source.ts'
import type { Frame, Outbox } from '../ports/fanout.ts'

export interface Session {
  /** The connection is up; called once, first. */
  open(): void
  /**
   * One whole message. @param frame text already checked as UTF-8, or bytes of a binary message.
   */
  receive(frame: Frame): void
  /** A control ping or pong arrived: a sign of life. */
  heard(): void
  /**
   * Looks at the time; called when it said, or up to a second later.
   * @param nowMs monotonic.
   * @returns when to call again at the latest.
   */
  tick(nowMs: number): number
  /** Ends the connection with the code the protocol gives this refusal. */
  end(refusal: RefusalCode): void
  /**
   * The connection is gone or about to go; called once, last. Nothing is sent afterwards. May come
   * a little after the close when many are closed at one moment.
   */
  closed(): void
}

/** A WebSocket upgrade as a protocol decides on it, before the 101 answer. */
export interface UpgradeRequest {
  /** Raw, without the configured prefix where it is under it. */
  readonly path: string
  /** False: nothing is served there, but a protocol may know how to say so. */
  readonly isUnderPrefix: boolean
  /** Raw, without the `?`. */
  readonly query: string
  /** Header as sent. */
  readonly origin: string | undefined
  readonly subprotocols: readonly string[]
  readonly isTls: boolean
  /** Read when a protocol takes the request: most refusals do not need it. */
  readonly source: () => Omit<Source, 'protocol'>
}

/** What becomes of an upgrade request. */
export type Admission =
  | {
      readonly kind: 'session'
      /** Makes the session once the outbox exists. */
      readonly start: (outbox: Outbox) => Session
    }
  /** Answered with plain HTTP; the client sees a failed handshake. */
  | { readonly kind: 'refused_http'; readonly refusal: RefusalCode }
  /** Upgraded, told, closed: for clients that read the reason off the close code only. */
  | {
      readonly kind: 'refused_frame'
      readonly refusal: RefusalCode
      readonly frame: Frame
      readonly closeCode: number
    }

/** A protocol that WebSocket clients can speak. */
export interface WebSocketProtocol {
  /** @returns undefined when the request is not this protocol's. */
  admit(request: UpgradeRequest): Admission | undefined
}
