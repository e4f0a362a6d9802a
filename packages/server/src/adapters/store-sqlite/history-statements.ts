/**
 * Writes of the history store as statements. Their texts are fixed, so that the Worker compiles
 * each once. Whether a message is a repetition is decided here: a row costs one insert.
 */
import {
  type HistoryWrite,
  type StoredLastEvent,
  type StoredMessage,
  storedMessageBytes,
} from '../../ports/history-store.ts'
import type { ChannelName, KnownChannel, KnownChannels } from './known-channels.ts'
import type { Statement } from './worker-channel.ts'

/** Our bounds on what is made and sent in one go. */
const PORTION_COUNT_MAX = 2_000
const PORTION_BYTES_MAX = 262_144

const ADD_MESSAGE = 'INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)'
const MOVE_CHANNEL = `UPDATE channels SET last_sequence = ?, last_timestamp_ms = ?
  WHERE number = ?`
/** For itself: it writes an index too. */
const START_KEEPING = 'UPDATE channels SET oldest_ms = ? WHERE number = ? AND oldest_ms IS NULL'
const COUNT = `UPDATE apps SET message_count = message_count + ?, byte_count = byte_count + ?,
  newest_ms = max(newest_ms, ?) WHERE number = ?`
const SAVE_LAST = 'INSERT OR REPLACE INTO last_events VALUES (?, ?, ?, ?, ?, ?)'
const REMOVE_LAST = 'DELETE FROM last_events WHERE app_id = ? AND channel = ?'
const REMOVE_APP = 'UPDATE apps SET app_id = NULL WHERE app_id = ?'
const REMOVE_LAST_OF_APP = 'DELETE FROM last_events WHERE app_id = ?'

/** In pieces of bounded size, in order; the removal of an app is the last of its piece. */
export function* portionsOf(writes: readonly HistoryWrite[]): Generator<HistoryWrite[]> {
  let portion: HistoryWrite[] = []
  let length = 0
  for (const write of writes) {
    portion.push(write)
    length += lengthOf(write)
    const isFull = portion.length >= PORTION_COUNT_MAX || length >= PORTION_BYTES_MAX
    if (!isFull && write.kind !== 'app_removed') continue
    yield portion
    portion = []
    length = 0
  }
  if (portion.length > 0) yield portion
}

/** The channels that have to be known before {@link statementsOf}. */
export function channelsOf(portion: readonly HistoryWrite[]): ChannelName[] {
  return portion.flatMap((write): ChannelName[] => {
    if (write.kind === 'message') return [write.message]
    return write.kind === 'advanced' ? [write] : []
  })
}

/** Moves the known tails with it: where it is not committed, they have to be forgotten. */
export function statementsOf(
  portion: readonly HistoryWrite[],
  known: KnownChannels,
): readonly Statement[] {
  const changes = new Changes(known)
  for (const write of portion) changes.add(write)
  return changes.finish()
}

interface AppChange {
  messageCount: number
  byteCount: number
  newestMs: number
}

/** The statements of one portion. What moves with every message is said once, at the end. */
class Changes {
  readonly #known: KnownChannels
  readonly #statements: Statement[] = []
  readonly #channels = new Set<KnownChannel>()
  readonly #apps = new Map<number, AppChange>()
  #removedApp: string | undefined

  constructor(known: KnownChannels) {
    this.#known = known
  }

  add(write: HistoryWrite): void {
    switch (write.kind) {
      case 'message':
        return this.#keep(write.message)
      case 'advanced': {
        const channel = knownOf(this.#known, write)
        return void this.#move(channel, write)
      }
      case 'last_event':
        return this.#say(SAVE_LAST, lastEventColumns(write.last))
      case 'last_event_gone':
        return this.#say(REMOVE_LAST, [write.appId, write.channel])
      case 'app_removed':
        this.#removedApp = write.appId // the last write of its portion
    }
  }

  finish(): readonly Statement[] {
    for (const { lastSequence, lastTimestampMs, number } of this.#channels)
      this.#say(MOVE_CHANNEL, [lastSequence, lastTimestampMs, number])
    for (const [number, { messageCount, byteCount, newestMs }] of this.#apps)
      this.#say(COUNT, [messageCount, byteCount, newestMs, number])
    if (this.#removedApp !== undefined) {
      this.#known.forgetApp(this.#removedApp)
      this.#say(REMOVE_APP, [this.#removedApp])
      this.#say(REMOVE_LAST_OF_APP, [this.#removedApp])
    }
    return this.#statements
  }

  #keep(message: StoredMessage): void {
    const { sequence, timestampMs, id, publisherId, data } = message
    const channel = knownOf(this.#known, message)
    const isNew = sequence > channel.lastSequence && timestampMs > channel.lastTimestampMs
    const app = this.#move(channel, message)
    if (!isNew) return
    const bytes = storedMessageBytes(message)
    const numbers = [channel.number, timestampMs, sequence, channel.app, bytes]
    this.#say(ADD_MESSAGE, [...numbers, id, publisherId, data])
    app.messageCount++
    app.byteCount += bytes
    if (channel.keptAtPrune === this.#known.pruneCount) return
    channel.keptAtPrune = this.#known.pruneCount
    this.#say(START_KEEPING, [timestampMs, channel.number])
  }

  #move(
    channel: KnownChannel,
    { sequence, timestampMs }: Pick<StoredMessage, 'sequence' | 'timestampMs'>,
  ): AppChange {
    const app = this.#apps.get(channel.app) ?? { messageCount: 0, byteCount: 0, newestMs: 0 }
    this.#apps.set(channel.app, app)
    this.#channels.add(channel)
    channel.lastSequence = Math.max(channel.lastSequence, sequence)
    channel.lastTimestampMs = Math.max(channel.lastTimestampMs, timestampMs)
    app.newestMs = Math.max(app.newestMs, timestampMs)
    return app
  }

  #say(sql: string, parameters: Statement['parameters']): void {
    this.#statements.push({ sql, parameters })
  }
}

function lastEventColumns(last: StoredLastEvent): Statement['parameters'] {
  const { appId, channel, expiresAtMs, event, data } = last
  const bytes = Buffer.byteLength(event) + Buffer.byteLength(data)
  return [appId, channel, expiresAtMs, bytes, event, data]
}

function knownOf(known: KnownChannels, name: ChannelName): KnownChannel {
  const channel = known.find(name)
  if (channel === undefined) throw new Error('a channel was not asked for')
  return channel
}

/** About what it adds to a message to the Worker. */
function lengthOf(write: HistoryWrite): number {
  if (write.kind === 'message') return write.message.data.length
  return write.kind === 'last_event' ? write.last.data.length : 0
}
