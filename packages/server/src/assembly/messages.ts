/** Puts channels with history together: their hub, what is kept, and what happens to it later. */
import type { Config } from '../config/config.ts'
import type { AppSpace } from '../core/app-space.ts'
import { History, type HistoryRegion } from '../core/history/history.ts'
import { HISTORY_LIMITS } from '../core/history/history-limits.ts'
import { HistoryJournal } from '../core/history/history-journal.ts'
import { Pruning } from '../core/history/pruning.ts'
import type { Hub } from '../core/hub.ts'
import type { KeptLastEvents } from '../core/kept-last-events.ts'
import type { LiveEvents } from '../core/live-events.ts'
import { MessageHub } from '../core/messages/message-hub.ts'
import { ResumeSessions } from '../core/messages/resume-sessions.ts'
import type { Tally } from '../core/tally.ts'
import type { UpkeepTask } from '../core/upkeep.ts'
import type { HistoryMemory } from '../credentials/administration/history-changes.ts'
import type { Broker } from '../ports/broker.ts'
import type { Fanout } from '../ports/fanout.ts'
import type { Log } from '../ports/log.ts'
import type { MetricDefinitions } from '../ports/metrics.ts'
import type { AppRecord } from '../ports/records/app.ts'
import type { RegionDatabase } from '../ports/store.ts'
import type { CredentialCore } from './credential-core.ts'

const SECOND_MS = 1_000
/** A replay may fill no more of an outbox: live messages have to find room behind it. */
const REPLAY_SHARE = 4

export interface MessagePorts {
  readonly hub: Hub
  readonly lastEvents: KeptLastEvents
  readonly pump: Fanout
  readonly broker: Broker
  readonly events: LiveEvents
  readonly tally: Tally
  readonly log: Log
}

export interface MessageCore {
  readonly messages: MessageHub
  readonly history: History
  readonly resumeSessions: ResumeSessions
  /** For the administration. */
  readonly memory: HistoryMemory
  /** Of what was just published to cache channels of an app: when it is durable. @throws Outage */
  readonly settle: (appId: string) => Promise<void> | undefined
  readonly tasks: readonly UpkeepTask[]
  readonly metrics: () => readonly MetricDefinitions[]
}

interface Region extends HistoryRegion {
  readonly journal: HistoryJournal
}

/**
 * Reads how far every app has come; called before the server is ready.
 * @throws Outage
 */
export async function openMessages(
  config: Pick<Config, 'limits'>,
  core: CredentialCore,
  ports: MessagePorts,
): Promise<MessageCore> {
  const { authority, administration } = core
  const { clock, random, store } = administration
  const { hub, lastEvents, log } = ports
  const directory = authority.apps
  const regions = openRegions(store.regions.values(), { clock, log })
  const regionOf = (app: AppRecord) => regionIn(regions, authority.regionOf(app))
  const limits = { ...HISTORY_LIMITS, replayBytesMax: replayBytes(config) }
  const history = new History({ regionOf, clock }, limits)
  const own = { fanout: ports.pump, spaces: hub, history, clock, random }
  const messages = new MessageHub({ ...ports, ...own }, config.limits)
  const reachedMs = (appId: string) => history.reachedMs(appId)
  const resumeSessions = new ResumeSessions({ clock, random, reachedMs })
  const findApp = (appId: string) => directory.findById(appId)?.app
  const spaceOf = (appId: string) => {
    const app = findApp(appId)
    return app && hub.space(app)
  }
  lastEvents.connect({ regionOf: ({ app }: AppSpace) => regionOf(app), spaceOf })
  for (const region of regions.values()) {
    await history.load(region.store)
    await lastEvents.load(region.store, clock.nowMs())
  }
  authority.onChange((change) => {
    if (change.kind !== 'app' || directory.findById(change.appId) !== undefined) return
    const space = hub.find(change.appId)
    if (space !== undefined) messages.forget(space)
    // Which region it was in is not known any more: none of the others has anything of it.
    history.forget(change.appId, regions.values())
  })
  const pruning = new Pruning({ history, findApp })
  return {
    messages,
    history,
    resumeSessions,
    memory: memoryOf(history, findApp),
    settle: (appId) => lastEvents.settle(appId),
    tasks: tasksOf({ messages, resumeSessions, pruning, journals: journalsOf(regions) }),
    metrics: () => [metricsOf(history, journalsOf(regions))],
  }
}

function memoryOf(
  history: History,
  findApp: (appId: string) => AppRecord | undefined,
): HistoryMemory {
  return {
    async settled(appId) {
      const app = findApp(appId)
      return app === undefined || history.regionOf(app).journal.settled()
    },
    endMs: (appId) => Math.max(history.time.nowMs(), history.lastTimestampMs(appId) + 1),
    forget: (of) => history.forgetBefore(of),
  }
}

function tasksOf(of: {
  readonly messages: MessageHub
  readonly resumeSessions: ResumeSessions
  readonly pruning: Pruning
  readonly journals: readonly HistoryJournal[]
}): readonly UpkeepTask[] {
  const { messages, resumeSessions, pruning, journals } = of
  return [
    {
      name: 'messages',
      everyMs: SECOND_MS,
      run: async () => {
        messages.tick()
        resumeSessions.tick()
        for (const journal of journals) journal.tick()
      },
      finish: async () => {
        messages.close()
        for (const journal of journals) await journal.finish()
      },
    },
    {
      name: 'history_retention',
      everyMs: SECOND_MS,
      run: () => pruning.run(),
      // What is too old is found by the next start.
      finish: async () => {},
    },
  ]
}

/** @returns what journals count, of all regions together. */
function metricsOf(history: History, journals: readonly HistoryJournal[]): MetricDefinitions {
  type Field = keyof ReturnType<HistoryJournal['metrics']>
  const sum = (field: Field) => () =>
    journals.reduce((total, journal) => total + journal.metrics()[field], 0)
  const counter = (field: Field, name: string, help: string) =>
    ({ name: `lockgate_history_${name}_total`, help, kind: 'counter', read: sum(field) }) as const
  const gauge = (name: string, help: string, read: () => number) =>
    ({ name: `lockgate_history_${name}`, help, kind: 'gauge', read }) as const
  return {
    plain: [
      counter('writtenCount', 'written', 'Writes of messages and last events that are durable'),
      counter('commitCount', 'commits', 'Commits of messages and last events'),
      counter('refusedCount', 'refused', 'Writes refused because too much waits for the store'),
      counter('outageCount', 'outages', 'Times the store of messages failed'),
      counter('droppedCount', 'dropped', 'Writes left out because the store took them never'),
      gauge('waiting_bytes', 'Messages that wait for the store', sum('waitingBytes')),
      gauge('recent_bytes', 'Memory of recent messages, estimated', () => history.byteCount),
    ],
    labelled: [],
  }
}

function replayBytes({ limits }: Pick<Config, 'limits'>): number {
  const share = Math.floor(limits.outboxBytesMax / REPLAY_SHARE)
  return Math.min(HISTORY_LIMITS.replayBytesMax, share)
}

function openRegions(
  databases: Iterable<RegionDatabase>,
  ports: Pick<ConstructorParameters<typeof HistoryJournal>[0], 'clock' | 'log'>,
): ReadonlyMap<RegionDatabase, Region> {
  return new Map(
    [...databases].map((database) => {
      const store = database.history
      return [database, { store, journal: new HistoryJournal({ ...ports, store }) }]
    }),
  )
}

function journalsOf(regions: ReadonlyMap<RegionDatabase, Region>): readonly HistoryJournal[] {
  return [...regions.values()].map(({ journal }) => journal)
}

function regionIn(regions: ReadonlyMap<RegionDatabase, Region>, database: RegionDatabase): Region {
  const region = regions.get(database)
  if (region === undefined) throw new Error(`the region ${database.region} keeps no messages`)
  return region
}
