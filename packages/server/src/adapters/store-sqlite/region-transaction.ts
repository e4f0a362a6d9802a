/** The reads and writes of one transaction of a region's database. */
import { type CompiledQuery, sql } from 'kysely'
import type { AppRecord } from '../../ports/records/app.ts'
import type { FamilySelector, RefreshFamilyRecord } from '../../ports/records/refresh-family.ts'
import type { RevocationRecord } from '../../ports/records/revocation.ts'
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import { Conflict, type RegionTransaction } from '../../ports/store.ts'
import {
  type FamilyPage,
  familyOf,
  findFamily,
  listFamilies,
  revokeFamilies,
  sweepFamilies,
} from './family-queries.ts'
import { removeDeliveries } from './delivery-queries.ts'
import { region } from './queries.ts'
import { removeTokens } from './token-queries.ts'
import { TokenTransaction } from './token-transaction.ts'
import { SETTINGS_SINCE } from './settings-since.ts'
import type { AppRow, RevocationRow } from './schema.ts'
import {
  endpointOf,
  findEndpoint,
  listEndpoints,
  removeEndpoint,
  removeEndpoints,
  saveEndpoint,
} from './webhook-queries.ts'

export class SqlRegionTransaction extends TokenTransaction implements RegionTransaction {
  findApp(id: string): Promise<AppRecord | undefined> {
    return this.calls.run(async () => {
      const query = region.selectFrom('apps').select('document').where('id', '=', id)
      const [row] = await this.calls.read(query.compile())
      return row && appOf(row)
    })
  }

  listApps(filter: { readonly tenantId?: string } = {}): Promise<readonly AppRecord[]> {
    return this.calls.run(async () => {
      let query = region.selectFrom('apps').select('document')
      if (filter.tenantId !== undefined) query = query.where('tenant_id', '=', filter.tenantId)
      const rows = await this.calls.read(query.orderBy('created_at_ms').orderBy('id').compile())
      return rows.map(appOf)
    })
  }

  saveApp(app: AppRecord): Promise<void> {
    return this.calls.run(async () => {
      const { id, ...values } = rowOfApp(app)
      const query = region
        .insertInto('apps')
        .values({ id, ...values })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
      await this.calls.change([query.compile()])
    })
  }

  removeApp(id: string): Promise<void> {
    return this.calls.run(async () => {
      const credentials = region.selectFrom('credentials').select('id').where('app_id', '=', id)
      await this.calls.change([
        region.deleteFrom('uses').where('credential_id', 'in', credentials).compile(),
        region.deleteFrom('credentials').where('app_id', '=', id).compile(),
        region.deleteFrom('refresh_families').where('app_id', '=', id).compile(),
        removeEndpoints(id),
        region.deleteFrom('webhook_deliveries').where('app_id', '=', id).compile(),
        removeTokens(id),
        region.deleteFrom('apps').where('id', '=', id).compile(),
      ])
    })
  }

  findFamily(id: string): Promise<RefreshFamilyRecord | undefined> {
    return this.calls.run(async () => {
      const [row] = await this.calls.read(findFamily(id))
      return row && familyOf(row)
    })
  }

  listFamilies(page: FamilyPage): Promise<readonly RefreshFamilyRecord[]> {
    return this.calls.run(async () => (await this.calls.read(listFamilies(page))).map(familyOf))
  }

  revokeFamilies(selector: FamilySelector, atMs: number): Promise<number> {
    return this.calls.run(async () => {
      const [aliveCount = 0] = await this.calls.change(revokeFamilies(selector, atMs))
      return aliveCount
    })
  }

  sweepFamilies(beforeMs: number): Promise<void> {
    return this.calls.run(async () => {
      await this.calls.change([sweepFamilies(beforeMs)])
    })
  }

  listRevocations(nowMs: number): Promise<readonly RevocationRecord[]> {
    return this.calls.run(async () => {
      const query = region
        .selectFrom('revocations')
        .selectAll()
        .where('until_ms', '>=', nowMs)
        .orderBy('at_ms')
        .orderBy('reliance')
      return (await this.calls.read(query.compile())).map(revocationOf)
    })
  }

  saveRevocation(revocation: RevocationRecord): Promise<void> {
    return this.calls.run(async () => {
      await this.calls.change([raiseRevocation(revocation)])
    })
  }

  sweepRevocations(beforeMs: number): Promise<void> {
    return this.calls.run(async () => {
      const query = region.deleteFrom('revocations').where('until_ms', '<', beforeMs)
      await this.calls.change([query.compile()])
    })
  }

  findWebhookEndpoint(id: string): Promise<WebhookEndpointRecord | undefined> {
    return this.calls.run(async () => {
      const [row] = await this.calls.read(findEndpoint(id))
      return row && endpointOf(row)
    })
  }

  listWebhookEndpoints(
    filter: { readonly appId?: string } = {},
  ): Promise<readonly WebhookEndpointRecord[]> {
    return this.calls.run(async () => {
      return (await this.calls.read(listEndpoints(filter.appId))).map(endpointOf)
    })
  }

  saveWebhookEndpoint(endpoint: WebhookEndpointRecord): Promise<void> {
    return this.calls.run(async () => {
      const [changeCount] = await this.calls.change([saveEndpoint(endpoint)])
      if (changeCount !== 1) throw new Conflict('stale_revision')
    })
  }

  removeWebhookEndpoint(id: string): Promise<void> {
    return this.calls.run(async () => {
      await this.calls.change([removeDeliveries(id), removeEndpoint(id)])
    })
  }
}

export function rowOfApp(app: AppRecord): AppRow {
  return {
    id: app.id,
    tenant_id: app.tenantId,
    created_at_ms: app.createdAtMs,
    document: JSON.stringify(app),
  }
}

/** Only {@link rowOfApp} writes this column. Absent fields read as undefined. */
function appOf({ document }: Pick<AppRow, 'document'>): AppRecord {
  const app = JSON.parse(document) as AppRecord
  // Rows of versions that had fewer settings.
  return { ...app, settings: { ...SETTINGS_SINCE, ...app.settings } }
}

function raiseRevocation({ reliance, tenantId, atMs, untilMs }: RevocationRecord): CompiledQuery {
  const later = (column: 'at_ms' | 'until_ms') => {
    const [given, kept] = [sql.ref(`excluded.${column}`), sql.ref(`revocations.${column}`)]
    return sql<number>`CASE WHEN ${given} > ${kept} THEN ${given} ELSE ${kept} END`
  }
  return region
    .insertInto('revocations')
    .values({ reliance, tenant_id: tenantId, at_ms: atMs, until_ms: untilMs })
    .onConflict((conflict) =>
      conflict
        .column('reliance')
        .doUpdateSet({ at_ms: later('at_ms'), until_ms: later('until_ms') }),
    )
    .compile()
}

function revocationOf(row: RevocationRow): RevocationRecord {
  const { reliance, tenant_id: tenantId, at_ms: atMs, until_ms: untilMs } = row
  return { reliance, tenantId, atMs, untilMs }
}
