/** What a revocation reached: proof for whoever asked for it. */
export interface NodeReceipt {
  readonly node: string
  /** By protocol name: connections that were closed, and those narrowed but kept. */
  readonly closed: Readonly<Record<string, number>>
  readonly narrowed: Readonly<Record<string, number>>
  /** From the call to the last close handed to its socket. */
  readonly tookMs: number
}

export interface Receipt {
  readonly nodes: readonly NodeReceipt[]
  readonly closedCount: number
  readonly narrowedCount: number
  /** Refresh families that ended with it. */
  readonly familyCount: number
  readonly tookMs: number
  /** Nodes that did not answer inside the bound; they refuse from their next look at the store. */
  readonly silentNodeCount: number
}
