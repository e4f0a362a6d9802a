/** Asking for the session of a client id, and what comes of it. Interfaces only. */
import type { Result } from '@lockgate/protocol/result'
import type { RefusalCode } from '../../../core/refusals.ts'
import type { ClientState } from './client-state.ts'
import type { Connecting } from './session-life.ts'

export interface SessionClaim extends Connecting {
  readonly clientId: string
  /** Two that differ never share a session. */
  readonly owner: string
  readonly cleanStart: boolean
}

export interface Claimed {
  readonly state: ClientState
  readonly sessionPresent: boolean
}

export type ClaimResult = Result<Claimed, RefusalCode>
