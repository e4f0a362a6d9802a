/**
 * Changes of apps. Each is written by `app-writing.ts`, made known to every node, and then felt by
 * the live connections. Changes of one app happen one at a time.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { Receipt } from '../../core/receipt.ts'
import type { AppRecord, AppType } from '../../ports/records/app.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import { Conflict } from '../../ports/store.ts'
import { admitApp, type LoadedApp } from '../app-directory.ts'
import type { AppLimitBook } from '../app-limits.ts'
import type { AppRules } from './app-rules.ts'
import { type FirstCredentials, makeClientSecret, makeFirstCredentials } from './app-making.ts'
import { type NewApp, newAppRecord, normalDomains, withSettings } from './app-making.ts'
import type { SettingsChange } from './app-making.ts'
import { type AppWriting, eraseApp, writeApp } from './app-writing.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import { checkNarrowed } from './limit-narrowing.ts'
import { choosePlan } from './plan-choice.ts'
import { EMPTY_RECEIPT } from './receipts.ts'
import type { Revocations } from './revocations.ts'
import { subscriptionAfter, type SubscriptionRequest } from './subscription-change.ts'
import { Turns } from './turns.ts'

/** Secrets leave in this answer and are kept nowhere in clear. */
export interface IssuedApp extends Omit<FirstCredentials, 'credentials'> {
  readonly loaded: LoadedApp
}

export interface AppUpdate {
  readonly appId: string
  readonly name?: string | undefined
  /** Set once: any other than it is gets refused. */
  readonly region?: string | undefined
  readonly allowedDomains?: readonly string[] | undefined
  readonly settings?: SettingsChange | undefined
}

/** What ended with a change is in the receipt. */
export interface ChangedApp {
  readonly loaded: LoadedApp
  readonly receipt: Receipt
}

export interface AppChangeParts {
  readonly revocations: Revocations
  readonly rules: AppRules
  readonly limitBook: AppLimitBook
}

interface Change {
  readonly after: AppRecord
  readonly made?: readonly CredentialRecord[]
  readonly gone?: readonly CredentialRecord[]
}

interface OfApp {
  readonly appId: string
  readonly reason?: string | undefined
}

type Changed<T> = Promise<Result<T, AdminRefusalCode>>

export class AppChanges {
  readonly #deps: AdministrationDeps
  readonly #parts: AppChangeParts
  readonly #turns = new Turns()

  constructor(deps: AdministrationDeps, parts: AppChangeParts) {
    this.#deps = deps
    this.#parts = parts
  }

  /** @throws Outage; what it left half-done is finished or given back by the next start. */
  async create(request: NewApp, caller: Caller): Changed<IssuedApp> {
    const { rules, limitBook } = this.#parts
    const record = newAppRecord(request, { rules, limitBook, caller }, this.#deps)
    if (!record.ok) return record
    const app = record.value
    const { credentials: made, ...values } = await makeFirstCredentials(app, caller, this.#deps)
    const action = 'app.created'
    const written = await this.#write({ app, before: undefined, action, caller, made, gone: [] })
    return written.ok ? ok({ loaded: this.#loaded(app.id), ...values }) : written
  }

  update(request: AppUpdate, caller: Caller): Changed<LoadedApp> {
    return this.#withApp(request, async ({ app, limits }) => {
      const { name = app.name, region = app.region, settings: change } = request
      if (region !== app.region) return refuse('region_immutable')
      const settings = withSettings(app.settings, change ?? {})
      const fits = change === undefined ? ok(true) : this.#fits({ app, settings, limits }, caller)
      if (!fits.ok) return fits
      const { allowedDomains } = request
      const domains =
        allowedDomains === undefined ? app.allowedDomains : normalDomains(allowedDomains)
      const after = { ...app, name, allowedDomains: domains, settings }
      const changed = await this.#change({ after }, { action: 'app.updated', caller })
      return changed.ok ? ok(changed.value.loaded) : changed
    })
  }

  enable(request: OfApp, caller: Caller): Changed<ChangedApp> {
    return this.#withApp(request, ({ app }) => {
      const after = { ...app, settings: { ...app.settings, enabled: true } }
      return this.#change({ after }, { action: 'app.enabled', caller, reason: request.reason })
    })
  }

  /** Connections close, and none is taken until it is enabled again. */
  disable(request: OfApp, caller: Caller): Changed<ChangedApp> {
    return this.#withApp(request, ({ app }) => {
      const after = { ...app, settings: { ...app.settings, enabled: false } }
      return this.#change({ after }, { action: 'app.disabled', caller, reason: request.reason })
    })
  }

  /** Without an active plan there is no token and no connection: what is open closes. */
  assignPlan(request: SubscriptionRequest & OfApp, caller: Caller): Changed<ChangedApp> {
    return this.#withApp(request, async ({ app }) => {
      const { authority, clock } = this.#deps
      const choice = { tenantId: app.tenantId, name: request.plan }
      const chosen = choosePlan(choice, caller, authority.tenants)
      if (!chosen.ok) return chosen
      const limited = { after: { app, limits: chosen.value.limits } }
      const narrowed = checkNarrowed(limited, caller, this.#parts.limitBook)
      if (!narrowed.ok) return narrowed
      const subscription = subscriptionAfter(app.subscription, request, clock.nowMs())
      if (!subscription.ok) return subscription
      const after = { ...app, subscription: subscription.value }
      const { reason } = request
      return this.#change({ after }, { action: 'app.plan_assigned', caller, reason })
    })
  }

  /** A public app keeps no secret (RFC 6749 §2.1); one that becomes confidential gets one. */
  convert(
    request: OfApp & { readonly type: AppType },
    caller: Caller,
  ): Changed<ChangedApp & { readonly clientSecret: string | undefined }> {
    return this.#withApp(request, async ({ app, credentials }) => {
      const { type, reason } = request
      const after = { ...app, type }
      const secrets = credentials
        .map(({ record }) => record)
        .filter(({ kind }) => kind === 'client_secret')
      const gone = type === 'public' ? secrets : []
      const needsOne = type === 'confidential' && secrets.length === 0
      const client = needsOne ? await makeClientSecret(after, caller, this.#deps) : undefined
      const made = client === undefined ? [] : [client.credential]
      const changed = await this.#change(
        { after, made, gone },
        { action: 'app.updated', caller, reason },
      )
      return changed.ok ? ok({ ...changed.value, clientSecret: client?.value }) : changed
    })
  }

  /** Everything of the app ends; its names are free again and its audit rows stay. */
  delete(request: OfApp, caller: Caller): Changed<ChangedApp> {
    return this.#withApp(request, async (loaded) => {
      const { app } = loaded
      const { reason } = request
      const erased = await orRefused(() => eraseApp({ app, caller, reason }, this.#deps))
      if (!erased.ok) return erased
      const { id: appId, region } = app
      await this.#deps.authority.changed({ kind: 'app', region, appId })
      const made = { ...erased.value, regions: [this.#deps.authority.regionOf(app)] }
      const receipt = await this.#parts.revocations.carryOut({ kind: 'app', appId }, made)
      return ok({ loaded, receipt })
    })
  }

  #fits(
    { app, settings, limits }: Pick<LoadedApp, 'app' | 'limits'> & Pick<AppRecord, 'settings'>,
    caller: Caller,
  ): Result<true, AdminRefusalCode> {
    const fits = this.#parts.rules.check(settings)
    if (!fits.ok) return fits
    const change = { before: { app, limits }, after: { app: { settings }, limits } }
    return checkNarrowed(change, caller, this.#parts.limitBook)
  }

  #withApp<T>({ appId }: OfApp, work: (loaded: LoadedApp) => Changed<T>): Changed<T> {
    return this.#turns.take(appId, async () => {
      const loaded = this.#deps.authority.apps.findById(appId)
      return loaded === undefined ? refuse('not_found') : work(loaded)
    })
  }

  async #change(
    { after, made = [], gone = [] }: Change,
    by: Pick<AppWriting, 'action' | 'caller' | 'reason'>,
  ): Changed<ChangedApp> {
    const { authority, clock } = this.#deps
    const before = authority.apps.findById(after.id)?.app
    // Later than the change before, whatever the clock says: writers know each other's by it.
    const updatedAtMs = Math.max(clock.nowMs(), (before?.updatedAtMs ?? 0) + 1)
    const written = await this.#write({ ...by, app: { ...after, updatedAtMs }, before, made, gone })
    if (!written.ok) return written
    const loaded = this.#loaded(after.id)
    const receipt = { ...EMPTY_RECEIPT, ...written.value }
    if (admitApp(loaded, clock.nowMs()).ok) return ok({ loaded, receipt })
    const target = { kind: 'app' as const, appId: after.id }
    const ended = { record: undefined, regions: [], ...written.value }
    return ok({ loaded, receipt: await this.#parts.revocations.carryOut(target, ended) })
  }

  async #write(writing: AppWriting): Changed<{ readonly familyCount: number }> {
    const written = await orRefused(() => writeApp(writing, this.#deps))
    const { id: appId, region } = writing.app
    if (written.ok) await this.#deps.authority.changed({ kind: 'app', region, appId })
    return written
  }

  #loaded(appId: string): LoadedApp {
    const loaded = this.#deps.authority.apps.findById(appId)
    if (loaded === undefined) throw new Error('an app that was written is not there')
    return loaded
  }
}

/** What the store would not take, as callers see it. @throws Outage */
async function orRefused<T>(work: () => Promise<T>): Changed<T> {
  try {
    return ok(await work())
  } catch (error) {
    if (!(error instanceof Conflict)) throw error
    if (error.rule === 'app_name') return refuse('name_taken')
    if (error.rule === 'free_app') return refuse('free_plan_taken')
    if (error.rule === 'stale_revision') return refuse('changed_meanwhile')
    throw error
  }
}
