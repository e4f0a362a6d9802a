/**
 * Deletes of a history file in small steps, so that messages that are published meanwhile wait for
 * one step at most. Counts and the oldest of each channel move with them.
 */
import type { HistoryStore } from '../../ports/history-store.ts'
import type { Group } from './group.ts'
import type { Statement } from './worker-channel.ts'

/** Our bound on the rows of one step. */
export const PRUNE_STEP_COUNT = 256

const OF_CHANNEL = `DELETE FROM messages
  WHERE channel = (SELECT channels.number FROM apps
    JOIN channels ON channels.app = apps.number AND channels.name = ?2 WHERE apps.app_id = ?1)
  AND timestamp_ms IN (
    SELECT timestamp_ms FROM messages
    WHERE channel = (SELECT channels.number FROM apps
      JOIN channels ON channels.app = apps.number AND channels.name = ?2 WHERE apps.app_id = ?1)
    AND timestamp_ms < ?3 ORDER BY timestamp_ms LIMIT ?4
  ) RETURNING channel, bytes`
const OF_APP = `DELETE FROM messages WHERE (channel, timestamp_ms) IN (
    SELECT channel, timestamp_ms FROM messages INDEXED BY messages_by_age
    WHERE app = (SELECT number FROM apps WHERE app_id = ?1) AND timestamp_ms < ?2
    ORDER BY timestamp_ms LIMIT ?3
  ) RETURNING channel, bytes`
const MOVE_OLDEST = `UPDATE channels
  SET oldest_ms = (SELECT min(timestamp_ms) FROM messages WHERE channel = channels.number)
  WHERE number IN (SELECT value FROM json_each(?))`
const UNCOUNT = `UPDATE apps SET message_count = message_count - ?, byte_count = byte_count - ?
  WHERE app_id = ?`

/** One step. @returns how many it deleted; fewer than were asked for: there are no more. */
export async function pruneStep(
  group: Group,
  of: Parameters<HistoryStore['prune']>[0],
): Promise<number> {
  const before = of.beforeMs ?? Number.MAX_SAFE_INTEGER
  const statement: Statement =
    of.channel === undefined
      ? { sql: OF_APP, parameters: [of.appId, before, of.countMax] }
      : { sql: OF_CHANNEL, parameters: [of.appId, of.channel, before, of.countMax] }
  const [answer] = await group.run([statement])
  const rows = answer?.rows ?? []
  if (rows.length === 0) return 0
  const channels = [...new Set(rows.map((row) => row['channel']))]
  const byteCount = rows.reduce((sum, row) => sum + Number(row['bytes']), 0)
  await group.run([
    { sql: MOVE_OLDEST, parameters: [JSON.stringify(channels)] },
    { sql: UNCOUNT, parameters: [rows.length, byteCount, of.appId] },
  ])
  return rows.length
}

const REMOVED_APP: Statement = {
  sql: 'SELECT number FROM apps WHERE app_id IS NULL LIMIT 1',
  parameters: [],
}
const SWEEP_MESSAGES = `DELETE FROM messages WHERE (channel, timestamp_ms) IN (
    SELECT channel, timestamp_ms FROM messages INDEXED BY messages_by_age
    WHERE app = ? ORDER BY timestamp_ms LIMIT ?
  )`
const SWEEP_CHANNELS = `DELETE FROM channels WHERE number IN (
    SELECT number FROM channels WHERE app = ?1
    AND NOT EXISTS (SELECT 1 FROM messages WHERE app = ?1) LIMIT ?2
  )`
const SWEEP_APP = `DELETE FROM apps WHERE number = ?1
  AND NOT EXISTS (SELECT 1 FROM channels WHERE app = ?1)
  AND NOT EXISTS (SELECT 1 FROM messages WHERE app = ?1)`

/** One step of what is left of removed apps. @returns whether there may be more. */
export async function sweepStep(group: Group): Promise<boolean> {
  const [found] = await group.run([REMOVED_APP])
  const number = found?.rows[0]?.['number']
  if (number === undefined) return false
  await group.run([
    { sql: SWEEP_MESSAGES, parameters: [number, PRUNE_STEP_COUNT] },
    { sql: SWEEP_CHANNELS, parameters: [number, PRUNE_STEP_COUNT] },
    { sql: SWEEP_APP, parameters: [number] },
  ])
  return true
}
