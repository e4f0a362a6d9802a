/**
 * Removes kept documents that nobody has opened for as long as their app says, and those of apps
 * that were deleted. What is open now counts as opened now, however long ago that was.
 */
import type { Clock } from '../../ports/clock.ts'
import type { DocumentStore } from '../../ports/document-store.ts'
import type { Log } from '../../ports/log.ts'
import { Outage } from '../../ports/outage.ts'
import type { AppRecord } from '../../ports/records/app.ts'
import type { AppSpace } from '../app-space.ts'
import type { DocumentHome } from './document-ports.ts'
import type { DocumentFigures } from './document-figures.ts'

const DAY_MS = 86_400_000
/** Ours: what one call removes, so that its commit is short. */
const PRUNE_COUNT = 100
/** Ours: what one run removes of one app; the next goes on. */
const PRUNE_CALLS_MAX = 100

export interface RetentionPorts {
  readonly apps: () => Iterable<AppRecord>
  readonly storeOf: (app: AppRecord) => DocumentStore
  readonly homes: readonly DocumentHome[]
  readonly spaces: { find(appId: string): AppSpace | undefined }
  readonly figures: DocumentFigures
  readonly clock: Clock
  readonly log: Log
}

export class DocumentRetention {
  readonly #ports: RetentionPorts
  /** Deleted apps whose documents are still there: their stores could not be asked. */
  readonly #deleted = new Set<string>()

  constructor(ports: RetentionPorts) {
    this.#ports = ports
  }

  /** Removes all of a deleted app; what fails is tried again with the next run. */
  async removeApp(appId: string): Promise<void> {
    this.#deleted.add(appId)
    try {
      await Promise.all(this.#ports.homes.map((home) => removeFrom(home, appId)))
      this.#deleted.delete(appId)
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      this.#ports.log.error('documents_of_app_remain', error, { appId })
    }
  }

  /** @throws Outage */
  async run(): Promise<void> {
    for (const appId of [...this.#deleted]) await this.removeApp(appId)
    for (const app of [...this.#ports.apps()]) {
      const keepMs = app.settings.documentRetentionDays * DAY_MS
      if (keepMs > 0) await this.#prune(app, keepMs)
    }
  }

  async #prune(app: AppRecord, keepMs: number): Promise<void> {
    const { storeOf, spaces, figures, clock } = this.#ports
    const nowMs = clock.nowMs()
    const store = storeOf(app)
    for (const room of [...(spaces.find(app.id)?.documents?.rooms.values() ?? [])]) {
      if (room.userCount > 0) await room.terms.kept?.noteOpen(nowMs, keepMs / 2)
    }
    const of = { appId: app.id, openedBeforeMs: nowMs - keepMs, countMax: PRUNE_COUNT }
    for (let calls = 0; calls < PRUNE_CALLS_MAX; calls++) {
      const count = await store.prune(of)
      figures.pruned += count
      if (count < PRUNE_COUNT) return
    }
  }
}

/** What was on its way there would make its document anew. */
async function removeFrom({ journal, store }: DocumentHome, appId: string): Promise<void> {
  await journal.passed()
  await store.removeApp(appId)
}
