/** Puts connection tokens together over the credential core: minted, let in, refreshed, ended. */
import { affectedConnections } from '../core/affected.ts'
import type { Hub } from '../core/hub.ts'
import { relianceOn } from '../core/reliance.ts'
import type { Source } from '../core/source.ts'
import type { LoadedApp } from '../credentials/app-directory.ts'
import type { AuditEntry } from '../credentials/audit/entry.ts'
import { TokenKeyChanges } from '../credentials/administration/token-key-changes.ts'
import { ConnectionTokens } from '../credentials/connection-tokens/connection-tokens.ts'
import { LineageClosing } from '../credentials/connection-tokens/lineage-closing.ts'
import { LineageNews } from '../credentials/connection-tokens/lineage-news.ts'
import { LineageTable } from '../credentials/connection-tokens/lineage-table.ts'
import {
  type LineageChange,
  LineageWriter,
} from '../credentials/connection-tokens/lineage-writer.ts'
import { REFRESH_SKEW_MS } from '../credentials/connection-tokens/lineage.ts'
import { TokenFigures } from '../credentials/connection-tokens/token-figures.ts'
import { TokenEnding } from '../credentials/connection-tokens/token-ending.ts'
import { reliancesOf } from '../credentials/connection-tokens/token-identity.ts'
import { TokenMinting } from '../credentials/connection-tokens/token-minting.ts'
import { TokenRefreshing } from '../credentials/connection-tokens/token-refreshing.ts'
import { groupBy } from '../credentials/loading.ts'
import { tokenIdOf } from '../credentials/tokens/token-id.ts'
import type { Broker } from '../ports/broker.ts'
import type { Log } from '../ports/log.ts'
import type { MetricDefinitions } from '../ports/metrics.ts'
import type { ConnectionTokenRecord } from '../ports/records/connection-token.ts'
import type { RegionDatabase, Store } from '../ports/store.ts'
import type { CredentialCore } from './credential-core.ts'

/** How many are read at a time at start. */
const LOADED_COUNT = 1_000

export interface ConnectionTokenParts {
  readonly tokens: ConnectionTokens
  readonly table: LineageTable
  readonly minting: TokenMinting
  readonly refreshing: TokenRefreshing
  readonly ending: TokenEnding
  readonly keyChanges: TokenKeyChanges
  metrics(): MetricDefinitions
  /** Forgets what can let nobody in any more, in memory and in the store. */
  sweep(): Promise<void>
  /** At the end: what was bound is written down, and nothing is heard any more. */
  finish(): Promise<void>
}

/**
 * Reads every live lineage; called before the server is ready.
 * @throws Outage
 */
export async function openConnectionTokens(
  core: CredentialCore,
  ports: { readonly broker: Broker; readonly log: Log },
): Promise<ConnectionTokenParts> {
  const { authority, administration, recordDenial, revoker } = core
  const { clock, random, keys, store } = administration
  const { apps, tenants, revocations } = authority
  const closing = new LineageClosing(apps, (...ended) => revoker.endOpenedBy(...ended))
  const table = new LineageTable((record) => closing.ended(record))
  const news = new LineageNews(ports.broker, table)
  const save = (region: string, change: LineageChange) =>
    saveChange(core, authority.regionOf({ region }), change)
  const writer = new LineageWriter({ table, save, tell: (records) => news.tell(records) })
  const tokens = new ConnectionTokens({
    apps,
    tenants,
    revocations,
    table,
    writer,
    clock,
    keys: keys.connectionToken,
    recordDenial,
    onUnwritten: (error) => ports.log.error('token_binding_unwritten', error),
  })
  const closed = () => closing.closed()
  const figures = new TokenFigures()
  const shared = { tokens, table, writer, clock, figures }
  const ending = new TokenEnding({ ...shared, closed })
  const minting = new TokenMinting({ ...shared, random, closed })
  const endReused = async (record: ConnectionTokenRecord, loaded: LoadedApp, source: Source) => {
    const call = { actor: { kind: 'system' as const, id: 'lockgate' }, source, reason: REUSED }
    await ending.revoke(loaded, { id: record.id }, call)
  }
  const refreshing = new TokenRefreshing({ ...shared, recordDenial, endReused })
  const keyChanges = new TokenKeyChanges(administration, {
    table,
    endConnections: () => endConnections(core, table),
  })
  await load(core, table)
  return {
    tokens,
    table,
    minting,
    refreshing,
    ending,
    metrics: () => figures.metrics(table),
    keyChanges,
    async sweep() {
      await sweep(store, table, clock.nowMs())
      await keyChanges.retire()
    },
    async finish() {
      news.close()
      await writer.settled()
    },
  }
}

/** @returns how many were connected by a token, on this node. */
async function endConnections({ authority, revoker }: CredentialCore, table: LineageTable) {
  let closedCount = 0
  for (const { app } of authority.apps.apps()) {
    const own = [...table.ofApp(app.id)].flatMap(({ record }) => reliancesOf(record).slice(0, 1))
    closedCount += await revoker.endOpenedBy(app.id, new Set(own), 'credential_revoked')
  }
  return closedCount
}

const REUSED = 'a password was refreshed twice'

/** @returns how many connections of this node each lineage of an app holds, by its id. */
export function connectionsByToken(hub: Hub, appId: string): (tokenId: string) => number {
  const counts = new Map<string, number>()
  for (const connection of affectedConnections(hub.spaces(), { kind: 'app', appId })) {
    for (const each of connection.openedBy) counts.set(each, (counts.get(each) ?? 0) + 1)
  }
  return (id) => counts.get(relianceOn({ kind: 'token', tokenId: tokenIdOf(appId, id) })) ?? 0
}

async function saveChange(
  { administration: { audit } }: CredentialCore,
  region: RegionDatabase,
  { records, entries }: LineageChange,
): Promise<void> {
  const byTenant = groupBy<AuditEntry, string>(entries, ({ tenantId }) => tenantId)
  await region.transaction(async (transaction) => {
    await transaction.saveConnectionTokens(records)
    for (const rows of byTenant.values()) {
      await audit.recordAll({ code: region.code, transaction }, rows)
    }
  })
}

async function load({ administration }: CredentialCore, table: LineageTable): Promise<void> {
  const { store, clock, keys } = administration
  const unexpiredAtMs = clock.nowMs() - REFRESH_SKEW_MS
  // What is older than every key has ended with the one that signed it.
  const verifiedFromMs = keys.connectionToken.versions[0]?.createdAtMs ?? 0
  for (const region of store.regions.values()) {
    let afterId = ''
    for (;;) {
      const page = { unexpiredAtMs, afterId, countMax: LOADED_COUNT }
      const records = await region.transaction((each) => each.listConnectionTokens(page))
      for (const record of records) {
        if (record.createdAtMs >= verifiedFromMs) table.put(record)
      }
      if (records.length < LOADED_COUNT) break
      afterId = records.at(-1)?.id ?? ''
    }
  }
  table.completed()
}

async function sweep(store: Store, table: LineageTable, nowMs: number): Promise<void> {
  table.sweep(nowMs)
  for (const region of store.regions.values()) {
    await region.transaction((each) => each.sweepConnectionTokens(nowMs - REFRESH_SKEW_MS))
  }
}
