/**
 * Brings the webhook endpoints of one declared app into its region. An endpoint is found again by
 * its name, whoever made it. One that is declared no longer is removed with its secret; one that
 * was disabled stays so.
 */
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import { CONFIGURATION } from '../administration/callers.ts'
import { carryOutMove } from '../administration/credential-move.ts'
import { makeVersion } from '../administration/version-making.ts'
import { WebhookChanges } from '../administration/webhook-changes.ts'
import { checkTerms, type WebhookRules } from '../administration/webhook-terms.ts'
import { rotate } from '../engine/rotation.ts'
import { fingerprintOf } from '../material.ts'
import type { DeclarationDeps } from './declare.ts'
import type { DeclaredApp, DeclaredWebhook } from './declared.ts'
import { hasValue } from './wanted.ts'

/** Which URLs fit the networks that are allowed was decided where the configuration was read. */
export const DECLARED_RULES: WebhookRules = { isHttpAllowed: true }

/** @returns how many records were written. @throws Outage, Conflict */
export async function declareWebhooks(app: DeclaredApp, deps: DeclarationDeps): Promise<number> {
  const changes = new WebhookChanges(deps.administration, DECLARED_RULES)
  const known = () => deps.administration.authority.apps.findById(app.id)?.webhookEndpoints ?? []
  const declared = app.webhooks ?? []
  let count = 0
  for (const { id, name, isDeclared } of known()) {
    if (isDeclared !== true || declared.some((each) => each.name === name)) continue
    await made(changes.remove({ endpointId: id }, CONFIGURATION))
    count++
  }
  for (const webhook of declared) {
    const before = known().find(({ name }) => name === webhook.name)
    count += await declareWebhook(webhook, before, { app, changes, deps })
  }
  return count
}

interface Context {
  readonly app: DeclaredApp
  readonly changes: WebhookChanges
  readonly deps: DeclarationDeps
}

async function declareWebhook(
  webhook: DeclaredWebhook,
  before: WebhookEndpointRecord | undefined,
  context: Context,
): Promise<number> {
  const { app, changes } = context
  // Form and algorithm decide what a receiver verifies: another one is another endpoint.
  const isAlike = before?.format === webhook.format && before.algorithm === webhook.algorithm
  if (before !== undefined && isAlike) return followWebhook(webhook, before, context)
  if (before !== undefined) await made(changes.remove({ endpointId: before.id }, CONFIGURATION))
  const request = { ...webhook, appId: app.id, origin: 'declared' as const }
  await made(changes.create(request, CONFIGURATION))
  return 1
}

async function followWebhook(
  webhook: DeclaredWebhook,
  before: WebhookEndpointRecord,
  { changes, deps }: Context,
): Promise<number> {
  const terms = checkTerms(webhook, webhook.format, DECLARED_RULES)
  if (!terms.ok) throw new Error(`a declared webhook was refused: ${terms.detail ?? ''}`)
  const { name, url, events, channelPrefix, channelSuffix } = terms.value
  const wanted = { name, url, events, channelPrefix, channelSuffix }
  let count = 0
  if (before.isDeclared !== true || textOf(before) !== textOf(wanted)) {
    const update = { endpointId: before.id, ...wanted, isDeclared: true as const }
    await made(changes.update(update, CONFIGURATION))
    count++
  }
  return count + (await followSecret(webhook, before, deps))
}

function textOf(terms: Omit<DeclaredWebhook, 'format' | 'algorithm' | 'secret'>): string {
  const { url, events, channelPrefix, channelSuffix } = terms
  return JSON.stringify([url, events, channelPrefix, channelSuffix])
}

/** A declared value that was never seen becomes current; the one before signs for its overlap. */
async function followSecret(
  { secret: value, name }: DeclaredWebhook,
  { credentialId }: WebhookEndpointRecord,
  { administration, revocations }: DeclarationDeps,
): Promise<number> {
  const { authority, keys } = administration
  const record = authority.findCredential(credentialId ?? '')
  if (value === undefined || record === undefined) return 0
  if (hasValue(record, fingerprintOf(value, keys.fingerprint))) return 0
  const { id, kind, attributes } = record
  const known = { names: [], fingerprints: new Set<string>() }
  const order = { credentialId: id, kind, attributes, value, known, origin: 'declared' as const }
  const version = await makeVersion(
    { ...order, key: undefined, expiresAtMs: undefined },
    CONFIGURATION,
    administration,
  )
  if (!version.ok) throw new Error(`the declared secret of webhook ${name} was refused`)
  const { draft } = version.value
  await made(
    carryOutMove(
      {
        credentialId: id,
        action: 'secret.rotated',
        caller: CONFIGURATION,
        reason: 'the configuration declares another value',
        move: (current, nowMs) => rotate(current, { draft, isForced: true }, nowMs),
      },
      administration,
      revocations,
    ),
  )
  return 1
}

/** What is declared was checked before anything was written. */
async function made<T>(
  change: Promise<{ ok: true; value: T } | { ok: false; refusal: string; detail?: string }>,
): Promise<T> {
  const outcome = await change
  if (outcome.ok) return outcome.value
  throw new Error(`a declared webhook was refused: ${outcome.detail ?? outcome.refusal}`)
}
