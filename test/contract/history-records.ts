/** Records for tests of the history store. */
import type {
  HistoryPage,
  HistoryQuery,
  HistoryStore,
  HistoryWrite,
  StoredLastEvent,
  StoredMessage,
} from '../../packages/server/src/ports/history-store.ts'

export const APP = 'app-1'
export const CHANNEL = 'rooms:1'

/** The message of a channel whose nth message came at the nth second. */
export function kept(sequence: number, changes: Partial<StoredMessage> = {}): StoredMessage {
  return {
    appId: APP,
    channel: CHANNEL,
    id: `id-${sequence}`,
    data: JSON.stringify({ text: `message ${sequence}` }),
    publisherId: 'client-1',
    timestampMs: sequence * 1_000,
    sequence,
    ...changes,
  }
}

export function added(sequence: number, changes: Partial<StoredMessage> = {}): HistoryWrite {
  return { kind: 'message', message: kept(sequence, changes) }
}

/** The messages `first` to `last` of one channel. */
export function addedFrom(
  first: number,
  last: number,
  changes: Partial<StoredMessage> = {},
): HistoryWrite[] {
  return Array.from({ length: last - first + 1 }, (_, at) => added(first + at, changes))
}

export function advanced(channel: string, sequence: number, timestampMs: number): HistoryWrite {
  return { kind: 'advanced', appId: APP, channel, sequence, timestampMs }
}

export function lastEventOf(changes: Partial<StoredLastEvent> = {}): StoredLastEvent {
  const base = { appId: APP, channel: 'cache-1', event: 'changed', data: '{"a":1}' }
  return { ...base, expiresAtMs: 5_000, ...changes }
}

export function lastEvent(changes: Partial<StoredLastEvent> = {}): HistoryWrite {
  return { kind: 'last_event', last: lastEventOf(changes) }
}

export function queryOf(changes: Partial<HistoryQuery> = {}): HistoryQuery {
  return {
    appId: APP,
    channel: CHANNEL,
    direction: 'forward',
    beforeMs: undefined,
    afterMs: undefined,
    countMax: 1_000,
    byteCountMax: 1_000_000,
    ...changes,
  }
}

export const pruneOf = (changes: Partial<Parameters<HistoryStore['prune']>[0]> = {}) => {
  return { appId: APP, channel: undefined, beforeMs: undefined, countMax: 1_000, ...changes }
}

export function sequencesOf({ messages }: HistoryPage): number[] {
  return messages.map(({ sequence }) => sequence)
}

/** All messages of a channel, page by page, each from the last message of the one before. */
export async function readAll(
  store: HistoryStore,
  changes: Partial<HistoryQuery> = {},
): Promise<readonly StoredMessage[]> {
  const all: StoredMessage[] = []
  let query = queryOf(changes)
  for (;;) {
    const page = await store.page(query)
    if (page.messages.length > query.countMax) throw new Error('a page has more than was asked for')
    all.push(...page.messages)
    const last = page.messages.at(-1)?.timestampMs
    if (!page.hasMore) return all
    if (last === undefined) throw new Error('an empty page says that there is more')
    query = {
      ...query,
      ...(query.direction === 'forward' ? { afterMs: last } : { beforeMs: last }),
    }
  }
}
