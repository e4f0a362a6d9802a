/**
 * What outlives an MQTT connection: sessions, their subscriptions, the messages that wait for them,
 * and retained messages. One of these per region, in a file of its own: it is written far more
 * often than credentials are, and survives `kill -9`, not by itself the loss of power
 * (`synchronous=NORMAL`; the configuration may say FULL). Adapters: memory and SQLite; the contract
 * suite is `test/contract/session-store.ts`.
 */

export interface StoredMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly properties: {
    readonly payloadFormat?: number
    readonly contentType?: string
    readonly responseTopic?: string
    readonly correlationData?: Uint8Array
    readonly userProperties?: readonly (readonly [name: string, value: string])[]
  }
  /** Epoch. */
  readonly expiresAtMs: number | undefined
}

export interface StoredWill {
  /** Without a time to expire at: that is counted from its publication (§3.1.3.2.4). */
  readonly message: StoredMessage
  readonly delaySeconds: number
  /** Message expiry, from when it is published; undefined: it does not expire. */
  readonly lifetimeSeconds: number | undefined
}

export interface StoredSession {
  /** Fresh for every session: one that was begun anew under the same client id has another. */
  readonly id: string
  readonly appId: string
  readonly clientId: string
  /** Whose it is; only the same may take it over. */
  readonly owner: string
  /** Seconds it is kept after the connection; 0xFFFFFFFF: as long as our own bound. */
  readonly expirySeconds: number
  readonly createdAtMs: number
  /** Undefined while it is connected; after a restart it counts from the start. */
  readonly disconnectedAtMs: number | undefined
  /** The will of the live connection, or one whose delay runs. */
  readonly will: StoredWill | undefined
}

export interface StoredGrant {
  readonly filter: string
  readonly qos: 0 | 1 | 2
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly subscriptionId: number | undefined
}

/** One message in the queue of one session. */
export interface StoredDelivery {
  /** Rises in the session, in the order of delivery. */
  readonly seq: number
  readonly message: StoredMessage
  readonly qos: 1 | 2
  readonly retain: boolean
  readonly subscriptionIds: readonly number[]
  /** Set once it was sent: it is sent again under the same one [MQTT-4.4.0-1]. */
  readonly packetId: number | undefined
  /**
   * QoS 2: PUBREC came, so only PUBREL is due and the message itself is no longer kept: it has no
   * topic and no payload.
   */
  readonly isReceived: boolean
}

export interface QueuedFor {
  readonly sessionId: string
  readonly seq: number
  readonly qos: 1 | 2
  readonly retain: boolean
  readonly subscriptionIds: readonly number[]
}

export type SessionWrite =
  /** Inserts or replaces by id. */
  | { readonly kind: 'session_saved'; readonly session: StoredSession }
  /** With everything of it. */
  | { readonly kind: 'session_removed'; readonly sessionId: string }
  | { readonly kind: 'subscribed'; readonly sessionId: string; readonly grant: StoredGrant }
  | { readonly kind: 'unsubscribed'; readonly sessionId: string; readonly filter: string }
  /** The message is kept once for all of its receivers. */
  | {
      readonly kind: 'queued'
      readonly message: StoredMessage
      readonly receivers: readonly QueuedFor[]
    }
  | {
      readonly kind: 'sent'
      readonly sessionId: string
      readonly seq: number
      readonly packetId: number
    }
  | { readonly kind: 'received'; readonly sessionId: string; readonly seq: number }
  /** Acknowledged, expired or dropped. */
  | { readonly kind: 'done'; readonly sessionId: string; readonly seq: number }
  /** A QoS 2 message of this packet id was taken from the client: a repetition is none. */
  | { readonly kind: 'taken'; readonly sessionId: string; readonly packetId: number }
  | { readonly kind: 'released'; readonly sessionId: string; readonly packetId: number }
  /** Replaces what is kept for the topic. */
  | { readonly kind: 'retained'; readonly appId: string; readonly message: StoredMessage }
  | { readonly kind: 'unretained'; readonly appId: string; readonly topic: string }
  /** The app is gone: its sessions and retained messages with it. */
  | { readonly kind: 'app_removed'; readonly appId: string }

/** Everything but the messages that wait, which are read when their client comes back. */
export interface StoredSessions {
  readonly sessions: readonly (StoredSession & {
    readonly grants: readonly StoredGrant[]
    /** Packet ids of QoS 2 messages that were taken and not released. */
    readonly takenPacketIds: readonly number[]
    /** Messages that were not sent yet (no packet id): the last seqs, without a gap. */
    readonly queuedCount: number
    /** Of their topics and payloads. */
    readonly queuedBytes: number
    /** Messages that were sent, received or not, and are not done. */
    readonly sentCount: number
    /** Of the last message that is kept; 0 for an empty queue. */
    readonly lastSeq: number
  })[]
  readonly retained: readonly { readonly appId: string; readonly message: StoredMessage }[]
}

export interface SessionStore {
  /** Everything that is kept, as it was at one moment. @throws Outage */
  load(): Promise<StoredSessions>
  /**
   * All writes in order, or none. Calls are carried out in the order they were made, and those that
   * wait together may share one commit. What concerns a session that is not there changes nothing,
   * and so does a repetition: after an outage the same writes may be applied again.
   * @param writes nobody changes them before it is settled.
   * @returns once they survive `kill -9`. @throws Outage when nothing was written.
   */
  apply(writes: readonly SessionWrite[]): Promise<void>
  /**
   * Of one session, rising, after `afterSeq`; all that was applied before is seen.
   * @returns at most `countMax`, and fewer where they are large; none means that there are no more.
   * @throws Outage
   */
  listQueued(page: {
    readonly sessionId: string
    readonly afterSeq: number
    readonly countMax: number
  }): Promise<readonly StoredDelivery[]>
}
