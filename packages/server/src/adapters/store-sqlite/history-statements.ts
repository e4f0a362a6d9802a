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
const MOVE_CHANNEL = `UPDATE channels SET last_sequence = ?, last_timestamp_ms = ?,
  oldest_ms = coalesce(oldest_ms, ?) WHERE number = ?`
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

interface AppChange {
  messageCount: number
  byteCount: number
  newestMs: number
}

/** Moves the known tails with it: where it is not committed, they have to be forgotten. */
export function statementsOf(
  portion: readonly HistoryWrite[],
  known: KnownChannels,
): readonly Statement[] {
  const statements: Statement[] = []
  /** With the timestamp of the first message that is added. */
  const moved = new Map<KnownChannel, number | null>()
  const apps = new Map<number, AppChange>()
  const move = (name: ChannelName, sequence: number, timestampMs: number) => {
    const channel = knownOf(known, name)
    const app = apps.get(channel.app) ?? { messageCount: 0, byteCount: 0, newestMs: 0 }
    apps.set(channel.app, app)
    const isNew = sequence > channel.lastSequence && timestampMs > channel.lastTimestampMs
    channel.lastSequence = Math.max(channel.lastSequence, sequence)
    channel.lastTimestampMs = Math.max(channel.lastTimestampMs, timestampMs)
    app.newestMs = Math.max(app.newestMs, timestampMs)
    if (!moved.has(channel)) moved.set(channel, null)
    return { channel, app, isNew }
  }
  const finish = () => {
    for (const [{ lastSequence, lastTimestampMs, number }, oldestMs] of moved)
      statements.push({
        sql: MOVE_CHANNEL,
        parameters: [lastSequence, lastTimestampMs, oldestMs, number],
      })
    for (const [number, { messageCount, byteCount, newestMs }] of apps)
      statements.push({ sql: COUNT, parameters: [messageCount, byteCount, newestMs, number] })
  }
  for (const write of portion) {
    switch (write.kind) {
      case 'message': {
        const { message } = write
        const { channel, app, isNew } = move(message, message.sequence, message.timestampMs)
        if (!isNew) break
        const bytes = storedMessageBytes(message)
        statements.push(addMessage(message, channel, bytes))
        moved.set(channel, moved.get(channel) ?? message.timestampMs)
        app.messageCount++
        app.byteCount += bytes
        break
      }
      case 'advanced':
        move(write, write.sequence, write.timestampMs)
        break
      case 'last_event':
        statements.push(saveLast(write.last))
        break
      case 'last_event_gone':
        statements.push({ sql: REMOVE_LAST, parameters: [write.appId, write.channel] })
        break
      case 'app_removed':
        break // the last one
    }
  }
  finish()
  const last = portion.at(-1)
  if (last?.kind === 'app_removed') {
    known.forgetApp(last.appId)
    statements.push({ sql: REMOVE_APP, parameters: [last.appId] })
    statements.push({ sql: REMOVE_LAST_OF_APP, parameters: [last.appId] })
  }
  return statements
}

function addMessage(message: StoredMessage, channel: KnownChannel, bytes: number): Statement {
  const { timestampMs, sequence, id, publisherId, data } = message
  const numbers = [channel.number, timestampMs, sequence, channel.app, bytes]
  return { sql: ADD_MESSAGE, parameters: [...numbers, id, publisherId, data] }
}

function saveLast({ appId, channel, expiresAtMs, event, data }: StoredLastEvent): Statement {
  const bytes = Buffer.byteLength(event) + Buffer.byteLength(data)
  return { sql: SAVE_LAST, parameters: [appId, channel, expiresAtMs, bytes, event, data] }
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
