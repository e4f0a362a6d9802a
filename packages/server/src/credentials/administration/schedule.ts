/**
 * Follows the deadlines of credentials: tells people, makes new versions of what rotates by itself,
 * lets one that is used take over, erases what was disabled long ago. Each step is written down in
 * the commit that takes it, so a crash repeats nothing, and of several nodes one is first.
 */
import type { Log } from '../../ports/log.ts'
import { Outage } from '../../ports/outage.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import {
  awaitedVersion,
  isRotationDue,
  newNotices,
  removeDisabled,
  tellNotice,
} from '../engine/due-steps.ts'
import { SYSTEM } from './callers.ts'
import type { AdministrationDeps } from './context.ts'
import type { CredentialChanges } from './credential-changes.ts'
import { readUses, type UseReport } from './readiness.ts'

const DAY_MS = 86_400_000
/** How long a value that was made by a schedule waits: nobody may be looking for some days. */
export const SCHEDULED_WAIT_MS = 7 * DAY_MS
/** Credentials one run looks at, a few milliseconds of work; the next run goes on from there. */
export const LOOKED_AT_COUNT_MAX = 500

export interface ScheduleParts {
  readonly changes: CredentialChanges
  readonly uses: UseReport
  readonly log: Log
  readonly removeAfterMs: number
}

export class Schedule {
  readonly #deps: Pick<AdministrationDeps, 'authority' | 'clock'>
  readonly #parts: ScheduleParts
  /** Ids that were not looked at in this round. */
  #waiting: string[] = []
  readonly #steps: readonly ((record: CredentialRecord) => Promise<void>)[] = [
    (record) => this.#settle(record),
    (record) => this.#tell(record),
    (record) => this.#stage(record),
    (record) => this.#promote(record),
    (record) => this.#remove(record),
  ]

  constructor(deps: Pick<AdministrationDeps, 'authority' | 'clock'>, parts: ScheduleParts) {
    this.#deps = deps
    this.#parts = parts
  }

  /**
   * Takes the steps that are due, of the next {@link LOOKED_AT_COUNT_MAX} credentials.
   * @throws the first failure, after the others had their turn.
   */
  async run(): Promise<void> {
    if (this.#waiting.length === 0) this.#waiting = this.#records().map(({ id }) => id)
    const failures: unknown[] = []
    for (const id of this.#waiting.splice(0, LOOKED_AT_COUNT_MAX)) {
      try {
        await this.#follow(id)
      } catch (error) {
        if (error instanceof Outage) throw error
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  /** All but the keys tenants sign with: those follow the tokens. */
  #records(): readonly CredentialRecord[] {
    const { apps, tenants } = this.#deps.authority
    const owned = [...apps.apps()].flatMap(({ credentials }) => credentials)
    return [...owned.map(({ record }) => record), ...tenants.operators()]
  }

  /** Each step starts from what the one before has left. */
  async #follow(id: string): Promise<void> {
    for (const step of this.#steps) {
      const known = this.#deps.authority.findCredential(id)
      if (known !== undefined) await step(known)
    }
  }

  /** Where no live connection rests on a credential, nothing else writes its ends down. */
  async #settle(record: CredentialRecord): Promise<void> {
    if (record.appId === undefined) await this.#parts.changes.settle(record, SYSTEM)
  }

  async #tell(record: CredentialRecord): Promise<void> {
    for (const { key, action, detail } of newNotices(record, this.#deps.clock.nowMs())) {
      const { versionId } = detail
      const uses = versionId === undefined ? undefined : await readUses(record, this.#parts.uses)
      const isInUse = uses?.isInUse(String(versionId))
      const more = isInUse === undefined ? detail : { ...detail, isInUse }
      const isFirst = await this.#parts.changes.follow(
        { credentialId: record.id, action, detail: more },
        (before, nowMs) => tellNotice(before, key, nowMs),
      )
      if (isFirst) this.#log(action, record, more)
    }
  }

  async #stage(record: CredentialRecord): Promise<void> {
    const nowMs = this.#deps.clock.nowMs()
    if (!isRotationDue(record, nowMs)) return
    const waitsUntilMs = nowMs + SCHEDULED_WAIT_MS
    const request = { credentialId: record.id, waitsUntilMs, reason: 'scheduled rotation' }
    const staged = await this.#parts.changes.stage(request, SYSTEM)
    if (staged.ok) this.#log('rotation.staged', record, { versionId: staged.value.versionId })
    else this.#log('rotation.refused', record, { refusal: staged.refusal })
  }

  /** The overlap begins with the first use: whoever has not the new value yet has all of it. */
  async #promote(record: CredentialRecord): Promise<void> {
    const awaited = awaitedVersion(record, this.#deps.clock.nowMs())
    if (awaited === undefined) return
    if (!(await readUses(record, this.#parts.uses)).wasUsed(awaited.id)) return
    const request = { credentialId: record.id, reason: 'scheduled rotation: it is in use' }
    const promoted = await this.#parts.changes.promote(request, SYSTEM)
    if (promoted.ok) this.#log('rotation.promoted', record, { versionId: awaited.id })
  }

  async #remove(record: CredentialRecord): Promise<void> {
    const { removeAfterMs } = this.#parts
    const move = (each: CredentialRecord, nowMs: number) =>
      removeDisabled(each, removeAfterMs, nowMs)
    if (!move(record, this.#deps.clock.nowMs()).ok) return
    const request = { credentialId: record.id, action: 'secret.removed' as const }
    await this.#parts.changes.follow({ ...request, reason: 'disabled long ago' }, move)
  }

  #log(
    action: string,
    { id, kind, tenantId, appId }: CredentialRecord,
    detail: Readonly<Record<string, string | number | boolean>>,
  ): void {
    const event = action.replaceAll('.', '_')
    this.#parts.log.warn(event, { id, kind, tenant: tenantId, app: appId, ...detail })
  }
}
