/**
 * Brings the rule sets and integrations of one declared tenant into the control database. One is
 * found again by its name, whoever made it; those that are not declared are left alone, and an
 * integration that was disabled stays so.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { DEFAULT_RULE_SET } from '../../core/rules/default-rules.ts'
import { compileRules } from '../../core/rules/rule-program.ts'
import { CONFIGURATION } from '../administration/callers.ts'
import type { AdministrationDeps } from '../administration/context.ts'
import { INTEGRATION_COUNT_MAX, IntegrationChanges } from '../administration/integration-changes.ts'
import { RULE_SET_COUNT_MAX, RuleSetChanges } from '../administration/rule-set-changes.ts'
import type { Authority } from '../authority.ts'
import { readProvider } from '../rules/provider-presets.ts'
import type { DeclarationRefusal, DeclaredIntegration, DeclaredTenant } from './declared.ts'

type Check = Result<true, DeclarationRefusal>
type Knowledge = Pick<Authority, 'apps' | 'tenants'>

/** Whether they fit what is there and each other, before anything is written. Pure. */
export function checkRules(declared: DeclaredTenant, known: Knowledge): Check {
  const { id, shortId, ruleSets = [], integrations = [] } = declared
  const before = known.tenants.find(id)
  for (const { name, rules } of ruleSets) {
    const compiled = compileRules(rules)
    if (!compiled.ok) return invalid(`rule set ${name} of ${shortId}: ${compiled.detail}`)
  }
  const names = new Set([...(before?.ruleSets ?? []), ...ruleSets].map(({ name }) => name))
  if (names.size > RULE_SET_COUNT_MAX) {
    return invalid(
      `a tenant has at most ${RULE_SET_COUNT_MAX} rule sets: remove some of ${shortId}`,
    )
  }
  const all = new Set([...(before?.integrations ?? []), ...integrations].map(({ name }) => name))
  if (all.size > INTEGRATION_COUNT_MAX) {
    const bound = `a tenant has at most ${INTEGRATION_COUNT_MAX} integrations`
    return invalid(`${bound}: remove some of ${shortId}`)
  }
  for (const integration of integrations) {
    const fault = faultOf(integration, { declared, known, names })
    if (fault !== undefined) {
      return invalid(`integration ${integration.name} of ${shortId}: ${fault}`)
    }
  }
  return ok(true)
}

function faultOf(
  { app, ruleSet, provider }: DeclaredIntegration,
  by: {
    readonly declared: DeclaredTenant
    readonly known: Knowledge
    readonly names: ReadonlySet<string>
  },
): string | undefined {
  if (ruleSet !== undefined && ruleSet !== DEFAULT_RULE_SET && !by.names.has(ruleSet)) {
    return `there is no rule set ${ruleSet}: declare it under ruleSets`
  }
  const isDeclared = by.declared.apps.some(({ id }) => id === app)
  if (app !== undefined && !isDeclared) {
    const owner = by.known.apps.findById(app)?.tenant.id
    if (owner !== by.declared.id) return `the tenant has no app ${app}`
  }
  const read = provider === undefined ? undefined : readProvider(provider)
  return read?.ok === false ? read.detail : undefined
}

/** @returns how many records were written. @throws Outage, Conflict */
export async function declareRuleSets(
  { id: tenantId, ruleSets = [] }: DeclaredTenant,
  deps: AdministrationDeps,
): Promise<number> {
  const changes = new RuleSetChanges(deps)
  let count = 0
  for (const { name, rules } of ruleSets) {
    const known = deps.authority.tenants.find(tenantId)?.ruleSets ?? []
    const before = known.find((each) => each.name === name)
    if (before !== undefined && JSON.stringify(before.rules) === JSON.stringify(rules)) continue
    const request = { tenantId, name, rules }
    await made(
      before === undefined
        ? changes.create(request, CONFIGURATION)
        : changes.update(request, CONFIGURATION),
    )
    count++
  }
  return count
}

/** After the apps they name. @returns how many records were written. @throws Outage, Conflict */
export async function declareIntegrations(
  { id: tenantId, integrations = [] }: DeclaredTenant,
  deps: AdministrationDeps,
): Promise<number> {
  const changes = new IntegrationChanges(deps)
  const revisions = () =>
    new Map(
      deps.authority.tenants.find(tenantId)?.integrations.map((each) => [each.name, each.revision]),
    )
  let count = 0
  for (const { name, app = null, ruleSet = null, provider = null } of integrations) {
    const before = revisions().get(name)
    const request = { tenantId, name, appId: app, ruleSet, provider }
    const after = await made(
      before === undefined
        ? changes.create(request, CONFIGURATION)
        : changes.update(request, CONFIGURATION),
    )
    if (after.revision !== before) count++
  }
  return count
}

function invalid(what: string): Check {
  return refuse('rules_invalid', what)
}

/** What is declared was checked before anything was written. */
async function made<T>(
  change: Promise<{ ok: true; value: T } | { ok: false; refusal: string; detail?: string }>,
): Promise<T> {
  const outcome = await change
  if (outcome.ok) return outcome.value
  throw new Error(`a declared rule was refused: ${outcome.detail ?? outcome.refusal}`)
}
