/**
 * The `tenants:` section of the file. Pure but for the given `readFile`.
 */
import {
  PAIR_KEYS,
  readApiKeys,
  readJwtSecrets,
  readMqttUsers,
  readSigningKeys,
  type TenantsContext,
} from './app-credentials.ts'
import { APP_SETTINGS } from './app-schema.ts'
import { readWebhooks } from './app-webhooks.ts'
import type { AppDeclaration, TenantDeclaration } from './config.ts'
import type { DocumentNode } from './document.ts'
import { type Group, keysOf, readFields, readList, refuseUnknown } from './groups.ts'
import { readPlans } from './sections.ts'
import { readIntegrations, readRuleSets } from './tenant-rules.ts'
import { APP_FIELDS, TENANT_FIELDS } from './tenant-schema.ts'

export interface AppsContext extends TenantsContext {
  /** Where an app lives that names no region. */
  readonly defaultRegion: string
}

const TENANT_KEYS = [...keysOf(TENANT_FIELDS), 'plans', 'ruleSets', 'integrations', 'apps']
const CREDENTIAL_KEYS = [...PAIR_KEYS, 'keys', 'apiKeys', 'jwtSecrets', 'mqttUsers', 'webhooks']
const APP_KEYS = [...keysOf(APP_FIELDS), ...CREDENTIAL_KEYS, ...keysOf(APP_SETTINGS)]

/** @returns every tenant that is declared, and reports what is wrong with them. */
export function readTenants(
  root: DocumentNode | undefined,
  context: AppsContext,
): readonly TenantDeclaration[] {
  const node = root?.kind === 'map' ? root.entries.get('tenants') : undefined
  const tenants = readList({ node, path: 'tenants' }, context, (group) =>
    readTenant(group, context),
  )
  for (const [folded, { name }] of context.signingSecrets) {
    if (context.used.has(folded)) continue
    const next = 'declare the key under `tenants`, or unset the variable'
    context.review.report({ where: name, what: 'no app declares a key of this name', next })
  }
  return tenants
}

function readTenant(group: Group, context: AppsContext): TenantDeclaration {
  refuseUnknown(group, TENANT_KEYS, context)
  const fields = readFields(group, TENANT_FIELDS, context)
  const place = (name: string) => ({
    node: group.entries.get(name),
    path: `${group.path}.${name}`,
  })
  const plans = readPlans(place('plans'), context)
  const ruleSets = readRuleSets(group, context)
  const integrations = readIntegrations(group, context)
  const apps = readList(place('apps'), context, (app) => readApp(app, context))
  return { ...fields, id: fields.id.toLowerCase(), plans, ruleSets, integrations, apps }
}

function readApp(group: Group, context: AppsContext): AppDeclaration {
  refuseUnknown(group, APP_KEYS, context)
  const fields = readFields(group, APP_FIELDS, context)
  return {
    ...fields,
    region: fields.region ?? context.defaultRegion,
    signingKeys: readSigningKeys(group, context),
    apiKeys: readApiKeys(group, context),
    jwtSecrets: readJwtSecrets(group, context),
    mqttUsers: readMqttUsers(group, context),
    webhooks: readWebhooks(group, context),
    settings: readFields(group, APP_SETTINGS, context),
  }
}
