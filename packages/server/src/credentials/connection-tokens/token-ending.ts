/**
 * Ends lineages before their time, and says which there are. The table on every node follows what
 * is written here, and closes what is connected (`lineage-closing.ts`).
 */
import type { Source } from '../../core/source.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ConnectionTokenSelector } from '../../ports/records/connection-token.ts'
import type { LoadedApp } from '../app-directory.ts'
import type { AuditActor } from '../audit/entry.ts'
import type { Lineage } from './lineage.ts'
import type { LineageTable } from './lineage-table.ts'
import type { LineageWriter } from './lineage-writer.ts'
import type { TokenFigures } from './token-figures.ts'

export interface EndingDeps {
  readonly table: LineageTable
  readonly writer: LineageWriter
  readonly clock: Clock
  readonly figures: TokenFigures
  /** Resolves when the connections of all that has ended are closed on this node. */
  readonly closed: () => Promise<void>
}

export interface EndingCall {
  readonly actor: AuditActor
  readonly source: Source
  readonly reason: string
  readonly keyId?: string | undefined
}

/** What was asked for: all that is given must match; the app always is. */
export type LineageSelector = Omit<ConnectionTokenSelector, 'appId'>

export class TokenEnding {
  readonly #deps: EndingDeps

  constructor(deps: EndingDeps) {
    this.#deps = deps
  }

  /**
   * Revokes what is not revoked yet; an expired one too, as its connections may last a while.
   * @returns how many were, once that is durable and what was connected on this node is closed.
   * @throws Outage: those that were written down are ended, and the same call ends the rest.
   */
  async revoke(loaded: LoadedApp, selector: LineageSelector, call: EndingCall): Promise<number> {
    const { writer, closed, figures } = this.#deps
    const { region, id: appId } = loaded.app
    const ids = [...this.#matching(appId, selector)].map(({ record }) => record.id)
    const written = await Promise.all(
      ids.map(async (id) => {
        let isRevoked = false
        await writer.write(region, () => {
          const change = this.#change(id, call)
          isRevoked = change !== undefined
          return change
        })
        if (isRevoked) figures.count('revoked')
        return isRevoked
      }),
    )
    await closed()
    return written.filter(Boolean).length
  }

  *#matching(appId: string, selector: LineageSelector): Iterable<Lineage> {
    const { table } = this.#deps
    if (selector.id !== undefined) {
      const found = table.find(selector.id)
      if (found?.record.appId === appId && isSelected(found, selector)) yield found
      return
    }
    for (const lineage of table.ofApp(appId)) if (isSelected(lineage, selector)) yield lineage
  }

  #change(id: string, { actor, source, reason, keyId }: EndingCall) {
    const record = this.#deps.table.find(id)?.record
    if (record === undefined || record.revokedAtMs !== undefined) return undefined
    const nowMs = this.#deps.clock.nowMs()
    const { tenantId, appId, userEmail } = record
    const entry = {
      atMs: nowMs,
      tenantId,
      actor,
      source,
      action: 'token.revoked' as const,
      target: { kind: 'connection_token', id, name: userEmail },
      outcome: 'success' as const,
      reason,
      after: { appId, keyId },
    }
    return { records: [{ ...record, revokedAtMs: nowMs }], entries: [entry] }
  }
}

export function isSelected({ record }: Lineage, selector: LineageSelector): boolean {
  const { id, userEmail, integration } = selector
  if (id !== undefined && record.id !== id) return false
  if (userEmail !== undefined && record.userEmail !== userEmail) return false
  return integration === undefined || record.integration === integration
}
