/** What the configuration declares, with what it may leave out. */
import type { Config } from '../config/config.ts'
import type { IntegrationDeclaration } from '../config/rule-declarations.ts'
import { BUILT_IN_PLANS } from '../config/section-schema.ts'
import type { DeclaredIntegration, Declarations } from '../credentials/declaration/declared.ts'

/** Plans that the file does not declare are there from the start, and may be changed since. */
export function declarationsOf(config: Config): Declarations {
  const plans = config.plans.map((plan) =>
    BUILT_IN_PLANS.includes(plan) ? { ...plan, isBuiltIn: true as const } : plan,
  )
  const tenants = config.tenants.map((tenant) => ({
    ...tenant,
    integrations: tenant.integrations.map(integrationOf),
  }))
  return { ...config, plans, tenants }
}

function integrationOf(declared: IntegrationDeclaration): DeclaredIntegration {
  const { name, app, ruleSet, provider: type, ...terms } = declared
  return { name, app, ruleSet, provider: type === 'none' ? undefined : { type, ...terms } }
}
