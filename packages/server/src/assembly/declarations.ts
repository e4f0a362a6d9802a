/** What the configuration declares, with what it may leave out. */
import type { Config } from '../config/config.ts'
import { BUILT_IN_PLANS } from '../config/section-schema.ts'
import type { Declarations } from '../credentials/declaration/declared.ts'

/** Plans that the file does not declare are there from the start, and may be changed since. */
export function declarationsOf(config: Config): Declarations {
  const plans = config.plans.map((plan) =>
    BUILT_IN_PLANS.includes(plan) ? { ...plan, isBuiltIn: true as const } : plan,
  )
  return { ...config, plans }
}
