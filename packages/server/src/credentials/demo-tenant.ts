/**
 * The tenant a first start makes when nothing is declared, so that there is something to connect
 * to.
 */
import type { Random } from '../ports/random.ts'
import type { AppSettings } from '../ports/records/app.ts'
import { applyDeclarations, type DeclarationDeps } from './declaration/declare.ts'
import { DEMO_JWT_SECRET } from './demo-token.ts'
import { newAppKey, randomReadable, randomUuid } from './identifiers.ts'

/** Shown to the person who starts the server, once; the store keeps the secret sealed. */
export interface DemoCredentials {
  readonly tenantId: string
  readonly appId: string
  readonly key: string
  /** 43 characters of `A-Z a-z 0-9 _ -`. */
  readonly secret: string
}

/** By this the server finds the tenant again; nothing else tells it from others. */
export const DEMO_TENANT_SHORT_ID = 'org_lockgatedemo'

const APP_ID_LENGTH = 16
const SECRET_BYTES = 32

/**
 * Makes tenant "Demo" with app "demo" when there is no tenant at all.
 * @returns undefined when there is a tenant, and nothing was written.
 * @throws Outage
 */
export async function createDemoTenant(
  app: { readonly region: string; readonly settings: AppSettings },
  deps: DeclarationDeps,
): Promise<DemoCredentials | undefined> {
  const { random, authority } = deps.administration
  if ([...authority.tenants.tenants()].length > 0) return undefined
  const made: DemoCredentials = {
    tenantId: randomUuid(random),
    appId: `app_${randomReadable(random, APP_ID_LENGTH)}`,
    key: newAppKey(random),
    secret: newSecret(random),
  }
  const demoApp = {
    ...app,
    id: made.appId,
    name: 'demo',
    type: 'confidential' as const,
    plan: 'unlimited',
    clientId: undefined,
    clientSecret: undefined,
    signingKeys: [{ key: made.key, secret: made.secret }],
    apiKeys: [],
    jwtSecrets: [{ value: newSecret(random), kid: DEMO_JWT_SECRET }],
    allowedDomains: [],
  }
  const tenant = {
    id: made.tenantId,
    shortId: DEMO_TENANT_SHORT_ID,
    name: 'Demo',
    signingAlgorithm: 'ES256' as const,
    plans: [],
    apps: [demoApp],
  }
  const applied = await applyDeclarations({ plans: [], tenants: [tenant], operatorKeys: [] }, deps)
  if (!applied.ok) throw new Error(`the demo tenant was refused: ${applied.refusal}`)
  return made
}

function newSecret(random: Random): string {
  return Buffer.from(random.bytes(SECRET_BYTES)).toString('base64url')
}
