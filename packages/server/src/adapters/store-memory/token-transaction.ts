/** Connection tokens of one transaction of a region's database over maps. */
import type {
  ConnectionTokenEnd,
  ConnectionTokenOutcome,
  ConnectionTokenPage,
  ConnectionTokenRecords,
  ConnectionTokenStep,
} from '../../ports/connection-token-records.ts'
import {
  type ConnectionTokenRecord,
  type ConnectionTokenSelector,
  TOKEN_CLIENT_COUNT_MAX,
} from '../../ports/records/connection-token.ts'
import { DeliveryTransaction } from './delivery-transaction.ts'

export class TokenTransaction extends DeliveryTransaction implements ConnectionTokenRecords {
  saveConnectionTokens(tokens: readonly ConnectionTokenRecord[]): Promise<void> {
    return this.run(() => {
      for (const token of tokens)
        this.records.connectionTokens.set(token.id, structuredClone(token))
    })
  }

  findConnectionToken(id: string): Promise<ConnectionTokenRecord | undefined> {
    return this.run(() => structuredClone(this.records.connectionTokens.get(id)))
  }

  listConnectionTokens(page: ConnectionTokenPage): Promise<readonly ConnectionTokenRecord[]> {
    return this.run(() =>
      [...this.records.connectionTokens.values()]
        .filter((token) => isOnPage(token, page))
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, page.countMax)
        .map((token) => structuredClone(token)),
    )
  }

  endConnectionTokens(
    selector: ConnectionTokenSelector,
    end: ConnectionTokenEnd,
  ): Promise<readonly string[]> {
    return this.run(() => {
      const ids: string[] = []
      const isRevoking = 'revokedAtMs' in end
      const atMs = isRevoking ? end.revokedAtMs : end.replacedAtMs
      for (const token of this.records.connectionTokens.values()) {
        const isMarked = isRevoking ? token.revokedAtMs !== undefined : isEnded(token)
        if (isMarked || !isSelected(token, selector)) continue
        if (token.expiresAtMs > atMs && token.endsAtMs > atMs) ids.push(token.id)
        this.records.connectionTokens.set(token.id, { ...token, ...end })
      }
      return ids.sort((a, b) => (a < b ? -1 : 1))
    })
  }

  sweepConnectionTokens(beforeMs: number): Promise<void> {
    return this.run(() => {
      for (const { id, expiresAtMs } of this.records.connectionTokens.values()) {
        if (expiresAtMs < beforeMs) this.records.connectionTokens.delete(id)
      }
    })
  }

  /** Beside the port: the single steps of the database. */
  startConnectionToken(token: ConnectionTokenRecord): Promise<void> {
    return this.run(() => {
      if (this.records.connectionTokens.has(token.id)) this.fail('stale_revision')
      this.records.connectionTokens.set(token.id, structuredClone(token))
    })
  }

  advanceConnectionToken(step: ConnectionTokenStep): Promise<ConnectionTokenOutcome> {
    return this.run(() => {
      const { id, generation, nowMs: refreshedAtMs, expiresAtMs } = step
      const token = this.records.connectionTokens.get(id)
      const mayAdvance =
        token !== undefined &&
        token.generation === generation &&
        !isEnded(token) &&
        token.endsAtMs > refreshedAtMs
      if (!mayAdvance) return { isAdvanced: false, token: structuredClone(token) }
      const after = { ...token, generation: generation + 1, refreshedAtMs, expiresAtMs }
      this.records.connectionTokens.set(id, after)
      return { isAdvanced: true, token: structuredClone(after) }
    })
  }

  bindConnectionTokenClient(id: string, clientId: string): Promise<boolean> {
    return this.run(() => {
      const token = this.records.connectionTokens.get(id)
      if (token === undefined) return false
      const { clientIds } = token
      if (clientIds.includes(clientId)) return true
      if (clientIds.length >= TOKEN_CLIENT_COUNT_MAX) return false
      this.records.connectionTokens.set(id, { ...token, clientIds: [...clientIds, clientId] })
      return true
    })
  }

  protected removeConnectionTokens(ofAppId: string): void {
    for (const { id, appId } of this.records.connectionTokens.values()) {
      if (appId === ofAppId) this.records.connectionTokens.delete(id)
    }
  }
}

function isEnded({ revokedAtMs, replacedAtMs }: ConnectionTokenRecord): boolean {
  return revokedAtMs !== undefined || replacedAtMs !== undefined
}

function isOnPage(token: ConnectionTokenRecord, page: ConnectionTokenPage): boolean {
  const { selector, liveAtMs, unexpiredAtMs, afterId } = page
  if (token.id <= afterId) return false
  if (selector !== undefined && !isSelected(token, selector)) return false
  if (unexpiredAtMs !== undefined && token.expiresAtMs <= unexpiredAtMs) return false
  if (liveAtMs === undefined) return true
  return !isEnded(token) && token.expiresAtMs > liveAtMs && token.endsAtMs > liveAtMs
}

function isSelected(token: ConnectionTokenRecord, selector: ConnectionTokenSelector): boolean {
  const { appId, id, userEmail, integration, provider } = selector
  return (
    token.appId === appId &&
    (id === undefined || token.id === id) &&
    (userEmail === undefined || token.userEmail === userEmail) &&
    (integration === undefined || (token.integration ?? null) === integration) &&
    (provider === undefined || token.provider === provider)
  )
}
