/** Makes the record of a new app and its first credentials; nothing is stored yet. */
import { normalizeAllowedDomain } from '@lockgate/protocol/allowed-domain'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { AppRecord, AppSettings, AppType } from '../../ports/records/app.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import { newAppKey, newClientId, randomUuid } from '../identifiers.ts'
import type { AppLimitBook } from '../app-limits.ts'
import type { AppRules } from './app-rules.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import { makeCredential } from './credential-making.ts'
import type { NewCredential } from './issued.ts'
import { checkNarrowed } from './limit-narrowing.ts'
import { choosePlan } from './plan-choice.ts'

/** Our bound on the apps of one tenant. */
export const APP_COUNT_MAX = 10_000

export interface NewApp {
  readonly tenantId: string
  readonly name: string
  /** Undefined: the only region there is. */
  readonly region?: string | undefined
  readonly type: AppType
  /** Undefined: no token and no connection until one is assigned. */
  readonly plan?: string | undefined
  readonly allowedDomains: readonly string[]
  readonly settings: SettingsChange
}

/** What is undefined keeps its value. */
export type SettingsChange = { readonly [K in keyof AppSettings]?: AppSettings[K] | undefined }

export interface FirstCredentials {
  readonly credentials: readonly CredentialRecord[]
  readonly appKey: string
  readonly signingSecret: string
  /** Undefined for public apps. */
  readonly clientSecret: string | undefined
}

/** Who makes it, and what it is held to. */
export interface AppMaking {
  readonly rules: AppRules
  readonly limitBook: AppLimitBook
  readonly caller: Caller
}

export function newAppRecord(
  request: NewApp,
  { rules, limitBook, caller }: AppMaking,
  deps: AdministrationDeps,
): Result<AppRecord, AdminRefusalCode> {
  const { authority, random, clock, store } = deps
  const { tenantId, name, type, plan } = request
  if (authority.tenants.find(tenantId) === undefined) return refuse('not_found')
  const region = regionFor(request.region, [...store.regions.keys()])
  if (!region.ok) return region
  const siblings = [...authority.apps.apps()].filter(({ tenant }) => tenant.id === tenantId)
  if (siblings.length >= APP_COUNT_MAX) return refuse('count_full')
  if (siblings.some(({ app }) => app.name === name)) return refuse('name_taken')
  const choice = plan === undefined ? undefined : { tenantId, name: plan }
  const chosen = choice && choosePlan(choice, caller, authority.tenants)
  if (chosen?.ok === false) return chosen
  const settings = withSettings(rules.defaults, request.settings)
  const fits = rules.check(settings)
  if (!fits.ok) return fits
  const after = { app: { settings }, limits: chosen?.value.limits }
  const narrowed = checkNarrowed({ after }, caller, limitBook)
  if (!narrowed.ok) return narrowed
  const nowMs = clock.nowMs()
  const active = { state: 'active' as const, sinceMs: nowMs, endsAtMs: undefined }
  return ok({
    id: randomUuid(random),
    tenantId,
    name,
    region: region.value,
    type,
    clientId: newClientId(random),
    subscription: plan === undefined ? undefined : { plan, ...active },
    allowedDomains: normalDomains(request.allowedDomains),
    settings,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  })
}

/** An app key with its signing secret, and the client secret of a confidential app. */
export async function makeFirstCredentials(
  app: AppRecord,
  caller: Caller,
  deps: AdministrationDeps,
): Promise<FirstCredentials> {
  const appKey = newAppKey(deps.random)
  const attributes = { appKey }
  const request = { ...ownerOf(app), kind: 'signing_secret' as const, name: appKey, attributes }
  const signing = await make(request, caller, deps)
  const client = app.type === 'public' ? undefined : await makeClientSecret(app, caller, deps)
  return {
    credentials: [signing.credential, ...(client === undefined ? [] : [client.credential])],
    appKey,
    signingSecret: signing.value,
    clientSecret: client?.value,
  }
}

export function makeClientSecret(app: AppRecord, caller: Caller, deps: AdministrationDeps) {
  const kind = 'client_secret' as const
  const request = { ...ownerOf(app), kind, name: 'client secret', attributes: {} }
  return make(request, caller, deps)
}

/**
 * @param texts well-formed domains as people write them.
 * @returns each once, in its normal form.
 */
export function normalDomains(texts: readonly string[]): readonly string[] {
  const normal = texts.flatMap((text) => {
    const domain = normalizeAllowedDomain(text)
    return domain.ok ? [domain.value] : []
  })
  return [...new Set(normal)]
}

/** @returns `settings` with what `change` names. */
export function withSettings(settings: AppSettings, change: SettingsChange): AppSettings {
  const named = Object.entries(change).filter(([, value]) => value !== undefined)
  return { ...settings, ...Object.fromEntries(named) }
}

function regionFor(
  code: string | undefined,
  codes: readonly string[],
): Result<string, AdminRefusalCode> {
  const [only] = codes
  if (code === undefined && only !== undefined && codes.length === 1) return ok(only)
  if (code === undefined) return refuse('input_invalid', 'Name the region: there are several.')
  return codes.includes(code) ? ok(code) : refuse('region_unknown')
}

function ownerOf({ tenantId, id }: AppRecord) {
  return { tenantId, appId: id }
}

/** What is generated meets every rule there is. */
async function make(request: NewCredential, caller: Caller, deps: AdministrationDeps) {
  const made = await makeCredential(request, caller, deps)
  if (!made.ok || made.value.value === undefined) {
    throw new Error(`a generated ${request.kind} was refused`)
  }
  return { credential: made.value.credential, value: made.value.value }
}
