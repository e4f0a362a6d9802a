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

/** Our bound: a part of one commit. */
const REVOKED_AT_ONCE = 250

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
    const { closed } = this.#deps
    const { region, id: appId } = loaded.app
    const ids = [...this.#matching(appId, selector)].map(({ record }) => record.id)
    let count = 0
    // Some at a time: others who write in between wait for no more than these.
    for (let at = 0; at < ids.length; at += REVOKED_AT_ONCE) {
      const part = ids.slice(at, at + REVOKED_AT_ONCE)
      const written = await Promise.all(part.map((id) => this.#revokeOne(region, id, call)))
      count += written.filter(Boolean).length
    }
    await closed()
    return count
  }

  /** @returns whether it was not revoked before. */
  async #revokeOne(region: string, id: string, call: EndingCall): Promise<boolean> {
    let isRevoked = false
    await this.#deps.writer.write(region, () => {
      const change = this.#change(id, call)
      isRevoked = change !== undefined
      return change
    })
    if (isRevoked) this.#deps.figures.count('revoked')
    return isRevoked
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
