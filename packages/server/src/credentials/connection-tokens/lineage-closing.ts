/**
 * Closes what is connected by lineages that have ended: on every node, as its table hears of it.
 * Many at once are looked for in one pass over the connections of their app.
 */
import type { RefusalCode } from '../../core/refusals.ts'
import type { Reliance } from '../../core/reliance.ts'
import type { ConnectionTokenRecord } from '../../ports/records/connection-token.ts'
import type { AppDirectory } from '../app-directory.ts'
import { reliancesOf } from './token-identity.ts'

/** Ends every connection of this node that was opened by one of these. */
export type EndConnections = (
  appId: string,
  reliances: ReadonlySet<Reliance>,
  refusal: RefusalCode,
) => Promise<unknown>

type Ending = Extract<RefusalCode, 'credential_revoked' | 'user_terminated'>

export class LineageClosing {
  readonly #apps: AppDirectory
  readonly #end: EndConnections
  /** By app and code, what this turn of the loop has brought. */
  #waiting = new Map<string, Map<Ending, Set<Reliance>>>()
  #running: Promise<void> = Promise.resolve()

  constructor(apps: AppDirectory, end: EndConnections) {
    this.#apps = apps
    this.#end = end
  }

  ended(record: ConnectionTokenRecord): void {
    const refusal = this.#endingOf(record)
    const [own] = reliancesOf(record)
    if (refusal === undefined || own === undefined) return
    const isFirst = this.#waiting.size === 0
    const ofApp = this.#waiting.get(record.appId) ?? new Map<Ending, Set<Reliance>>()
    this.#waiting.set(record.appId, ofApp)
    ofApp.set(refusal, (ofApp.get(refusal) ?? new Set()).add(own))
    if (isFirst) this.#running = this.#running.then(() => this.#close())
  }

  /** Resolves when all that has ended so far is closed on this node. */
  closed(): Promise<void> {
    return this.#running
  }

  /** Undefined: its connections stay until their own end (contract CloudSignal 2.2). */
  #endingOf({ appId, revokedAtMs }: ConnectionTokenRecord): Ending | undefined {
    if (revokedAtMs !== undefined) return 'credential_revoked'
    const settings = this.#apps.findById(appId)?.app.settings
    return settings?.tokenReplaceDisconnects === true ? 'user_terminated' : undefined
  }

  async #close(): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = new Map()
    for (const [appId, endings] of waiting) {
      for (const [refusal, reliances] of endings) await this.#end(appId, reliances, refusal)
    }
  }
}
