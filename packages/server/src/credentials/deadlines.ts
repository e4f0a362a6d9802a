/**
 * Changes that time makes by itself: the end of an overlap, of a version's life, of a cancelled
 * plan. Verifiers decide them when they read; this ends the live connections that rest on them, on
 * each node by its own clock, and has the change recorded.
 */
import type { RevocationTarget } from '../core/reliance.ts'
import type { Clock } from '../ports/clock.ts'
import type { CredentialRecord } from '../ports/records/credential.ts'
import type { LoadedApp } from './app-directory.ts'
import type { Authority } from './authority.ts'
import { isAccepted, nextChangeAtMs } from './engine/reading.ts'

export interface DeadlineDeps {
  readonly authority: Authority
  readonly clock: Clock
  /** Ends what rests on `target` on this node. */
  readonly end: (target: RevocationTarget) => Promise<unknown>
  /** Writes down what time has changed; only the first of several nodes changes anything. */
  readonly settle: (credential: CredentialRecord) => Promise<unknown>
}

interface Watched {
  readonly atMs: number
  readonly appId: string
  /** Undefined: the end of the app's plan. */
  readonly credentialId: string | undefined
  /** Versions that were accepted when last looked at. */
  readonly acceptedIds: readonly string[]
}

export class Deadlines {
  readonly #deps: DeadlineDeps
  /** By credential or app id; only those with a change ahead. */
  readonly #watched = new Map<string, Watched>()

  constructor(deps: DeadlineDeps) {
    this.#deps = deps
    deps.authority.onChange((change) => {
      if (change.kind !== 'app') return
      const loaded = deps.authority.apps.findById(change.appId)
      if (loaded !== undefined) this.#watch(loaded)
    })
  }

  /**
   * Looks at everything, and writes down what ended while nothing ran; called once the directories
   * are loaded and before anything is accepted.
   */
  async start(): Promise<void> {
    for (const loaded of [...this.#deps.authority.apps.apps()]) {
      this.#watch(loaded)
      for (const { record } of loaded.credentials) await this.#deps.settle(record)
    }
  }

  /** Ends what has run out. Called about once a second. */
  async check(): Promise<void> {
    const nowMs = this.#deps.clock.nowMs()
    const due = [...this.#watched].filter(([, { atMs }]) => nowMs >= atMs)
    for (const [id, watched] of due) {
      this.#watched.delete(id)
      if (watched.credentialId === undefined) {
        await this.#deps.end({ kind: 'app', appId: watched.appId })
        continue
      }
      const known = this.#deps.authority.findCredential(watched.credentialId)
      if (known !== undefined) await this.#endVersions(known, watched, nowMs)
    }
  }

  async #endVersions(record: CredentialRecord, before: Watched, nowMs: number): Promise<void> {
    this.#watchCredential(record, before.appId, nowMs)
    const accepted = acceptedIds(record, nowMs)
    // Access tokens outlive the secret that bought them (seed 000), and so does what they opened.
    if (record.kind === 'client_secret') {
      await this.#deps.settle(record)
      return
    }
    for (const versionId of before.acceptedIds.filter((id) => !accepted.includes(id))) {
      await this.#deps.end({ kind: 'version', versionId })
    }
    // Without any accepted version the credential itself has ended, and with it its app key.
    if (accepted.length === 0) {
      await this.#deps.end({ kind: 'credential', credentialId: record.id })
    }
    await this.#deps.settle(record)
  }

  #watch({ app, credentials }: LoadedApp): void {
    const nowMs = this.#deps.clock.nowMs()
    const endsAtMs = app.subscription?.endsAtMs
    if (endsAtMs === undefined || nowMs >= endsAtMs) this.#watched.delete(app.id)
    else {
      const plan = { credentialId: undefined, acceptedIds: [] }
      this.#watched.set(app.id, { ...plan, atMs: endsAtMs, appId: app.id })
    }
    for (const { record } of credentials) this.#watchCredential(record, app.id, nowMs)
  }

  #watchCredential(record: CredentialRecord, appId: string, nowMs: number): void {
    const atMs = nextChangeAtMs(record, nowMs)
    if (atMs === undefined) this.#watched.delete(record.id)
    else {
      const accepted = acceptedIds(record, nowMs)
      this.#watched.set(record.id, {
        atMs,
        appId,
        credentialId: record.id,
        acceptedIds: accepted,
      })
    }
  }
}

function acceptedIds(record: CredentialRecord, nowMs: number): readonly string[] {
  return record.versions.filter((each) => isAccepted(each, nowMs)).map(({ id }) => id)
}
