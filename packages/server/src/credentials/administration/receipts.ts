/** Adds receipts up: one change can end several things. Pure. */
import type { NodeReceipt, Receipt } from '../../core/receipt.ts'

export const EMPTY_RECEIPT: Receipt = {
  nodes: [],
  closedCount: 0,
  narrowedCount: 0,
  familyCount: 0,
  tookMs: 0,
  silentNodeCount: 0,
}

/** @returns one receipt with a line for each node. */
export function addReceipts(first: Receipt, second: Receipt): Receipt {
  const nodes = new Map<string, NodeReceipt>()
  for (const each of [...first.nodes, ...second.nodes]) {
    const known = nodes.get(each.node)
    nodes.set(each.node, known === undefined ? each : addNodes(known, each))
  }
  return {
    nodes: [...nodes.values()],
    closedCount: first.closedCount + second.closedCount,
    narrowedCount: first.narrowedCount + second.narrowedCount,
    familyCount: first.familyCount + second.familyCount,
    tookMs: first.tookMs + second.tookMs,
    silentNodeCount: Math.max(first.silentNodeCount, second.silentNodeCount),
  }
}

function addNodes(first: NodeReceipt, second: NodeReceipt): NodeReceipt {
  return {
    node: first.node,
    closed: addCounts(first.closed, second.closed),
    narrowed: addCounts(first.narrowed, second.narrowed),
    tookMs: first.tookMs + second.tookMs,
  }
}

type Counts = Readonly<Record<string, number>>

function addCounts(first: Counts, second: Counts): Counts {
  const sums: Record<string, number> = { ...first }
  for (const [name, count] of Object.entries(second)) sums[name] = (sums[name] ?? 0) + count
  return sums
}
