/**
 * The contract of every protocol session: a machine without I/O. The transport calls these one at a
 * time; the session answers through its outbox. Nothing here blocks or throws on what a client
 * sends.
 */
import type { LimitRefusal } from '../core/limits/limit-refusal.ts'
import type { RefusalCode } from '../core/refusals.ts'
import type { Source } from '../core/source.ts'
import type { Frame, PacedOutbox } from '../ports/fanout.ts'

export interface Session {
  /** The connection is up; called once, first. */
  open(): void
  /**
   * One whole message; for a session over a byte stream the next piece of the stream, cut anywhere.
   * @param frame text already checked as UTF-8, or bytes. Bytes are the session's to keep and
   * nobody changes them, but a view keeps all that was read with it, up to half a megabyte: what
   * outlives its turn is copied.
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
  /** The outbox had no room and has some again. */
  writable?(): void
  /** Ends the connection with the code the protocol gives this refusal. */
  end(refusal: RefusalCode): void
  /**
   * The connection is gone or about to go; called once, last. Nothing is sent afterwards. May come
   * a little after the close when many are closed at one moment.
   */
  closed(): void
}

/**
 * Holds the peer back: nothing is read while it is paused, so TCP stops its writes. What had been
 * read already still comes. A pause is for a moment: a peer that goes away meanwhile is noticed
 * when reading goes on.
 */
export interface Inflow {
  pause(): void
  resume(): void
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
  /** Header as sent; a secret. */
  readonly authorization: string | undefined
  /** Header as sent, checked to be one host. */
  readonly host: string
  readonly isTls: boolean
  /** Read when a protocol takes the request: most refusals do not need it. */
  readonly source: () => Omit<Source, 'protocol'>
}

export type StartSession = (outbox: PacedOutbox, inflow: Inflow) => Session

/** What becomes of an upgrade request. */
export type Admission =
  | {
      readonly kind: 'session'
      /** Makes the session once the outbox exists. */
      readonly start: StartSession
      /**
       * There will be no connection: gives back what was taken for one. Called at most once, also
       * after `start`, and never after `open`.
       */
      readonly abandoned?: () => void
      /** One of those offered; named in the answer. Without it, offering any is refused. */
      readonly subprotocol?: string
      /**
       * `stream`: frames are pieces of one byte stream, so text is closed with 1003 and what is
       * sent in one turn leaves in one binary frame. Left out: a frame is a message.
       */
      readonly carries?: 'stream'
      /**
       * The transport sends pings of its own and ends the session as `pong_missing` when two of
       * them go unanswered (RFC 6455 §5.5.2).
       */
      readonly isPinged?: true
      /** The largest frame; left out: the setting for all. */
      readonly frameBytesMax?: number
    }
  /** Answered with plain HTTP; the client sees a failed handshake. */
  | {
      readonly kind: 'refused_http'
      readonly refusal: RefusalCode
      /** Set where a limit refuses: its answer says which, and when to come back. */
      readonly limited?: LimitRefusal
      /** What is wrong with this very request; public. */
      readonly detail?: string
    }
  /** Upgraded, told, closed: for clients that read the reason off the close code only. */
  | {
      readonly kind: 'refused_frame'
      readonly refusal: RefusalCode
      /** Undefined: the close code says it all. */
      readonly frame: Frame | undefined
      readonly closeCode: number
      /** At most 123 bytes; left out: the text of the refusal. */
      readonly reason?: string
      /** Named in the answer, where the client has to be told one. */
      readonly subprotocol?: string
      /** How long it is held before it is closed: those that come back at once come back later. */
      readonly holdMs?: number
    }

/** A protocol that WebSocket clients can speak. */
export interface WebSocketProtocol {
  /** No admission names a larger frame; left out: the setting for all. */
  readonly frameBytesMax?: number
  /**
   * @returns undefined when the request is not this protocol's; at once where nothing has to be
   * waited for.
   */
  admit(request: UpgradeRequest): Admission | Promise<Admission> | undefined
}

/** The certificate of a client, verified against the configured authority. */
export interface ClientCertificate {
  /** The common name of its subject; empty where it has none. */
  readonly commonName: string
  /** SHA-256 of the certificate, lowercase hex. */
  readonly fingerprint: string
}

/** A connection over TCP or TLS, its handshake done, before a byte of it is read. */
export interface StreamConnection {
  readonly isTls: boolean
  /** Undefined: none was shown, or none is asked for. */
  readonly certificate: ClientCertificate | undefined
  /** The peer itself: no proxy is believed here. */
  readonly source: () => Omit<Source, 'protocol'>
}

/** What becomes of it. A refused one is closed without a byte, because nothing was asked yet. */
export type StreamAdmission =
  | { readonly kind: 'session'; readonly start: StartSession }
  | { readonly kind: 'refused'; readonly refusal: RefusalCode }

/** A protocol that clients speak over a byte stream of their own. */
export interface StreamProtocol {
  admit(connection: StreamConnection): StreamAdmission
}
