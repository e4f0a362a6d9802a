/**
 * Whether declarations fit what is there, before anything is written. Pure over the directories.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { WEBHOOK_ENDPOINT_COUNT_MAX } from '../administration/webhook-making.ts'
import { checkSigning, checkTerms } from '../administration/webhook-terms.ts'
import type { LoadedApp } from '../app-directory.ts'
import type { Authority } from '../authority.ts'
import { type KeyFields, readRegisteredKey } from '../foreign-keys/registered-key.ts'
import { parseKey } from '../key-format.ts'
import { checkWebhookSecret } from '../webhook-secret.ts'
import { checkRules } from './declare-rules.ts'
import { DECLARED_RULES } from './declare-webhooks.ts'
import type { DeclarationRefusal, Declarations, DeclaredApp, DeclaredTenant } from './declared.ts'

type Check = Result<true, DeclarationRefusal>
type Knowledge = Pick<Authority, 'apps' | 'tenants'>

export function checkDeclarations(declarations: Declarations, known: Knowledge): Check {
  const tenantIds = new Set(declarations.tenants.map(({ id }) => id))
  const checks = [
    ...declarations.tenants.map((tenant) => () => checkTenant(tenant, known)),
    ...declarations.operatorKeys.map((key) => () => {
      const { tenant } = key
      if (
        tenant !== undefined &&
        !tenantIds.has(tenant) &&
        known.tenants.find(tenant) === undefined
      )
        return refuse(
          'tenant_unknown' as const,
          `an operator key names tenant ${tenant}, which is not there: declare it first`,
        )
      return checkKey(key.value, 'an operator key')
    }),
  ]
  return firstRefusal(checks)
}

function checkTenant(tenant: DeclaredTenant, known: Knowledge): Check {
  for (const { tenant: other } of known.tenants.tenants()) {
    if (other.shortId === tenant.shortId && other.id !== tenant.id)
      return refuse(
        'short_id_taken',
        `the shortId ${tenant.shortId} belongs to another tenant: choose another`,
      )
  }
  const rules = checkRules(tenant, known)
  if (!rules.ok) return rules
  return firstRefusal(tenant.apps.map((app) => () => checkApp(app, tenant, known)))
}

function checkApp(app: DeclaredApp, tenant: DeclaredTenant, known: Knowledge): Check {
  const before = known.apps.findById(app.id)
  if (before !== undefined && before.tenant.id !== tenant.id)
    return refuse(
      'app_of_other_tenant',
      `app ${app.id} belongs to another tenant: declare it there, or give this one another id`,
    )
  if (before !== undefined && before.app.region !== app.region)
    return refuse(
      'region_immutable',
      `the region of app ${app.id} is ${before.app.region} for ever: declare that, or a new app`,
    )
  for (const { loaded } of namesakes(app, tenant, known)) {
    return refuse(
      'app_name_taken',
      `app ${loaded.app.id} of the tenant has the name of app ${app.id}: choose another, or swap ` +
        'names in two steps',
    )
  }
  return firstRefusal([
    () => checkWebhooks(app, before),
    () => checkClientId(app, known),
    ...app.signingKeys.map(
      ({ key }) =>
        () =>
          checkAppKey(app, key, known),
    ),
    ...app.apiKeys.map(
      ({ value }) =>
        () =>
          checkKey(value, `an API key of app ${app.id}`),
    ),
    ...app.jwtSecrets.map(
      ({ jwk, jwksUrl }) =>
        () =>
          checkRegistered({ jwk, jwksUrl }, app.id),
    ),
  ])
}

/**
 * Apps outside the declaration that have the name; those inside are checked where they are read.
 */
function namesakes(app: DeclaredApp, tenant: DeclaredTenant, known: Knowledge) {
  return [...known.apps.apps()]
    .filter((loaded) => loaded.tenant.id === tenant.id && loaded.app.id !== app.id)
    .filter((loaded) => loaded.app.name === app.name)
    .map((loaded) => ({ loaded }))
}

function checkClientId(app: DeclaredApp, known: Knowledge): Check {
  const owner = app.clientId === undefined ? undefined : known.apps.findByClientId(app.clientId)
  if (owner === undefined || owner.app.id === app.id) return ok(true)
  return refuse(
    'client_id_taken',
    `the clientId of app ${app.id} belongs to another app: choose another`,
  )
}

function checkAppKey(app: DeclaredApp, key: string, known: Knowledge): Check {
  const owner = known.apps.findByAppKey(key)
  if (owner === undefined || owner.loaded.app.id === app.id) return ok(true)
  return refuse('key_of_other_app', `key ${key} of app ${app.id} is another app's: choose another`)
}

function checkKey(value: string, what: string): Check {
  if (parseKey(value).ok) return ok(true)
  return refuse(
    'key_malformed',
    `${what} is mistyped, its checksum does not fit: make one with \`lockgate keys generate\``,
  )
}

function checkRegistered(key: KeyFields, appId: string): Check {
  const read = readRegisteredKey(key, undefined)
  if (read.ok) return ok(true)
  return refuse('key_malformed', `a key in jwtSecrets of app ${appId}: ${read.detail}`)
}

function checkWebhooks({ id, webhooks = [] }: DeclaredApp, before: LoadedApp | undefined): Check {
  const foreign = (before?.webhookEndpoints ?? []).filter(
    ({ isDeclared, name }) => isDeclared !== true && !webhooks.some((each) => each.name === name),
  )
  if (foreign.length + webhooks.length > WEBHOOK_ENDPOINT_COUNT_MAX) {
    const bound = `an app has at most ${WEBHOOK_ENDPOINT_COUNT_MAX} webhook endpoints`
    return refuse('webhook_invalid', `${bound}: remove some of app ${id}, here or there`)
  }
  return firstRefusal(
    webhooks.map((webhook) => () => {
      const { name, secret, algorithm } = webhook
      const checks = [
        checkTerms(webhook, webhook.format, DECLARED_RULES),
        checkSigning({ ...webhook, appId: id }),
        secret === undefined ? ok(true) : checkWebhookSecret(secret, algorithm),
      ]
      const wrong = checks.find((check) => !check.ok)
      if (wrong === undefined || wrong.ok) return ok(true)
      return refuse('webhook_invalid', `the webhook ${name} of app ${id}: ${wrong.detail}`)
    }),
  )
}

function firstRefusal(checks: readonly (() => Check)[]): Check {
  for (const check of checks) {
    const outcome = check()
    if (!outcome.ok) return outcome
  }
  return ok(true)
}
