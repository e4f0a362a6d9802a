/** Records as the administration shows them: camel case, RFC 3339 times, no value of a secret. */
import type { LoadedApp } from '../../credentials/app-directory.ts'
import type { IssuedCredential, Readiness } from '../../credentials/administration/issued.ts'
import { type DueState, dueState } from '../../credentials/engine/due-state.ts'
import { stateAt } from '../../credentials/engine/reading.ts'
import type {
  CredentialRecord,
  Delivery,
  Material,
  RotationPolicy,
} from '../../ports/records/credential.ts'
import type { PlanRecord, Subscription } from '../../ports/records/plan.ts'
import type { MemberRecord, TenantRecord } from '../../ports/records/tenant.ts'

export function timeText(ms: number): string {
  return new Date(ms).toISOString()
}

export function tenantShape(tenant: TenantRecord) {
  const { id, shortId, name, state, signingAlgorithm, createdAtMs } = tenant
  return { id, shortId, name, state, signingAlgorithm, createdAt: timeText(createdAtMs) }
}

export function memberShape({ createdAtMs, ...rest }: MemberRecord) {
  return { ...rest, createdAt: timeText(createdAtMs) }
}

export function planShape({ createdAtMs, ...rest }: PlanRecord) {
  return { ...rest, createdAt: timeText(createdAtMs) }
}

export function appShape({ app, limits }: LoadedApp) {
  const { subscription, createdAtMs, updatedAtMs, settings: stored, ...rest } = app
  const { enabled: isEnabled, ...settings } = stored
  return {
    ...rest,
    ...(subscription === undefined ? {} : subscriptionShape(subscription)),
    limits,
    isEnabled,
    settings,
    createdAt: timeText(createdAtMs),
    updatedAt: timeText(updatedAtMs),
  }
}

function subscriptionShape({ plan, state: planState, endsAtMs }: Subscription) {
  return { plan, planState, ...(endsAtMs === undefined ? {} : { planEndsAt: timeText(endsAtMs) }) }
}

export function credentialShape(record: CredentialRecord, nowMs: number) {
  const { id, kind, tenantId, appId, name, attributes } = record
  const { role, scopes, limits, ruleSet, appKey, algorithms, issuer, audience } = attributes
  const versions = record.versions.map((version) => ({
    id: version.id,
    number: version.number,
    state: stateAt(version, nowMs),
    hint: version.hint,
    ...keyShape(version.material),
    origin: version.origin,
    createdAt: timeText(version.createdAtMs),
    ...(version.acceptUntilMs === undefined
      ? {}
      : { acceptUntil: timeText(version.acceptUntilMs) }),
    ...(version.expiresAtMs === undefined ? {} : { expiresAt: timeText(version.expiresAtMs) }),
    ...(version.delivery === undefined ? {} : { fetch: fetchShape(version.delivery) }),
  }))
  const due = dueShape(dueState(record, nowMs))
  const policy = policyShape(record.policy)
  const named = { id, kind, tenantId, appId, name, role, scopes, limits, ruleSet, appKey }
  return { ...named, algorithms, issuer, audience, due, policy, versions }
}

/** What a customer registered is public; everything else has nothing to show. */
function keyShape(material: Material) {
  if (material.storage === 'remote') return { jwksUrl: material.jwksUrl }
  return material.storage === 'public' ? { jwk: JSON.parse(material.jwk) as unknown } : {}
}

export function dueShape({ state, dueAtMs }: DueState) {
  return { state, ...(dueAtMs === undefined ? {} : { at: timeText(dueAtMs) }) }
}

function fetchShape({ untilMs, fetchedAtMs }: Delivery) {
  const fetched = fetchedAtMs === undefined ? {} : { fetchedAt: timeText(fetchedAtMs) }
  return { until: timeText(untilMs), ...fetched }
}

function policyShape({ overlapDefaultMs, overlapMaxMs, maxAgeDays, isAutomatic }: RotationPolicy) {
  return {
    overlapDefaultSeconds: Math.floor(overlapDefaultMs / 1_000),
    overlapMaxSeconds: Math.floor(overlapMaxMs / 1_000),
    maxAgeDays: maxAgeDays ?? null,
    isAutomatic,
  }
}

export function issuedShape(issued: IssuedCredential, nowMs: number) {
  const { credential, versionId, value } = issued
  return { credential: credentialShape(credential, nowMs), versionId, value }
}

export function readinessShape({
  credentialId,
  canDisable,
  blockers,
  missed,
  versions,
}: Readiness) {
  const shown = versions.map(({ lastUsedAtMs, sources, ...rest }) => ({
    ...rest,
    ...(lastUsedAtMs === undefined ? {} : { lastUsedAt: timeText(lastUsedAtMs) }),
    sources: sources.map(({ firstAtMs, lastAtMs, ...source }) => {
      return { ...source, firstAt: timeText(firstAtMs), lastAt: timeText(lastAtMs) }
    }),
  }))
  return { credentialId, canDisable, blockers, missed, versions: shown }
}
