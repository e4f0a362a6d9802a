/** Tenants, plans and operator keys in memory: what decisions above the level of an app need. */
import type { CredentialRecord, VersionRecord } from '../ports/records/credential.ts'
import type { PlanRecord } from '../ports/records/plan.ts'
import type { IntegrationRecord, RuleSetRecord } from '../ports/records/rule-set.ts'
import type { MemberRecord, TenantRecord } from '../ports/records/tenant.ts'
import type { LoadedCredential } from './app-directory.ts'

export interface LoadedTenant {
  readonly tenant: TenantRecord
  readonly members: readonly MemberRecord[]
  /** Tenant signing keys and whatever else belongs to no app. */
  readonly credentials: readonly LoadedCredential[]
  /** By name. */
  readonly ruleSets: readonly RuleSetRecord[]
  /** By name. */
  readonly integrations: readonly IntegrationRecord[]
}

export interface OperatorEntry {
  readonly credential: CredentialRecord
  readonly version: VersionRecord
}

export class TenantDirectory {
  readonly #tenants = new Map<string, LoadedTenant>()
  /** Short ids never change and are never given to another one. */
  readonly #byShortId = new Map<string, string>()
  readonly #operators = new Map<string, OperatorEntry>()
  #plans: readonly PlanRecord[] = []

  put(loaded: LoadedTenant): void {
    this.#tenants.set(loaded.tenant.id, loaded)
    this.#byShortId.set(loaded.tenant.shortId, loaded.tenant.id)
  }

  find(tenantId: string): LoadedTenant | undefined {
    return this.#tenants.get(tenantId)
  }

  /** @param organization untrusted: a short id (`org_...`), or the id itself in any case. */
  findOrganization(organization: string): LoadedTenant | undefined {
    const byShortId = this.#byShortId.get(organization)
    return this.#tenants.get(byShortId ?? organization.toLowerCase())
  }

  /** Oldest first. */
  tenants(): Iterable<LoadedTenant> {
    return this.#tenants.values()
  }

  /** Puts `credentials` in the place of all operator keys. */
  replaceOperators(credentials: readonly CredentialRecord[]): void {
    this.#operators.clear()
    for (const credential of credentials) {
      for (const version of credential.versions) {
        if (version.keyId !== undefined) this.#operators.set(version.keyId, { credential, version })
      }
    }
  }

  findOperator(keyId: string): OperatorEntry | undefined {
    return this.#operators.get(keyId)
  }

  /** Of tenants and operators. */
  findCredential(id: string): CredentialRecord | undefined {
    for (const { credential } of this.#operators.values()) {
      if (credential.id === id) return credential
    }
    for (const { credentials } of this.#tenants.values()) {
      const found = credentials.find(({ record }) => record.id === id)
      if (found !== undefined) return found.record
    }
    return undefined
  }

  operators(): readonly CredentialRecord[] {
    return [...new Set([...this.#operators.values()].map(({ credential }) => credential))]
  }

  replacePlans(plans: readonly PlanRecord[]): void {
    this.#plans = plans
  }

  /** The tenant's own plan of this name, else the installation's. */
  findPlan(tenantId: string, name: string): PlanRecord | undefined {
    return findPlanIn(this.#plans, tenantId, name)
  }

  /** What an app of the tenant can be put on: its own, and the installation's it does not hide. */
  plansOf(tenantId: string): readonly PlanRecord[] {
    const names = new Set(this.#plans.map(({ name }) => name))
    return [...names].flatMap((name) => this.findPlan(tenantId, name) ?? [])
  }

  get plans(): readonly PlanRecord[] {
    return this.#plans
  }
}

/** The tenant's own plan of this name, else the installation's. */
export function findPlanIn(
  plans: readonly PlanRecord[],
  tenantId: string,
  name: string,
): PlanRecord | undefined {
  const named = plans.filter((plan) => plan.name === name)
  return (
    named.find((plan) => plan.tenantId === tenantId) ??
    named.find((plan) => plan.tenantId === undefined)
  )
}
