/** A tenant with the apps `app` and `spa` (public), declared into a world of the credential core. */
import { applyDeclarations } from '../../packages/server/src/credentials/declaration/declare.ts'
import { SETTINGS } from '../contract/records.ts'
import type { CoreWorld } from './credential-core.ts'

export const TENANT_ID = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const LIMITS = { maxConnections: 9, maxDocuments: 9, maxUsersPerDoc: 9, opsPerMinute: 9 }

export async function declareTenant({ core }: Pick<CoreWorld, 'core'>): Promise<void> {
  const { administration, revocations } = core
  const tenant = {
    id: TENANT_ID,
    shortId: 'org_k7xm4pqr2n5t',
    name: 'Acme',
    signingAlgorithm: 'ES256' as const,
    plans: [],
    apps: [appOf('app', 'confidential'), appOf('spa', 'public')],
  }
  const plans = [
    { name: 'unlimited', limits: LIMITS, isOnePerTenant: false, isOpenToTenants: false },
  ]
  const declarations = { plans, tenants: [tenant], operatorKeys: [] }
  const applied = await applyDeclarations(declarations, { administration, revocations })
  if (!applied.ok) throw new Error(applied.detail ?? applied.refusal)
}

function appOf(id: string, type: 'confidential' | 'public') {
  return {
    id,
    name: id,
    type,
    region: 'local',
    plan: 'unlimited',
    clientId: `client-${id}`,
    clientSecret: undefined,
    signingKeys: [{ key: `key-${id}`, secret: `secret-${id}` }],
    apiKeys: [],
    jwtSecrets: [],
    allowedDomains: [],
    settings: SETTINGS,
  }
}
