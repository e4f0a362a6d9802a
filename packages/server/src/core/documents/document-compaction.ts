/** Writes the states of kept documents, each once at a time, and never in the way of updates. */
import type { AppSpace } from '../app-space.ts'
import type { DocumentPorts } from './document-ports.ts'
import type { DocumentRoom } from './document-room.ts'

export class DocumentCompaction {
  readonly #ports: Pick<DocumentPorts, 'homeOf' | 'figures' | 'log'>
  readonly #running = new Map<DocumentRoom, Promise<void>>()

  constructor(ports: Pick<DocumentPorts, 'homeOf' | 'figures' | 'log'>) {
    this.#ports = ports
  }

  runIfDue(room: DocumentRoom, space: AppSpace): void {
    if (room.terms.kept?.isDue === true) void this.run(room, space)
  }

  /**
   * Never rejects: updates that could not be replaced stay, and it is tried again when they grow.
   * @returns when a state stands in the place of all updates there were at some time since.
   */
  run(room: DocumentRoom, space: AppSpace): Promise<void> {
    const running = this.#running.get(room)
    if (running !== undefined) return running
    const run = this.#ports.homeOf(space).compactor.run(async () => {
      await this.#compact(room)
      this.#running.delete(room)
    })
    this.#running.set(room, run)
    return run
  }

  async #compact(room: DocumentRoom): Promise<void> {
    const { figures, log } = this.#ports
    const { kept, pin } = room.terms
    if (kept?.hasUpdates !== true || room.endedAs !== undefined) return
    try {
      if (await kept.compact(() => room.state())) figures.compactions++
    } catch (error) {
      figures.failedCompactions++
      log.error('document_compaction_failed', error, { document: pin.key })
    }
  }
}
