/** What documents count, over all apps. Labels are ours, never a client's. */
import type { DocumentOutcome } from '../../ports/document-engine.ts'
import type { MetricDefinitions } from '../../ports/metrics.ts'

export class DocumentFigures {
  /** Open now, those in their last seconds included. */
  documents = 0
  seats = 0
  loads = 0
  relays = 0
  awarenessChanges = 0
  compactions = 0
  failedCompactions = 0
  pruned = 0
  /** Documents that ended with an outage under those who had them open. */
  lost = 0
  /** Updates that wait for their turn or for the disk. */
  waitingBytes = 0
  readonly updates = new Map<DocumentOutcome['kind'], number>()

  updated(kind: DocumentOutcome['kind']): void {
    this.updates.set(kind, (this.updates.get(kind) ?? 0) + 1)
  }

  metrics(): MetricDefinitions {
    const counter = (name: string, help: string, read: () => number) =>
      ({ name: `lockgate_documents_${name}_total`, help, kind: 'counter', read }) as const
    const gauge = (name: string, help: string, read: () => number) =>
      ({ name: `lockgate_documents_${name}`, help, kind: 'gauge', read }) as const
    return {
      plain: [
        gauge('active', 'Documents open now', () => this.documents),
        {
          name: 'wiresocket_documents_active',
          help: 'The same, as WireSocket calls it',
          kind: 'gauge',
          read: () => this.documents,
        },
        gauge('users', 'Connections in documents now', () => this.seats),
        gauge('waiting_bytes', 'Updates waiting to be applied or kept', () => this.waitingBytes),
        counter('loads', 'Documents opened by their first user', () => this.loads),
        counter('relays', 'Updates told to the others', () => this.relays),
        counter('awareness', 'Changes of presence told', () => this.awarenessChanges),
        counter('compactions', 'States written in the place of updates', () => this.compactions),
        counter(
          'failed_compactions',
          'States that could not be written; the updates stay',
          () => this.failedCompactions,
        ),
        counter('pruned', 'Documents removed because nobody opened them', () => this.pruned),
        counter('lost', 'Documents ended under their users by an outage', () => this.lost),
      ],
      labelled: [
        {
          name: 'lockgate_documents_updates_total',
          help: 'Updates of clients, by what became of them',
          kind: 'counter',
          label: 'outcome',
          read: () => this.updates,
        },
      ],
    }
  }
}
