/** Puts documents together: who has them open, where they are kept, and in which region. */
import type { Config } from '../config/config.ts'
import { Compactor } from '../core/documents/compactor.ts'
import { DocumentFigures } from '../core/documents/document-figures.ts'
import { DocumentHub } from '../core/documents/document-hub.ts'
import { DocumentJournal } from '../core/documents/document-journal.ts'
import type { DocumentHome } from '../core/documents/document-ports.ts'
import { DocumentRetention } from '../core/documents/document-retention.ts'
import { parseDocumentRegion } from '../ports/records/document-region.ts'
import { DocumentRegions } from '../core/documents/regions.ts'
import type { Hub } from '../core/hub.ts'
import type { UpkeepTask } from '../core/upkeep.ts'
import type { OpenDocuments } from '../credentials/administration/document-changes.ts'
import type { DocumentEngine } from '../ports/document-engine.ts'
import type { DocumentPins } from '../ports/document-pins.ts'
import type { Fanout } from '../ports/fanout.ts'
import type { Log } from '../ports/log.ts'
import type { MetricDefinitions } from '../ports/metrics.ts'
import type { AppRecord } from '../ports/records/app.ts'
import type { RegionDatabase } from '../ports/store.ts'
import type { Turns } from '../ports/turns.ts'
import type { CredentialCore } from './credential-core.ts'

const TICK_MS = 1_000
const RETENTION_MS = 3_600_000

interface Ports {
  readonly hub: Hub
  readonly engine: DocumentEngine
  readonly pins: DocumentPins
  readonly fanout: Fanout
  readonly turns: Turns
  readonly log: Log
}

export interface DocumentParts {
  readonly documents: DocumentHub
  readonly regions: DocumentRegions
  /** For `/discovery` and `/usage`. */
  readonly plane: {
    readonly locate: DocumentRegions['locate']
    readonly usage: (app: Pick<AppRecord, 'id'>) => {
      /** Of the app, in every protocol. */
      readonly connectionCount: number
      readonly documentCount: number
    }
  }
  /** For the administration. */
  readonly opened: OpenDocuments
  readonly tasks: readonly UpkeepTask[]
  readonly metrics: () => readonly MetricDefinitions[]
}

export function openDocuments(
  config: Pick<Config, 'documents'>,
  core: Pick<CredentialCore, 'authority' | 'administration'>,
  ports: Ports,
): DocumentParts {
  const { hub, engine, pins, turns, log } = ports
  const { authority, administration } = core
  const { clock, store } = administration
  const figures = new DocumentFigures()
  const rows = config.documents.regions.flatMap((row) => parseDocumentRegion(row) ?? [])
  const regions = new DocumentRegions(config.documents.region, rows, { pins })
  const homes = new Map<RegionDatabase, DocumentHome>(
    [...store.regions.values()].map((database) => {
      const { documents } = database
      const journal = new DocumentJournal({ store: documents, clock, turns })
      return [database, { store: documents, journal, compactor: new Compactor() }]
    }),
  )
  const homeOf = (app: AppRecord): DocumentHome => {
    const home = homes.get(authority.regionOf(app))
    if (home === undefined) throw new Error('the region of the app keeps no documents')
    return home
  }
  const documents = new DocumentHub({
    ...{ engine, pins, regions, figures, turns, clock, log, fanout: ports.fanout },
    homeOf: ({ app }) => homeOf(app),
  })
  const retention = new DocumentRetention({
    ...{ spaces: hub, figures, clock, log },
    apps: () => [...authority.apps.apps()].map(({ app }) => app),
    storeOf: (app) => homeOf(app).store,
    homes: [...homes.values()],
  })
  authority.onChange((change) => {
    if (change.kind !== 'app' || authority.apps.findById(change.appId) !== undefined) return
    const space = hub.find(change.appId)
    if (space !== undefined) documents.forget(space)
    void retention.removeApp(change.appId)
  })
  return {
    documents,
    regions,
    plane: {
      locate: regions.locate.bind(regions),
      usage({ id }) {
        const space = hub.find(id)
        return {
          connectionCount: space?.connections.size ?? 0,
          documentCount: space?.documents?.rooms.size ?? 0,
        }
      },
    },
    opened: {
      isOpen(app, name) {
        const space = hub.find(app.id)
        return space !== undefined && documents.isOpen(space, name)
      },
      remove: (app, name) => documents.remove(hub.space(app), name),
    },
    tasks: tasksOf({ documents, retention, engine, homes: [...homes.values()] }),
    metrics: () => [figures.metrics()],
  }
}

function tasksOf(parts: {
  readonly documents: DocumentHub
  readonly retention: DocumentRetention
  readonly engine: DocumentEngine
  readonly homes: readonly DocumentHome[]
}): readonly UpkeepTask[] {
  const { documents, retention, engine, homes } = parts
  return [
    {
      name: 'documents',
      everyMs: TICK_MS,
      run: () => documents.tick(),
      async finish() {
        await documents.finish()
        await Promise.all(homes.map(({ compactor }) => compactor.settled()))
        await engine.stop()
      },
    },
    {
      name: 'document_retention',
      everyMs: RETENTION_MS,
      run: () => retention.run(),
      // What is too old stays that: the next start removes it.
      finish: async () => {},
    },
  ]
}
