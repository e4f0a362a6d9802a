/**
 * Puts the credential core together over its ports: what is known, what changes it, what records
 * its use, and what follows time. Chooses no adapter.
 */
import type { Config } from '../config/config.ts'
import type { Hub } from '../core/hub.ts'
import type { LiveEvents } from '../core/live-events.ts'
import { Revoker } from '../core/revoker.ts'
import { SYSTEM } from '../credentials/administration/callers.ts'
import type { AdministrationDeps } from '../credentials/administration/context.ts'
import { CredentialChanges } from '../credentials/administration/credential-changes.ts'
import { Deliveries } from '../credentials/administration/deliveries.ts'
import { MasterKeyChanges } from '../credentials/administration/master-key-changes.ts'
import type { UseReport } from '../credentials/administration/readiness.ts'
import { Revocations } from '../credentials/administration/revocations.ts'
import { Schedule } from '../credentials/administration/schedule.ts'
import { Authority } from '../credentials/authority.ts'
import { CredentialFigures } from '../credentials/credential-figures.ts'
import { Deadlines } from '../credentials/deadlines.ts'
import { randomUuid } from '../credentials/identifiers.ts'
import { type InstallationKeys, loadInstallationKeys } from '../credentials/installation-keys.ts'
import type { MasterKeyRing } from '../credentials/master-key-ring.ts'
import { resumeNames } from '../credentials/name-resumption.ts'
import { RuleBook } from '../credentials/rules/rule-book.ts'
import { SecretCheck } from '../credentials/secret-check.ts'
import { type RecordUse, UseRecorder } from '../credentials/use-recorder.ts'
import type { Broker } from '../ports/broker.ts'
import type { Clock } from '../ports/clock.ts'
import type { Closings } from '../ports/closings.ts'
import type { Fetcher } from '../ports/fetcher.ts'
import type { Log } from '../ports/log.ts'
import type { MasterKeySource } from '../ports/master-key-source.ts'
import type { PasswordHash } from '../ports/password-hash.ts'
import type { Random } from '../ports/random.ts'
import type { Store } from '../ports/store.ts'
import type { Witness } from '../ports/witness.ts'
import { type AuditCore, createAuditCore } from './audit-core.ts'
import { orStop } from './or-stop.ts'

const DAY_MS = 86_400_000

export interface CorePorts {
  readonly store: Store
  readonly broker: Broker
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly passwordHash: PasswordHash
  readonly closings: Closings
  /** Calls outside, to URLs that customers and operators gave. */
  readonly fetcher: Fetcher
  readonly hub: Hub
  readonly events: LiveEvents
  readonly masterKey: MasterKeyRing
  readonly masterKeySource: MasterKeySource
  /** Who keeps audit checkpoints outside. */
  readonly witnesses: readonly Witness[]
}

export interface CredentialCore extends AuditCore {
  readonly administration: AdministrationDeps
  readonly fetcher: Fetcher
  readonly authority: Authority
  readonly keys: InstallationKeys
  readonly check: SecretCheck
  readonly uses: UseRecorder
  readonly recordUse: RecordUse
  readonly revoker: Revoker
  readonly revocations: Revocations
  readonly changes: CredentialChanges
  readonly masterKeyChanges: MasterKeyChanges
  readonly useReport: UseReport
  readonly deadlines: Deadlines
  readonly deliveries: Deliveries
  readonly schedule: Schedule
  readonly figures: CredentialFigures
  readonly ruleBook: RuleBook
}

/** @throws StartProblem or Outage: texts an operator can act on. */
export async function openCredentialCore(
  config: Pick<Config, 'secrets'>,
  ports: CorePorts,
): Promise<CredentialCore> {
  const { store, broker, clock, random, log, passwordHash, closings, hub, masterKey } = ports
  const { events, witnesses } = ports
  const keys = orStop(await loadInstallationKeys(store.control, { masterKey, random, clock }))
  await resumeNames(store)
  const authority = new Authority({ store, masterKey, broker, clock, log })
  orStop(await authority.load())
  const auditCore = createAuditCore({ store, keys, clock, log, events, witnesses })
  const { overlapDefaultMs, overlapMaxMs, maxAgeDays } = config.secrets
  const policy = {
    overlapDefaultMs,
    overlapMaxMs,
    maxAgeDays: maxAgeDays === 0 ? undefined : maxAgeDays,
  }
  const administration: AdministrationDeps = {
    store,
    clock,
    random,
    masterKey,
    keys,
    passwordHash,
    audit: auditCore.audit,
    authority,
    events,
    policy,
  }
  keepHubCurrent(hub, authority)
  const revoker = new Revoker({ hub, broker, clock, closings, nodeId: randomUuid(random) })
  const revocations = new Revocations(administration, revoker)
  const figures = new CredentialFigures({ authority, clock })
  const uses = new UseRecorder(clock, (taken) => figures.count(taken))
  const useReport = { authority, store, recorder: uses, clock, spaces: () => hub.spaces() }
  const changes = new CredentialChanges(administration, { revocations, uses: useReport })
  const masterKeyChanges = new MasterKeyChanges(administration, {
    ring: masterKey,
    source: ports.masterKeySource,
  })
  const deadlines = new Deadlines({
    authority,
    clock,
    end: (target) => revoker.revokeHere(target),
    settle: (credential) => changes.settle(credential, SYSTEM),
  })
  const removeAfterMs = config.secrets.removeAfterDays * DAY_MS
  const schedule = new Schedule(administration, { changes, uses: useReport, log, removeAfterMs })
  return {
    administration,
    fetcher: ports.fetcher,
    authority,
    keys,
    ...auditCore,
    check: new SecretCheck({ fingerprintKey: keys.fingerprint, passwordHash }),
    uses,
    recordUse: (use, source, app) => uses.record(use, source, authority.regionOf(app)),
    revoker,
    revocations,
    changes,
    masterKeyChanges,
    useReport,
    deadlines,
    deliveries: new Deliveries(administration, revocations),
    schedule,
    figures,
    ruleBook: new RuleBook(authority),
  }
}

/** What is live of an app follows its record, and goes with it. */
function keepHubCurrent(hub: Hub, authority: Authority): void {
  authority.onChange((change) => {
    if (change.kind !== 'app') return
    const loaded = authority.apps.findById(change.appId)
    if (loaded === undefined) hub.forget(change.appId)
    else hub.changed(loaded.app)
  })
}
