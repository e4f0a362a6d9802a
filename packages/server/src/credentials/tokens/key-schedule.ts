/**
 * What has to happen next with the signing key of a tenant: one move of the credential engine at a
 * time, decided from the states of its versions and the clock. A new key is published before it
 * signs, for longer than verifiers keep a key set, and at most two are published. Pure.
 */
import type { VersionRecord } from '../../ports/records/credential.ts'
import type { SigningAlgorithm } from '../../ports/records/tenant.ts'
import { isAccepted, settledVersion } from '../engine/reading.ts'

/** Verifiers keep a key set for 300 s (its `max-age`); a minute more for clocks and the way. */
export const PUBLISHED_BEFORE_USE_MS = 360_000

export type KeyStep =
  | { readonly do: 'nothing' }
  /** Publish a new key. */
  | { readonly do: 'stage' }
  /** The published key signs from now on; the old one stays published for its tail. */
  | { readonly do: 'promote' }
  /** The published key is of an algorithm the tenant no longer wants. */
  | { readonly do: 'discard' }
  /** Nothing can sign: a new key does at once, published or not. */
  | { readonly do: 'replace' }
  /** Its tail is over: the private key is of no use but to a thief. */
  | { readonly do: 'erase'; readonly versionId: string }

export interface ScheduledKey {
  readonly version: VersionRecord
  readonly algorithm: SigningAlgorithm
}

export interface KeyPlan {
  /** What the tenant signs with. */
  readonly algorithm: SigningAlgorithm
  /** How long a key signs. */
  readonly lifeMs: number
  readonly nowMs: number
}

/** @param keys of one tenant whose private part is still there. */
export function nextKeyStep(keys: readonly ScheduledKey[], plan: KeyPlan): KeyStep {
  const { nowMs, algorithm } = plan
  const ended = keys.find(({ version }) => settledVersion(version, nowMs).state === 'disabled')
  if (ended !== undefined) return { do: 'erase', versionId: ended.version.id }
  const open = keys.filter(({ version }) => isAccepted(version, nowMs))
  const current = open.find(({ version }) => version.state === 'current')
  const pending = open.find(({ version }) => version.state === 'pending')
  if (current === undefined) return { do: pending === undefined ? 'replace' : 'promote' }
  if (pending !== undefined) {
    if (pending.algorithm !== algorithm) return { do: 'discard' }
    const isSeen = nowMs - pending.version.createdAtMs >= PUBLISHED_BEFORE_USE_MS
    return { do: isSeen ? 'promote' : 'nothing' }
  }
  // Two are published until the tail of the previous one is over.
  if (open.length > 1) return { do: 'nothing' }
  const signsSinceMs = current.version.activatedAtMs ?? nowMs
  const isDue = nowMs - signsSinceMs >= plan.lifeMs - PUBLISHED_BEFORE_USE_MS
  return { do: isDue || current.algorithm !== algorithm ? 'stage' : 'nothing' }
}
