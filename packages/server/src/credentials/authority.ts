/**
 * What this node knows of who may do what: the directories, and how they follow the store. A change
 * is committed first, then read back here and told to the other nodes, which read it back too.
 */
import { isJsonObject, parseJsonObject } from '@lockgate/protocol/bytes'
import { ok, type Result } from '@lockgate/protocol/result'
import type { Broker } from '../ports/broker.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { CredentialRecord } from '../ports/records/credential.ts'
import type { RevocationRecord } from '../ports/records/revocation.ts'
import type { RegionDatabase, Store } from '../ports/store.ts'
import { AppDirectory } from './app-directory.ts'
import {
  groupBy,
  type LoadingRefusal,
  openApp,
  openTenant,
  readApp,
  readApps,
  readOperators,
  readTenant,
} from './loading.ts'
import type { MasterKey } from './master-key.ts'
import { RevocationList } from './revocation-list.ts'
import { TenantDirectory } from './tenant-directory.ts'

/** What changed: enough for a node to read it back. */
export type Change =
  | { readonly kind: 'app'; readonly region: string; readonly appId: string }
  | { readonly kind: 'tenant'; readonly tenantId: string }
  | { readonly kind: 'operators' }
  | { readonly kind: 'plans' }
  | { readonly kind: 'revocations'; readonly region: string }

const TOPIC = 'authority'

interface AuthorityPorts {
  readonly store: Store
  readonly masterKey: MasterKey
  readonly broker: Broker
  readonly clock: Clock
  readonly log: Log
}

export class Authority {
  readonly apps = new AppDirectory()
  readonly tenants = new TenantDirectory()
  readonly revocations = new RevocationList()
  readonly #ports: AuthorityPorts
  readonly #listeners: ((change: Change) => void)[] = []
  readonly #stopListening: () => void
  /** One after the other, so that an older read never replaces a newer one. */
  #tail: Promise<void> = Promise.resolve()

  constructor(ports: AuthorityPorts) {
    this.#ports = ports
    this.#stopListening = ports.broker.subscribe(TOPIC, (payload) => this.#receive(payload))
  }

  /**
   * Reads everything; called before the server is ready.
   * @throws Outage
   */
  async load(): Promise<Result<true, LoadingRefusal>> {
    const { store, masterKey } = this.#ports
    const control = await store.control.transaction(async (transaction) => ({
      tenants: await transaction.listTenants(),
      plans: await transaction.listPlans(),
      credentials: await transaction.listCredentials({}),
      ruleSets: await transaction.listRuleSets(),
      integrations: await transaction.listIntegrations(),
    }))
    this.tenants.replacePlans(control.plans)
    this.tenants.replaceOperators(control.credentials.filter(({ kind }) => kind === 'operator_key'))
    const credentials = groupBy(control.credentials, ({ tenantId }) => tenantId)
    const ruleSets = groupBy(control.ruleSets, ({ tenantId }) => tenantId)
    const integrations = groupBy(control.integrations, ({ tenantId }) => tenantId)
    for (const tenant of control.tenants) {
      const { id } = tenant
      const stored = {
        tenant,
        members: await store.control.transaction((each) => each.listMembers(id)),
        credentials: credentials.get(id) ?? [],
        ruleSets: ruleSets.get(id) ?? [],
        integrations: integrations.get(id) ?? [],
      }
      const opened = openTenant(stored, masterKey)
      if (!opened.ok) return opened
      this.tenants.put(opened.value)
    }
    const regions = await Promise.all([...store.regions.values()].map((each) => this.#load(each)))
    return regions.find((outcome) => !outcome.ok) ?? ok(true)
  }

  /** @param listen called after the directories follow a change, on every node. */
  onChange(listen: (change: Change) => void): void {
    this.#listeners.push(listen)
  }

  /**
   * Reads a committed change back and tells the other nodes.
   * @throws Outage when the store cannot be read: the change is made, and this node catches up with
   * the next one.
   */
  async changed(change: Change): Promise<void> {
    this.#ports.broker.publish(TOPIC, JSON.stringify(change))
    await this.#follow(change)
  }

  /** @returns a credential of any owner; its versions as this node knows them. */
  findCredential(id: string): CredentialRecord | undefined {
    return this.apps.findCredential(id)?.record ?? this.tenants.findCredential(id)
  }

  /** Of every owner. */
  *credentials(): Iterable<CredentialRecord> {
    for (const owner of [this.apps.apps(), this.tenants.tenants()]) {
      for (const { credentials } of owner) for (const { record } of credentials) yield record
    }
    yield* this.tenants.operators()
  }

  /** A revocation takes effect here at once, before the store is read again. */
  revoked(record: RevocationRecord): void {
    this.revocations.add(record)
  }

  /** The database an app lives in. @throws a plain error for an app of no region (a bug). */
  regionOf(place: { readonly region: string }): RegionDatabase {
    const region = this.#ports.store.regions.get(place.region)
    if (region === undefined) throw new Error(`there is no region ${place.region}`)
    return region
  }

  close(): void {
    this.#stopListening()
  }

  async #load(region: RegionDatabase): Promise<Result<true, LoadingRefusal>> {
    for (const stored of await readApps(region)) {
      const opened = openApp(stored, { tenants: this.tenants, masterKey: this.#ports.masterKey })
      if (!opened.ok) return opened
      this.apps.put(opened.value)
    }
    await this.#readRevocations(region)
    return ok(true)
  }

  #follow(change: Change): Promise<void> {
    const result = this.#tail.then(() => this.#readBack(change))
    this.#tail = result.then(
      () => {},
      () => {},
    )
    return result
  }

  async #readBack(change: Change): Promise<void> {
    switch (change.kind) {
      case 'app':
        await this.#readApp(change)
        break
      case 'tenant':
        await this.#readTenant(change.tenantId)
        break
      case 'operators':
        await this.#readOperators()
        break
      case 'plans':
        await this.#readPlans()
        break
      case 'revocations':
        await this.#readRevocations(this.regionOf(change))
        break
      default:
        change satisfies never
    }
    for (const listen of this.#listeners) listen(change)
  }

  async #readApp(place: { region: string; appId: string }): Promise<void> {
    const stored = await readApp(this.#ports.store, place)
    if (stored === undefined) return this.apps.remove(place.appId)
    const { masterKey } = this.#ports
    this.apps.put(orThrow(openApp(stored, { tenants: this.tenants, masterKey })))
  }

  async #readTenant(tenantId: string): Promise<void> {
    const stored = await readTenant(this.#ports.store, tenantId)
    if (stored === undefined) return
    this.tenants.put(orThrow(openTenant(stored, this.#ports.masterKey)))
    this.#reviseApps(({ tenant }) => tenant.id === tenantId)
  }

  async #readOperators(): Promise<void> {
    this.tenants.replaceOperators(await this.#ports.store.control.transaction(readOperators))
  }

  async #readPlans(): Promise<void> {
    const plans = await this.#ports.store.control.transaction((each) => each.listPlans())
    this.tenants.replacePlans(plans)
    this.#reviseApps(() => true)
  }

  async #readRevocations(region: RegionDatabase): Promise<void> {
    const nowMs = this.#ports.clock.nowMs()
    const records = await region.transaction((each) => each.listRevocations(nowMs))
    for (const record of records) this.revocations.add(record)
  }

  /** Gives apps their tenant and the limits of their plan anew. */
  #reviseApps(isConcerned: (loaded: { tenant: { id: string } }) => boolean): void {
    for (const loaded of [...this.apps.apps()].filter(isConcerned)) {
      const { app } = loaded
      const tenant = this.tenants.find(app.tenantId)?.tenant ?? loaded.tenant
      const plan = app.subscription && this.tenants.findPlan(tenant.id, app.subscription.plan)
      this.apps.put({ ...loaded, tenant, limits: plan?.limits })
    }
  }

  #receive(payload: string): void {
    const change = decodeChange(payload)
    if (change === undefined) return
    this.#follow(change).catch((error: unknown) => this.#ports.log.error('authority_stale', error))
  }
}

const CHANGE_DEPTH_MAX = 1

/** @returns undefined for anything another node would not have written. */
function decodeChange(payload: string): Change | undefined {
  const value = parseJsonObject(payload, CHANGE_DEPTH_MAX)
  if (!isJsonObject(value)) return undefined
  const { kind, region, appId, tenantId } = value
  if (kind === 'operators' || kind === 'plans') return { kind }
  if (kind === 'tenant' && typeof tenantId === 'string') return { kind, tenantId }
  if (typeof region !== 'string') return undefined
  if (kind === 'revocations') return { kind, region }
  return kind === 'app' && typeof appId === 'string' ? { kind, region, appId } : undefined
}

/** After the start every secret opens: the ring holds the versions that are in use. */
function orThrow<T>(result: Result<T, LoadingRefusal>): T {
  if (result.ok) return result.value
  throw new Error(result.detail ?? result.refusal)
}
