/** The credential core with everything that administers it, over a store that can be cut off. */
import { openAdministration } from '../../packages/server/src/assembly/administration.ts'
import type { Config } from '../../packages/server/src/config/config.ts'
import { BUILT_IN_PLANS } from '../../packages/server/src/config/section-schema.ts'
import { type Reliance, relianceOn } from '../../packages/server/src/core/reliance.ts'
import { openMemoryStore } from '../../packages/server/src/adapters/store-memory/store.ts'
import { admitApp, type LoadedApp } from '../../packages/server/src/credentials/app-directory.ts'
import { AppLimitBook, readLimits } from '../../packages/server/src/credentials/app-limits.ts'
import { applyDeclarations } from '../../packages/server/src/credentials/declaration/declare.ts'
import { Outage } from '../../packages/server/src/ports/outage.ts'
import type { Database, Store } from '../../packages/server/src/ports/store.ts'
import type { Result } from '../../packages/protocol/src/result.ts'
import { REGIONS } from '../contract/records.ts'
import { nothingInMemory } from './administered-parts.ts'
import { CALLER, type CoreWorld, openCoreWorld } from './credential-core.ts'

export { CALLER }

/** From a chosen transaction on nothing is written any more, as if the process had ended there. */
export interface Crash {
  isOver: boolean
}

type Where = 'control' | 'region'
interface Guard {
  fail: (database: Where) => Error | undefined
}

type Kept = Parameters<typeof openCoreWorld>[0]
interface Options {
  readonly mode?: Config['mode']
  /** Networks inside that may be called. */
  readonly allowedNetworks?: readonly string[]
  /** Limit texts of the installation. */
  readonly limits?: readonly string[]
}

export class AdministrationWorld {
  readonly #world: CoreWorld
  readonly #durable: Store
  readonly #guard: Guard
  readonly #changes: ReturnType<typeof openAdministration>

  private constructor(
    world: CoreWorld,
    store: { readonly durable: Store; readonly guard: Guard },
    options: Options,
  ) {
    this.#world = world
    this.#durable = store.durable
    this.#guard = store.guard
    const { mode = 'development', allowedNetworks = [] } = options
    const config = { mode, outbound: { allowedNetworks } }
    const limitBook = new AppLimitBook(readLimits(options.limits))
    this.#changes = openAdministration(world.core, config, nothingInMemory(limitBook))
  }

  static async open(options: Options = {}, kept: Kept = {}): Promise<AdministrationWorld> {
    const durable = kept.store ?? openMemoryStore(REGIONS)
    const guard: Guard = { fail: () => undefined }
    const store = guarded(durable, guard)
    const world = await openCoreWorld({ ...kept, store })
    const { administration, revocations } = world.core
    const declarations = { plans: BUILT_IN_PLANS, tenants: [], operatorKeys: [] }
    await applyDeclarations(declarations, { administration, revocations })
    return new AdministrationWorld(world, { durable, guard }, options)
  }

  get core() {
    return this.#world.core
  }
  get time() {
    return this.#world.time
  }
  get hub() {
    return this.#world.hub
  }
  get events() {
    return this.#world.events
  }
  get apps() {
    return this.#changes.appChanges
  }
  get tenants() {
    return this.#changes.tenantChanges
  }
  get members() {
    return this.#changes.memberChanges
  }
  get calls() {
    return this.#changes.repeatedCalls
  }
  get operators() {
    return this.#changes.operatorChanges
  }
  get store() {
    return this.#world.store
  }
  get webhooks() {
    return this.#changes.webhookChanges
  }
  get ruleSets() {
    return this.#changes.ruleSetChanges
  }
  get integrations() {
    return this.#changes.integrationChanges
  }
  get plans() {
    return this.#changes.planChanges
  }

  async done<T>(changed: Promise<Result<T, string>>): Promise<T> {
    const result = await changed
    if (result.ok) return result.value
    throw new Error(`${result.refusal}: ${result.detail ?? ''}`)
  }

  async tenant(name = 'Acme'): Promise<string> {
    return (await this.done(this.tenants.create({ name }, CALLER))).id
  }

  /** @returns what an app may do now: `admitted`, or why not. */
  admitted(appId: string): string {
    const loaded = this.core.authority.apps.findById(appId)
    if (loaded === undefined) return 'not there'
    const admitted = admitApp(loaded, this.time.ms)
    return admitted.ok ? 'admitted' : admitted.refusal
  }

  reliance(appId: string): Reliance {
    return relianceOn({ kind: 'app', appId })
  }

  async allNames(): Promise<readonly string[]> {
    return this.#names({})
  }

  names(appId: string): Promise<readonly string[]> {
    return this.#names({ appId })
  }

  /** The actions of a tenant's audit rows in one database, oldest first. */
  async actions(tenantId: string, database: string): Promise<readonly string[]> {
    const page = { tenantId, afterSeq: 0, countMax: 100 }
    const { control, regions } = this.#durable
    const region = [...regions.values()].find(({ code }) => code === database)
    const rows = await (region === undefined
      ? control.transaction((each) => each.listAudit(page))
      : region.transaction((each) => each.listAudit(page)))
    return rows.map(({ entry }) => (JSON.parse(entry) as { action: string }).action)
  }

  /** What refused calls must not change. */
  async everything(): Promise<unknown> {
    const { control, regions } = this.#durable
    const rows = await control.transaction(async (each) => ({
      tenants: await each.listTenants(),
      plans: await each.listPlans(),
      names: await each.listNames({}),
      credentials: await each.listCredentials({}),
      heads: await each.listAuditHeads(),
    }))
    const local = await regions.get('local')?.transaction(async (each) => ({
      apps: await each.listApps(),
      credentials: await each.listCredentials({}),
      heads: await each.listAuditHeads(),
    }))
    return { rows, local }
  }

  /** A refresh family that began with the client secret of an app. */
  async startFamily({ app, credentials }: LoadedApp): Promise<void> {
    const secret = credentials.find(({ record }) => record.kind === 'client_secret')
    const nowMs = this.time.ms
    await this.#durable.regions.get('local')?.startFamily({
      id: 'f'.repeat(22),
      tenantId: app.tenantId,
      appId: app.id,
      clientId: app.clientId,
      versionId: secret?.record.versions[0]?.id ?? '',
      scope: '',
      generation: 1,
      rotatedAtMs: nowMs,
      expiresAtMs: nowMs + 1_000_000,
      endsAtMs: undefined,
      revokedAtMs: undefined,
      createdAtMs: nowMs,
    })
  }

  /** @param step how many transactions of that database still work. */
  crashAt(where: Where, step: number): Crash {
    const crash: Crash = { isOver: false }
    let left = step
    let isDown = false
    this.#guard.fail = (database) => {
      if (crash.isOver) return undefined
      if (!isDown && database === where && left-- <= 0) isDown = true
      return isDown ? new Outage('store_unavailable', 'cut off', { port: 'store' }) : undefined
    }
    return crash
  }

  /** The next transaction of that database fails; those after it work. */
  failOnce(where: Where, error: Error): void {
    let isDone = false
    this.#guard.fail = (database) => {
      if (isDone || database !== where) return undefined
      isDone = true
      return error
    }
  }

  /** The next start over what was committed. */
  restarted(): Promise<AdministrationWorld> {
    return AdministrationWorld.open({}, { store: this.#durable, keyText: this.#world.keyText() })
  }

  async #names(filter: { readonly appId?: string }): Promise<readonly string[]> {
    const entries = await this.#durable.control.transaction((each) => each.listNames(filter))
    return entries.map(({ kind, value, state }) => `${kind} ${value} ${state}`).toSorted()
  }
}

function guarded(store: Store, guard: Guard) {
  const cut = <T, D extends Database<T>>(database: D, where: Where): D =>
    Object.assign(Object.create(database) as D, {
      transaction: <R>(work: (transaction: T) => Promise<R>) => {
        const error = guard.fail(where)
        return error === undefined ? database.transaction(work) : Promise.reject(error)
      },
    })
  const regions = new Map([...store.regions].map(([code, each]) => [code, cut(each, 'region')]))
  return { ...storeCalls(store), control: cut(store.control, 'control'), regions }
}

function storeCalls(store: Store): Pick<Store, 'ping' | 'close'> {
  return { ping: () => store.ping(), close: () => store.close() }
}
