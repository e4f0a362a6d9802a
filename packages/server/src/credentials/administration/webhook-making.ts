/** Makes a webhook endpoint with its own secret, and saves both with their audit rows. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import type { RegionTransaction } from '../../ports/store.ts'
import type { LoadedApp } from '../app-directory.ts'
import { newId } from '../identifiers.ts'
import { changeEntry } from './change-entry.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import { CREDENTIAL_COUNT_MAX, makeCredential, recordNewCredential } from './credential-making.ts'
import {
  checkSigning,
  checkTerms,
  describeWebhook,
  type NewWebhook,
  type WebhookRules,
} from './webhook-terms.ts'

/** Our bound on the endpoints of one app: each event is written once for each that wants it. */
export const WEBHOOK_ENDPOINT_COUNT_MAX = 20

export interface MadeWebhook {
  readonly endpoint: WebhookEndpointRecord
  /** Of the Standard form. */
  readonly credential: CredentialRecord | undefined
  /** To be shown this once: HMAC only, a pair has its public half. */
  readonly secret: string | undefined
}

/** Nothing is stored yet. */
export async function makeWebhook(
  request: NewWebhook,
  context: { readonly loaded: Pick<LoadedApp, 'app'>; readonly rules: WebhookRules },
  by: { readonly caller: Caller; readonly deps: AdministrationDeps },
): Promise<Result<MadeWebhook, AdminRefusalCode>> {
  const { caller, deps } = by
  const { app } = context.loaded
  const { format, origin, secret: value } = request
  const terms = checkTerms(request, format, context.rules)
  if (!terms.ok) return terms
  const algorithm = checkSigning(request)
  if (!algorithm.ok) return algorithm
  const made =
    format === 'pusher'
      ? ok(undefined)
      : await makeCredential(
          {
            kind: 'webhook_secret',
            tenantId: app.tenantId,
            appId: app.id,
            name: `webhook ${terms.value.name}`,
            attributes: algorithm.value === 'ed25519' ? { prefix: 'whsk' } : {},
            value,
            ...(origin === undefined || value === undefined ? {} : { origin }),
          },
          caller,
          deps,
        )
  if (!made.ok) return made
  const nowMs = deps.clock.nowMs()
  const { name, url, events, channelPrefix, channelSuffix } = terms.value
  const endpoint: WebhookEndpointRecord = {
    id: newId('whe', deps.random),
    tenantId: app.tenantId,
    appId: app.id,
    name,
    url,
    format,
    events,
    channelPrefix,
    channelSuffix,
    algorithm: algorithm.value,
    credentialId: made.value?.credential.id,
    disabled: undefined,
    failingSinceMs: undefined,
    ...(origin === undefined ? {} : { isDeclared: true as const }),
    revision: 1,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  }
  return ok({ endpoint, credential: made.value?.credential, secret: made.value?.value })
}

/** Inside the caller's transaction. @throws Conflict `webhook_name` */
export async function recordNewWebhook(
  { endpoint, credential }: Pick<MadeWebhook, 'endpoint' | 'credential'>,
  context: {
    readonly transaction: RegionTransaction
    readonly code: string
    readonly caller: Caller
  },
  deps: AdministrationDeps,
): Promise<Result<true, AdminRefusalCode>> {
  const { transaction, code, caller } = context
  const { appId, tenantId, id, name } = endpoint
  // As it is now, not as it was when the secret was made.
  if ((await transaction.findApp(appId)) === undefined) return refuse('not_found')
  const siblings = await transaction.listWebhookEndpoints({ appId })
  if (siblings.length >= WEBHOOK_ENDPOINT_COUNT_MAX) return refuse('count_full')
  if (credential !== undefined) {
    const credentials = await transaction.listCredentials({ appId })
    if (credentials.length >= CREDENTIAL_COUNT_MAX) return refuse('credentials_full')
    await recordNewCredential(credential, { transaction, code, caller }, deps)
  }
  await transaction.saveWebhookEndpoint(endpoint)
  const target = { kind: 'webhook', id, name }
  const after = describeWebhook(endpoint)
  await deps.audit.record(
    { code, transaction },
    changeEntry(caller, { tenantId, action: 'webhook.created', target, after }),
  )
  return ok(true as const)
}
