/**
 * Connection tokens in a region's database: the part of the store port that is about them, inside
 * transactions and as single steps of the hot path.
 */
import type { ConnectionTokenRecord, ConnectionTokenSelector } from './records/connection-token.ts'

export interface ConnectionTokenPage {
  /** Undefined: of every app. */
  readonly selector?: ConnectionTokenSelector
  /** Only those that are neither revoked nor replaced, and expire and end later than this. */
  readonly liveAtMs?: number
  /** Only those that expire later than this, ended or not: what a node has to know of. */
  readonly unexpiredAtMs?: number
  /** Empty: from the first. */
  readonly afterId: string
  readonly countMax: number
}

/** When and how tokens end. */
export type ConnectionTokenEnd =
  | { readonly revokedAtMs: number }
  /** Tokens that are revoked or replaced stay as they are. */
  | { readonly replacedAtMs: number }

export interface ConnectionTokenRecords {
  /** Inserts or replaces by id. */
  saveConnectionTokens(tokens: readonly ConnectionTokenRecord[]): Promise<void>
  findConnectionToken(id: string): Promise<ConnectionTokenRecord | undefined>
  /** By id, at most `countMax`. */
  listConnectionTokens(page: ConnectionTokenPage): Promise<readonly ConnectionTokenRecord[]>
  /**
   * Marks what is selected and not marked yet.
   * @returns the ids of those that had not expired by then, sorted: connections may rest on them.
   */
  endConnectionTokens(
    selector: ConnectionTokenSelector,
    end: ConnectionTokenEnd,
  ): Promise<readonly string[]>
  /**
   * Removes tokens of which the newest password expired before `beforeMs`. One that is revoked
   * stays until then, so that its passwords are known to be bad for as long as they look good.
   */
  sweepConnectionTokens(beforeMs: number): Promise<void>
}

export interface ConnectionTokenStep {
  readonly id: string
  /** The one that must still be the newest. */
  readonly generation: number
  readonly nowMs: number
  readonly expiresAtMs: number
}

export interface ConnectionTokenOutcome {
  readonly isAdvanced: boolean
  /** As it is afterwards; undefined when there is none of this id. */
  readonly token: ConnectionTokenRecord | undefined
}

/** Single steps outside of transactions: many callers share one commit. */
export interface ConnectionTokenSteps {
  /** Inserts; durable when it resolves. @throws Conflict `stale_revision` when the id is taken. */
  startConnectionToken(token: ConnectionTokenRecord): Promise<void>
  /**
   * Moves a token on by one generation (`generation + 1`, `refreshedAtMs = nowMs`, `expiresAtMs`)
   * if the named generation is the newest, it is neither revoked nor replaced, and `nowMs` is
   * before its end. Of any number of concurrent steps of one generation exactly one advances.
   * Whether a password that has expired may still be refreshed is for the caller to decide.
   */
  advanceConnectionToken(step: ConnectionTokenStep): Promise<ConnectionTokenOutcome>
  /**
   * Adds a client id to those that connected with a token; idempotent.
   * @returns false when there is no such token, or it has `TOKEN_CLIENT_COUNT_MAX` others.
   */
  bindConnectionTokenClient(id: string, clientId: string): Promise<boolean>
}
