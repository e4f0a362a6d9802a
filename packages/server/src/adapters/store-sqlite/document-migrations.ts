/** The schema of a region's file of documents, step by step. It is SQLite's alone. */
import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

export const DOCUMENT_MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001_documents': {
    async up(database: Kysely<unknown>): Promise<void> {
      for (const statement of TABLES) await sql.raw(statement).execute(database)
    },
  },
}

/** Sizes stand before the bytes they are of, so that summing them reads no bytes. */
const TABLES = [
  'CREATE TABLE place (region TEXT NOT NULL PRIMARY KEY, db_code TEXT NOT NULL)',
  `CREATE TABLE documents (
    id INTEGER PRIMARY KEY, app_id TEXT NOT NULL, name TEXT NOT NULL,
    first_number INTEGER NOT NULL, created_at_ms INTEGER NOT NULL, opened_at_ms INTEGER NOT NULL,
    state_bytes INTEGER NOT NULL, state BLOB
  )`,
  'CREATE UNIQUE INDEX documents_by_name ON documents (app_id, name)',
  'CREATE INDEX documents_by_opening ON documents (app_id, opened_at_ms)',
  `CREATE TABLE updates (
    document_id INTEGER NOT NULL, number INTEGER NOT NULL, bytes INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (document_id, number)
  ) WITHOUT ROWID`,
  `CREATE TRIGGER document_removed AFTER DELETE ON documents BEGIN
    DELETE FROM updates WHERE document_id = OLD.id;
  END`,
]
