/** What documents need of the world around them. */
import type { Clock } from '../../ports/clock.ts'
import type { DocumentEngine } from '../../ports/document-engine.ts'
import type { DocumentPins } from '../../ports/document-pins.ts'
import type { DocumentStore } from '../../ports/document-store.ts'
import type { Fanout } from '../../ports/fanout.ts'
import type { Log } from '../../ports/log.ts'
import type { Turns } from '../../ports/turns.ts'
import type { AppSpace } from '../app-space.ts'
import type { Compactor } from './compactor.ts'
import type { DocumentFigures } from './document-figures.ts'
import type { DocumentJournal } from './document-journal.ts'
import type { DocumentRegions } from './regions.ts'

/** Where kept documents of a licence region are; one of each for all of them. */
export interface DocumentHome {
  readonly store: DocumentStore
  readonly journal: DocumentJournal
  readonly compactor: Compactor
}

export interface DocumentPorts {
  readonly engine: DocumentEngine
  readonly pins: DocumentPins
  readonly regions: Pick<DocumentRegions, 'regionOf' | 'urlOf'>
  readonly homeOf: (space: AppSpace) => DocumentHome
  readonly fanout: Fanout
  readonly figures: DocumentFigures
  readonly turns: Turns
  readonly clock: Clock
  readonly log: Log
}
