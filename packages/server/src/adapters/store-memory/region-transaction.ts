/** One transaction of a region's database over maps. */
import type { AppRecord } from '../../ports/records/app.ts'
import type { FamilySelector, RefreshFamilyRecord } from '../../ports/records/refresh-family.ts'
import type { RevocationRecord } from '../../ports/records/revocation.ts'
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import { Conflict, type FamilyStep, type RegionTransaction } from '../../ports/store.ts'
import { oldestFirst } from './records.ts'
import { TokenTransaction } from './token-transaction.ts'

export class MemoryRegionTransaction extends TokenTransaction implements RegionTransaction {
  findApp(id: string): Promise<AppRecord | undefined> {
    return this.run(() => structuredClone(this.records.apps.get(id)))
  }

  listApps({ tenantId }: { readonly tenantId?: string } = {}): Promise<readonly AppRecord[]> {
    return this.run(() => {
      const apps = [...this.records.apps.values()]
      return oldestFirst(
        apps.filter((app) => tenantId === undefined || app.tenantId === tenantId),
        ({ id }) => id,
      )
    })
  }

  saveApp(app: AppRecord): Promise<void> {
    return this.run(() => void this.records.apps.set(app.id, structuredClone(app)))
  }

  async removeApp(id: string): Promise<void> {
    const credentials = await this.listCredentials({ appId: id })
    for (const credential of credentials) await this.removeCredential(credential.id)
    await this.run(() => {
      for (const family of this.records.families.values()) {
        if (family.appId === id) this.records.families.delete(family.id)
      }
      for (const endpoint of this.records.webhookEndpoints.values()) {
        if (endpoint.appId === id) this.records.webhookEndpoints.delete(endpoint.id)
      }
      for (const delivery of this.records.deliveries.values()) {
        if (delivery.appId === id) this.records.deliveries.delete(delivery.id)
      }
      this.removeConnectionTokens(id)
      this.records.apps.delete(id)
    })
  }

  findFamily(id: string): Promise<RefreshFamilyRecord | undefined> {
    return this.run(() => structuredClone(this.records.families.get(id)))
  }

  listFamilies(page: {
    readonly appId: string
    readonly afterId: string
    readonly countMax: number
  }): Promise<readonly RefreshFamilyRecord[]> {
    return this.run(() =>
      [...this.records.families.values()]
        .filter(({ appId, id }) => appId === page.appId && id > page.afterId)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, page.countMax)
        .map((each) => structuredClone(each)),
    )
  }

  revokeFamilies(selector: FamilySelector, atMs: number): Promise<number> {
    return this.run(() => {
      let aliveCount = 0
      for (const family of this.records.families.values()) {
        if (!isSelected(family, selector) || family.revokedAtMs !== undefined) continue
        if (isAlive(family, atMs)) aliveCount++
        this.records.families.set(family.id, { ...family, revokedAtMs: atMs })
      }
      return aliveCount
    })
  }

  sweepFamilies(beforeMs: number): Promise<void> {
    return this.run(() => {
      for (const { id, expiresAtMs, endsAtMs, revokedAtMs } of this.records.families.values()) {
        const ends = [expiresAtMs, endsAtMs, revokedAtMs].filter((each) => each !== undefined)
        if (Math.min(...ends) < beforeMs) this.records.families.delete(id)
      }
    })
  }

  listRevocations(nowMs: number): Promise<readonly RevocationRecord[]> {
    return this.run(() =>
      [...this.records.revocations.values()]
        .filter(({ untilMs }) => untilMs >= nowMs)
        .sort((a, b) => a.atMs - b.atMs || (a.reliance < b.reliance ? -1 : 1))
        .map((each) => structuredClone(each)),
    )
  }

  saveRevocation(revocation: RevocationRecord): Promise<void> {
    return this.run(() => {
      const before = this.records.revocations.get(revocation.reliance)
      const atMs = Math.max(before?.atMs ?? 0, revocation.atMs)
      const untilMs = Math.max(before?.untilMs ?? 0, revocation.untilMs)
      const { tenantId } = before ?? revocation
      this.records.revocations.set(revocation.reliance, { ...revocation, tenantId, atMs, untilMs })
    })
  }

  sweepRevocations(beforeMs: number): Promise<void> {
    return this.run(() => {
      for (const { reliance, untilMs } of this.records.revocations.values()) {
        if (untilMs < beforeMs) this.records.revocations.delete(reliance)
      }
    })
  }

  findWebhookEndpoint(id: string): Promise<WebhookEndpointRecord | undefined> {
    return this.run(() => structuredClone(this.records.webhookEndpoints.get(id)))
  }

  listWebhookEndpoints({
    appId,
  }: {
    readonly appId?: string
  } = {}): Promise<readonly WebhookEndpointRecord[]> {
    return this.run(() => {
      const endpoints = [...this.records.webhookEndpoints.values()]
      return oldestFirst(
        endpoints.filter((endpoint) => appId === undefined || endpoint.appId === appId),
        ({ id }) => id,
      )
    })
  }

  saveWebhookEndpoint(endpoint: WebhookEndpointRecord): Promise<void> {
    return this.run(() => {
      const before = this.records.webhookEndpoints.get(endpoint.id)
      if ((before?.revision ?? 0) !== endpoint.revision - 1) this.fail('stale_revision')
      for (const other of this.records.webhookEndpoints.values()) {
        const isSame = other.appId === endpoint.appId && other.name === endpoint.name
        if (isSame && other.id !== endpoint.id) this.fail('webhook_name')
      }
      this.records.webhookEndpoints.set(endpoint.id, structuredClone(endpoint))
    })
  }

  removeWebhookEndpoint(id: string): Promise<void> {
    return this.run(() => {
      this.records.webhookEndpoints.delete(id)
      for (const delivery of this.records.deliveries.values()) {
        if (delivery.endpointId === id) this.records.deliveries.delete(delivery.id)
      }
    })
  }

  /** Beside the port: the single steps of the database. */
  startFamily(family: RefreshFamilyRecord): Promise<void> {
    return this.run(() => {
      if (this.records.families.has(family.id)) throw new Conflict('stale_revision')
      this.records.families.set(family.id, structuredClone(family))
    })
  }

  advanceFamily(step: FamilyStep) {
    return this.run(() => {
      const family = this.records.families.get(step.id)
      const mayAdvance =
        family !== undefined && family.generation === step.generation && isAlive(family, step.nowMs)
      if (!mayAdvance) return { isAdvanced: false, family: structuredClone(family) }
      const { nowMs: rotatedAtMs, expiresAtMs } = step
      const after = { ...family, generation: step.generation + 1, rotatedAtMs, expiresAtMs }
      this.records.families.set(step.id, after)
      return { isAdvanced: true, family: structuredClone(after) }
    })
  }
}

function isAlive(family: RefreshFamilyRecord, nowMs: number): boolean {
  if (family.revokedAtMs !== undefined || nowMs >= family.expiresAtMs) return false
  return family.endsAtMs === undefined || nowMs < family.endsAtMs
}

function isSelected(family: RefreshFamilyRecord, selector: FamilySelector): boolean {
  switch (selector.by) {
    case 'id':
      return family.id === selector.id
    case 'version':
      return family.versionId === selector.versionId
    case 'app':
      return family.appId === selector.appId
    case 'tenant':
      return family.tenantId === selector.tenantId
    default:
      return selector satisfies never
  }
}
