/**
 * Rotates the master key of a running server: a new version seals from now on, everything stored is
 * sealed anew under it, and the old versions still open what other nodes and backups hold. No
 * request is refused meanwhile: readers hold opened values, and every version opens.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { MasterKeySource } from '../../ports/master-key-source.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { ControlTransaction } from '../../ports/store.ts'
import type { AuditAction } from '../audit/actions.ts'
import { INSTALLATION } from '../audit/entry.ts'
import { isOutdated as isDeliveryOutdated } from '../delivered-value.ts'
import { resealInstallationKey } from '../installation-keys.ts'
import { type MasterKey, parseMasterKey, rotateMasterKeyFile } from '../master-key.ts'
import type { MasterKeyRing } from '../master-key-ring.ts'
import { resealMaterial } from '../material.ts'
import { sealedVersionOf } from '../sealing.ts'
import { SYSTEM } from './callers.ts'
import { changeEntry } from './change-entry.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import type { SharedTransaction } from './credential-place.ts'
import { isAnswerOutdated, resealAnswer } from './repeated-calls.ts'

export interface MasterKeyStatus {
  readonly source: MasterKeySource['kind']
  readonly currentVersion: number
  readonly versions: readonly number[]
  /** Values that are still sealed under an older version; 0: the older ones may be retired. */
  readonly outdatedCount: number
}

interface KeyChange {
  readonly action: Extract<AuditAction, `master_key.${string}`>
  /** The version that sealed before; undefined where it stays. */
  readonly before: number | undefined
  readonly version: number
}

/** Credentials sealed anew in one transaction: other changes get their turn in between. */
const BATCH_COUNT = 50

export class MasterKeyChanges {
  readonly #deps: AdministrationDeps
  readonly #ring: MasterKeyRing
  readonly #source: MasterKeySource
  #isFinished = false
  /** One rotation at a time. */
  #running: Promise<unknown> = Promise.resolve()

  constructor(
    deps: AdministrationDeps,
    key: { readonly ring: MasterKeyRing; readonly source: MasterKeySource },
  ) {
    this.#deps = deps
    this.#ring = key.ring
    this.#source = key.source
  }

  /** @throws Outage */
  async status(): Promise<MasterKeyStatus> {
    const { currentVersion, versions } = this.#ring
    let outdatedCount = 0
    for (const place of this.#places()) {
      const records = await place.transaction((transaction) => transaction.listCredentials({}))
      outdatedCount += records.filter((record) => isOutdated(record, this.#ring)).length
    }
    const answers = await this.#deps.store.control.transaction((each) => each.listIdempotency())
    outdatedCount += answers.filter((record) => isAnswerOutdated(record, this.#ring)).length
    return {
      source: this.#source.kind,
      currentVersion,
      versions: [...versions.keys()],
      outdatedCount,
    }
  }

  /**
   * Makes a new version where the key lives and seals everything under it. Where only the operator
   * can change the key (a command, a variable), its newest text is read again and used.
   *
   * The key is outside the database on purpose, so no transaction spans both. The audit says who
   * began before the key is replaced, and that it is done in the first transaction that seals under
   * the new version. After a crash between the two, {@link finish} seals what is left and says so.
   * @throws Outage: before the key was replaced, or after it; then {@link finish} does the rest.
   */
  rotate(caller: Caller): Promise<Result<MasterKeyStatus, AdminRefusalCode>> {
    return this.#inTurn(async () => {
      const before = this.#ring.currentVersion
      const text = await this.#source.read()
      const { write } = this.#source
      const next = write === undefined ? ok(text) : rotateMasterKeyFile(text, this.#deps.random)
      if (!next.ok) return refuse('input_invalid', next.detail)
      const parsed = parseMasterKey(next.value)
      if (!parsed.ok) return refuse('input_invalid', parsed.detail)
      if (parsed.value.currentVersion <= before) {
        return refuse(
          'input_invalid',
          'The master key is given from outside and has no newer version: add a line with the ' +
            'next version to it (the old lines stay), then rotate again.',
        )
      }
      const change = { before, version: parsed.value.currentVersion }
      await this.#audit(caller, { ...change, action: 'master_key.rotation_begun' })
      this.#isFinished = false
      // The new version is durable before anything is sealed under it.
      if (write !== undefined) await write(next.value)
      this.#ring.replace(withOld(parsed.value, this.#ring))
      await this.#rewrapAll((transaction) =>
        this.#record(transaction, caller, { ...change, action: 'master_key.rotated' }),
      )
      this.#isFinished = true
      return ok(await this.status())
    })
  }

  /**
   * Seals what is left under older versions anew. Its row comes at the end, when it is true: what a
   * batch changes is no value and nobody's right, and a call that was cut short is made again.
   * @throws Outage
   */
  rewrap(caller: Caller): Promise<Result<MasterKeyStatus, AdminRefusalCode>> {
    return this.#inTurn(async () => {
      await this.#rewrapAll()
      await this.#audit(caller, this.#rewrapped())
      return ok(await this.status())
    })
  }

  /**
   * Takes up what a crash or an outage cut short: the key was replaced and what it seals was not,
   * or not all of it. Looks once in the life of a process, and after each rotation that failed.
   * @throws Outage: then it is taken up at the next call.
   */
  finish(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isFinished) return
      const keys = await this.#deps.store.control.transaction((each) => each.listInstallationKeys())
      const isOld = keys.some(({ sealed }) => sealedVersionOf(sealed) !== this.#ring.currentVersion)
      if (isOld || (await this.status()).outdatedCount > 0) {
        await this.#rewrapAll()
        await this.#audit(SYSTEM, this.#rewrapped())
      }
      this.#isFinished = true
    })
  }

  /** @param also done in the first transaction, which seals the keys of the installation. */
  async #rewrapAll(also?: (transaction: ControlTransaction) => Promise<void>): Promise<void> {
    const { store, random, clock } = this.#deps
    const deps = { masterKey: this.#ring, random, clock }
    await store.control.transaction(async (transaction) => {
      for (const record of await transaction.listInstallationKeys()) {
        const sealed = resealInstallationKey(record, deps)
        if (!sealed.ok) throw new Error(sealed.detail ?? sealed.refusal)
        await transaction.saveInstallationKey(sealed.value)
      }
      await also?.(transaction)
    })
    for (const place of this.#places()) {
      let left = true
      while (left) left = await place.transaction((each) => this.#rewrapSome(each))
    }
    let left = true
    while (left) left = await store.control.transaction((each) => this.#rewrapAnswers(each))
  }

  /** Answers that are kept for repeated calls. @returns whether there is more to do. */
  async #rewrapAnswers(transaction: ControlTransaction): Promise<boolean> {
    const records = await transaction.listIdempotency()
    const outdated = records.filter((record) => isAnswerOutdated(record, this.#ring))
    const deps = { masterKey: this.#ring, random: this.#deps.random }
    for (const record of outdated.slice(0, BATCH_COUNT)) {
      await transaction.saveIdempotency(resealAnswer(record, deps))
    }
    return outdated.length > BATCH_COUNT
  }

  /** @returns whether there is more to do. */
  async #rewrapSome(transaction: SharedTransaction): Promise<boolean> {
    const records = await transaction.listCredentials({})
    const outdated = records.filter((record) => isOutdated(record, this.#ring))
    const { random, keys } = this.#deps
    const deps = { masterKey: this.#ring, random, fingerprintKey: keys.fingerprint }
    for (const record of outdated.slice(0, BATCH_COUNT)) {
      const sealed = resealMaterial(record, deps)
      if (!sealed.ok) throw new Error(`credential ${record.id} does not open: ${sealed.refusal}`)
      await transaction.saveCredential(sealed.value)
    }
    return outdated.length > BATCH_COUNT
  }

  #rewrapped(): KeyChange {
    return { action: 'master_key.rewrapped', before: undefined, version: this.#ring.currentVersion }
  }

  #audit(caller: Caller, change: KeyChange): Promise<void> {
    const { control } = this.#deps.store
    return control.transaction((transaction) => this.#record(transaction, caller, change))
  }

  #record(
    transaction: ControlTransaction,
    caller: Caller,
    { action, before, version }: KeyChange,
  ): Promise<void> {
    const { store, audit } = this.#deps
    const entry = changeEntry(caller, {
      tenantId: INSTALLATION,
      action,
      target: { kind: 'master_key', id: String(version) },
      ...(before === undefined ? {} : { before: { version: before } }),
      after: { version },
    })
    return audit.record({ code: store.control.code, transaction }, entry)
  }

  #places() {
    const { store } = this.#deps
    return [store.control, ...store.regions.values()].map((database) => ({
      transaction: <R>(work: (transaction: SharedTransaction) => Promise<R>) =>
        database.transaction(work),
    }))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#running.then(work)
    // Whoever asked for it is told of a failure; the next one only waits for its turn.
    this.#running = Promise.allSettled([result])
    return result
  }
}

function isOutdated({ versions }: CredentialRecord, key: MasterKey): boolean {
  return versions.some((version) => {
    const { material } = version
    const isOld =
      material.storage === 'sealed' && sealedVersionOf(material.sealed) !== key.currentVersion
    return isOld || isDeliveryOutdated(version, key)
  })
}

/** Versions that were retired from the text stay until nothing is sealed under them. */
function withOld(next: MasterKey, old: MasterKey): MasterKey {
  return { ...next, versions: new Map([...old.versions, ...next.versions]) }
}
