/** The connection below a client: where it came from, its phases, and its end. Interfaces only. */
import type { ReasonCode } from '@lockgate/protocol/mqtt/reason-codes'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Source } from '../../core/source.ts'
import type { MqttIdentity } from '../../credentials/mqtt/mqtt-identity.ts'
import type { PacedOutbox } from '../../ports/fanout.ts'
import type { Inflow } from '../session.ts'
import type { ConnectTerms } from './connect-terms.ts'

/** Why a connection ends, where its refusal does not say it all. */
export interface Ending {
  /** In place of the reason the refusal has. */
  readonly reason?: ReasonCode
  /** Public; in place of the text the refusal has. */
  readonly text?: string
}

/** How a client said goodbye. */
export interface Leaving {
  readonly isWillDue: boolean
  /** Of its DISCONNECT, as it was granted. */
  readonly expirySeconds: number | undefined
}

export interface ClientSocket {
  readonly outbox: PacedOutbox
  readonly inflow: Inflow
  /** @returns false when it had ended before. */
  finish(refusal: RefusalCode, ending?: Ending): boolean
  /** The client said goodbye. */
  left(leaving: Leaving): void
  /** Takes up what was received and not looked at yet. Never throws. */
  goOn(): void
  /** Goes on with what had to be waited for; failures end the connection. */
  later<T>(outcome: Promise<T>, goOn: (value: T) => void): void
}

/** How a connection came in. */
export interface Origin {
  readonly source: Source
  /** `Origin` of a WebSocket. */
  readonly origin: string | undefined
  readonly isWebSocket: boolean
  readonly isTls: boolean
}

export interface ClientStart extends Origin {
  readonly id: string
  readonly identity: MqttIdentity
  readonly terms: ConnectTerms
  /** Of CONNECT: shown again with each renewal. */
  readonly username: string | undefined
}
