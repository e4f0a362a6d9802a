/**
 * Changes what a credential is called, may do and how it is rotated; its versions stay as they are.
 * A policy is held to what the configuration allows: it can be stricter, never laxer. Pure.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type {
  CredentialAttributes,
  CredentialRecord,
  RotationPolicy,
} from '../../ports/records/credential.ts'
import { rulesOf } from './kind-rules.ts'
import type { EngineRefusal, Move } from './moves.ts'
import { isRegistered } from './reading.ts'

export interface TermsRequest {
  readonly name?: string | undefined
  /** Of an API key. Undefined leaves them; null takes them off: what a key without any may do. */
  readonly scopes?: readonly string[] | null | undefined
  /** Limit texts of an API key; null takes them off. */
  readonly limits?: readonly string[] | null | undefined
  /** Of an MQTT user; null takes it off. */
  readonly ruleSet?: string | null | undefined
  /** `maxAgeDays`: null is never due; undefined fields stay as they are. */
  readonly policy?:
    | {
        readonly overlapDefaultMs?: number | undefined
        readonly overlapMaxMs?: number | undefined
        readonly maxAgeDays?: number | null | undefined
        readonly isAutomatic?: boolean | undefined
      }
    | undefined
}

/** What the configuration allows at most. */
export type PolicyBounds = Pick<RotationPolicy, 'overlapMaxMs' | 'maxAgeDays'>

export function changeTerms(
  record: CredentialRecord,
  request: TermsRequest,
  bounds: PolicyBounds,
): Move {
  const { name = record.name, scopes, limits, ruleSet, policy: asked } = request
  const policy = asked === undefined ? ok(record.policy) : checked(record, asked, bounds)
  if (!policy.ok) return policy
  const scoped = scopes === undefined ? record.attributes : withScopes(record, scopes)
  const limited = limits === undefined ? scoped : withLimits(scoped, limits)
  const attributes = ruleSet === undefined ? limited : withRuleSet(limited, ruleSet)
  const revision = record.revision + 1
  return ok({ ...record, name, attributes, policy: policy.value, revision })
}

/** Whether a new value can be made here without anybody bringing one. */
export function canRotateByItself(record: Pick<CredentialRecord, 'kind' | 'versions'>): boolean {
  return rulesOf(record.kind).isForeign !== true && !isRegistered(record)
}

function checked(
  record: CredentialRecord,
  asked: NonNullable<TermsRequest['policy']>,
  bounds: PolicyBounds,
): Result<RotationPolicy, EngineRefusal> {
  const { policy: before } = record
  const { maxAgeDays } = asked
  const policy = {
    overlapDefaultMs: asked.overlapDefaultMs ?? before.overlapDefaultMs,
    overlapMaxMs: asked.overlapMaxMs ?? before.overlapMaxMs,
    maxAgeDays: maxAgeDays === undefined ? before.maxAgeDays : (maxAgeDays ?? undefined),
    isAutomatic: asked.isAutomatic ?? before.isAutomatic,
  }
  // The verifiers of issued tokens follow its schedule, so it is the configuration's alone.
  if (record.kind === 'tenant_signing_key') return denied('Signing keys follow the configuration.')
  if (policy.overlapMaxMs > bounds.overlapMaxMs) {
    return denied('The longest overlap is longer than the configuration allows.')
  }
  if (policy.overlapDefaultMs > policy.overlapMaxMs) {
    return denied('The default overlap is longer than the longest one.')
  }
  const isOlder = (policy.maxAgeDays ?? Number.POSITIVE_INFINITY) > (bounds.maxAgeDays ?? Infinity)
  if (isOlder && rulesOf(record.kind).isForeign !== true) {
    return denied('The greatest age is greater than the configuration allows.')
  }
  if (policy.isAutomatic && !canRotateByItself(record)) {
    return denied('Its value is made elsewhere, so it cannot rotate by itself.')
  }
  return ok(policy)
}

function withScopes(
  { attributes }: CredentialRecord,
  scopes: readonly string[] | null,
): CredentialAttributes {
  const { scopes: _before, ...rest } = attributes
  return scopes === null ? rest : { ...rest, scopes }
}

function withLimits(
  attributes: CredentialAttributes,
  limits: readonly string[] | null,
): CredentialAttributes {
  const { limits: _before, ...rest } = attributes
  return limits === null ? rest : { ...rest, limits }
}

function withRuleSet(attributes: CredentialAttributes, ruleSet: string | null) {
  const { ruleSet: _before, ...rest } = attributes
  return ruleSet === null ? rest : { ...rest, ruleSet }
}

function denied(why: string) {
  return refuse('policy_denied' as const, why)
}
