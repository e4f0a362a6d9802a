/**
 * The schema of a region's session file, step by step. It is SQLite's alone: what it holds is
 * written far more often than anything else, so it has no index that only a rare call needs.
 */
import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

export const SESSION_MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001_sessions': {
    async up(database: Kysely<unknown>): Promise<void> {
      for (const statement of TABLES) await sql.raw(statement).execute(database)
    },
  },
}

/**
 * A delivery holds its message itself, or the number of one that is kept once for many receivers.
 * The triggers count down, whichever statement ends a delivery, and remove a message with its last
 * one. The count has a table of its own: changing it rewrites no payload. No trigger stands on the
 * way in, which every message would pay for.
 */
const TABLES = [
  'CREATE TABLE place (region TEXT NOT NULL PRIMARY KEY, db_code TEXT NOT NULL)',
  `CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY, app_id TEXT NOT NULL, document TEXT NOT NULL
  ) WITHOUT ROWID`,
  'CREATE INDEX sessions_of_app ON sessions (app_id)',
  `CREATE TABLE grants (
    session_id TEXT NOT NULL, filter TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (session_id, filter)
  ) WITHOUT ROWID`,
  `CREATE TABLE taken (
    session_id TEXT NOT NULL, packet_id INTEGER NOT NULL,
    PRIMARY KEY (session_id, packet_id)
  ) WITHOUT ROWID`,
  `CREATE TABLE retained (
    app_id TEXT NOT NULL, topic TEXT NOT NULL, bytes INTEGER NOT NULL,
    head TEXT NOT NULL, payload BLOB NOT NULL,
    PRIMARY KEY (app_id, topic)
  )`,
  'CREATE TABLE messages (number INTEGER PRIMARY KEY, head TEXT NOT NULL, payload BLOB NOT NULL)',
  'CREATE TABLE receivers (message INTEGER PRIMARY KEY, count INTEGER NOT NULL)',
  `CREATE TABLE deliveries (
    session_id TEXT NOT NULL, seq INTEGER NOT NULL,
    qos INTEGER NOT NULL, retain INTEGER NOT NULL, subscription_ids TEXT NOT NULL,
    packet_id INTEGER, is_received INTEGER NOT NULL, bytes INTEGER NOT NULL,
    message INTEGER, head TEXT, payload BLOB,
    PRIMARY KEY (session_id, seq)
  ) WITHOUT ROWID`,
  ...['DELETE', 'UPDATE OF message'].map(
    (event, index) => `
    CREATE TRIGGER message_ended_${index} AFTER ${event} ON deliveries
    WHEN OLD.message IS NOT NULL BEGIN
      UPDATE receivers SET count = count - 1 WHERE message = OLD.message;
      DELETE FROM messages WHERE number = OLD.message
        AND (SELECT count FROM receivers WHERE message = OLD.message) = 0;
      DELETE FROM receivers WHERE message = OLD.message AND count = 0;
    END`,
  ),
]
