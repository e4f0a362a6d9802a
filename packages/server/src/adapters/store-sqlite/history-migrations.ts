/**
 * The schema of a region's history file, step by step. It is SQLite's alone. Messages lie by
 * channel and time, so that a page is one stretch of the file wherever it begins.
 */
import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

export const HISTORY_MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001_history': {
    async up(database: Kysely<unknown>): Promise<void> {
      for (const statement of TABLES) await sql.raw(statement).execute(database)
    },
  },
}

/**
 * Apps and channels have numbers of our own, so that a message repeats no text of theirs. An app
 * without an id was removed: nothing of it is found any more, and it goes in small steps. Counts
 * move with what they count. What is small comes first in a message: it is read without the rest.
 */
const TABLES = [
  'CREATE TABLE place (region TEXT NOT NULL PRIMARY KEY, db_code TEXT NOT NULL)',
  `CREATE TABLE apps (
    number INTEGER PRIMARY KEY, app_id TEXT UNIQUE,
    message_count INTEGER NOT NULL, byte_count INTEGER NOT NULL, newest_ms INTEGER NOT NULL
  )`,
  `CREATE TABLE channels (
    number INTEGER PRIMARY KEY, app INTEGER NOT NULL, name TEXT NOT NULL,
    last_sequence INTEGER NOT NULL, last_timestamp_ms INTEGER NOT NULL, oldest_ms INTEGER,
    UNIQUE (app, name)
  )`,
  'CREATE INDEX channels_that_keep ON channels (app, name) WHERE oldest_ms IS NOT NULL',
  `CREATE TABLE messages (
    channel INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL, sequence INTEGER NOT NULL,
    app INTEGER NOT NULL, bytes INTEGER NOT NULL,
    id TEXT NOT NULL, publisher_id TEXT NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (channel, timestamp_ms)
  ) WITHOUT ROWID`,
  'CREATE INDEX messages_by_age ON messages (app, timestamp_ms)',
  `CREATE TABLE last_events (
    app_id TEXT NOT NULL, channel TEXT NOT NULL, expires_at_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL, event TEXT NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (app_id, channel)
  ) WITHOUT ROWID`,
]
