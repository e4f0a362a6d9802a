/**
 * Makes a revocation reach live connections, here and on every other node, and says what it
 * reached. The directories are changed before: whoever comes back finds the door closed.
 */
import type { Broker } from '../ports/broker.ts'
import type { Clock } from '../ports/clock.ts'
import type { Closings } from '../ports/closings.ts'
import { affectedConnections } from './affected.ts'
import type { Connection } from './connection.ts'
import type { Hub } from './hub.ts'
import type { NodeReceipt, Receipt } from './receipt.ts'
import type { RefusalCode } from './refusals.ts'
import { type Reliance, relianceOn, type RevocationTarget } from './reliance.ts'
import {
  decodeNodeMessage,
  encodeNodeMessage,
  NODE_TOPIC,
  type NodeMessage,
} from './node-messages.ts'

/** Closes that make clients come back at once are spread over this much (decision 17). */
export const SPREAD_MS = 120
/** How long other nodes have to answer (decision 17: a second across a cluster). */
export const ANSWER_MS_MAX = 1_000
/** A node that was not heard for this long is not waited for. */
const NODE_SILENT_MS = 30_000
const HELLO_EVERY_MS = 10_000
/** Our bound on revocations that wait for answers at one time. */
const WAITING_COUNT_MAX = 1_000

export interface RevokerPorts {
  readonly hub: Hub
  readonly broker: Broker
  readonly clock: Clock
  readonly closings: Closings
  /** Fresh and unique for each start. */
  readonly nodeId: string
}

interface Waiting {
  readonly missing: Set<string>
  readonly receipts: NodeReceipt[]
  readonly finish: () => void
  readonly deadlineMs: number
}

export class Revoker {
  readonly #ports: RevokerPorts
  /** Other nodes and when each was last heard. */
  readonly #nodes = new Map<string, number>()
  readonly #waiting = new Map<string, Waiting>()
  readonly #stopListening: () => void
  #nextId = 1
  #helloAtMs = 0

  constructor(ports: RevokerPorts) {
    this.#ports = ports
    this.#stopListening = ports.broker.subscribe(NODE_TOPIC, (payload) => this.#receive(payload))
  }

  /**
   * Ends everything that rests on `target`. @returns after the last close here, and the answers.
   */
  async revoke(target: RevocationTarget): Promise<Omit<Receipt, 'familyCount'>> {
    const startMs = this.#ports.clock.monotonicMs()
    const others = this.#askOthers(target)
    const own = await this.#carryOut(target)
    const { receipts, silentNodeCount } = await others
    const nodes = [own, ...receipts]
    return {
      nodes,
      closedCount: sum(nodes.map(({ closed }) => closed)),
      narrowedCount: sum(nodes.map(({ narrowed }) => narrowed)),
      tookMs: Math.ceil(this.#ports.clock.monotonicMs() - startMs),
      silentNodeCount,
    }
  }

  /** Ends what rests on `target` on this node only: for changes every node decides by its clock. */
  async revokeHere(target: RevocationTarget): Promise<NodeReceipt> {
    return this.#carryOut(target)
  }

  /**
   * Ends every connection of an app on this node that was opened by one of `reliances`: one pass,
   * however many they are. @returns how many ended, after the last close.
   */
  async endOpenedBy(
    appId: string,
    reliances: ReadonlySet<Reliance>,
    refusal: RefusalCode,
  ): Promise<number> {
    const { hub, closings, clock } = this.#ports
    for (const each of reliances) hub.ended.add(each, clock.monotonicMs())
    const connections = [...hub.spaces()]
      .filter((space) => space.app.id === appId)
      .flatMap((space) => [...space.connections.values()])
      .filter(({ openedBy }) => openedBy.some((each) => reliances.has(each)))
    let count = 0
    const end = (connection: Connection) => {
      if (connection.end(refusal)) count++
    }
    await closings.endAll(connections, end, connections.length > 1 ? SPREAD_MS : 0)
    return count
  }

  /** Called about once a second: tells others that this node is there, and gives up on silence. */
  tick(): void {
    const nowMs = this.#ports.clock.monotonicMs()
    if (nowMs >= this.#helloAtMs) {
      this.#helloAtMs = nowMs + HELLO_EVERY_MS
      this.#send({ kind: 'hello', from: this.#ports.nodeId })
    }
    for (const [node, heardAtMs] of this.#nodes) {
      if (nowMs - heardAtMs > NODE_SILENT_MS) this.#nodes.delete(node)
    }
    for (const waiting of this.#waiting.values()) {
      if (nowMs >= waiting.deadlineMs) waiting.finish()
    }
  }

  close(): void {
    this.#stopListening()
    for (const waiting of [...this.#waiting.values()]) waiting.finish()
  }

  async #carryOut(target: RevocationTarget): Promise<NodeReceipt> {
    const { hub, clock, closings, nodeId } = this.#ports
    const startMs = clock.monotonicMs()
    hub.ended.add(relianceOn(target), startMs)
    const connections = affectedConnections(hub.spaces(), target)
    const refusal = refusalFor(target)
    const closed: Record<string, number> = {}
    const end = (connection: Connection) => {
      if (!connection.end(refusal)) return
      const { protocol } = connection
      closed[protocol] = (closed[protocol] ?? 0) + 1
    }
    const spreadMs = refusal === 'credential_revoked' && connections.length > 1 ? SPREAD_MS : 0
    await closings.endAll(connections, end, spreadMs)
    const tookMs = Math.ceil(clock.monotonicMs() - startMs)
    return { node: nodeId, closed, narrowed: {}, tookMs }
  }

  async #askOthers(
    target: RevocationTarget,
  ): Promise<{ receipts: readonly NodeReceipt[]; silentNodeCount: number }> {
    const { nodeId, clock } = this.#ports
    const id = `${nodeId}.${this.#nextId++}`
    const missing = new Set(this.#nodes.keys())
    this.#send({ kind: 'revoke', from: nodeId, id, target })
    if (missing.size === 0) return { receipts: [], silentNodeCount: 0 }
    if (this.#waiting.size >= WAITING_COUNT_MAX) {
      return { receipts: [], silentNodeCount: missing.size }
    }
    const receipts: NodeReceipt[] = []
    await new Promise<void>((finish) => {
      const deadlineMs = clock.monotonicMs() + ANSWER_MS_MAX
      this.#waiting.set(id, { missing, receipts, finish, deadlineMs })
    })
    this.#waiting.delete(id)
    return { receipts, silentNodeCount: missing.size }
  }

  #receive(payload: string): void {
    const message = decodeNodeMessage(payload)
    if (message === undefined || message.from === this.#ports.nodeId) return
    const isNew = !this.#nodes.has(message.from)
    this.#nodes.set(message.from, this.#ports.clock.monotonicMs())
    switch (message.kind) {
      case 'hello':
        if (isNew) this.#send({ kind: 'hello', from: this.#ports.nodeId })
        return
      case 'revoke':
        void this.#answer(message.id, message.target)
        return
      case 'revoked': {
        const waiting = this.#waiting.get(message.id)
        if (waiting === undefined || !waiting.missing.delete(message.from)) return
        waiting.receipts.push(message.receipt)
        if (waiting.missing.size === 0) waiting.finish()
        return
      }
      default:
        message satisfies never
    }
  }

  async #answer(id: string, target: RevocationTarget): Promise<void> {
    const receipt = await this.#carryOut(target)
    this.#send({ kind: 'revoked', from: this.#ports.nodeId, id, receipt })
  }

  #send(message: NodeMessage): void {
    this.#ports.broker.publish(NODE_TOPIC, encodeNodeMessage(message))
  }
}

/**
 * Clients whose app key still lives may come back and authorize anew; the others shall not
 * (decision 17).
 */
function refusalFor(target: RevocationTarget): RefusalCode {
  switch (target.kind) {
    case 'version':
    case 'token':
    case 'family':
      return 'credential_revoked'
    case 'credential':
    case 'user':
    case 'app':
    case 'tenant':
      return 'authority_revoked'
    default:
      return target satisfies never
  }
}

function sum(counts: readonly Readonly<Record<string, number>>[]): number {
  return counts.flatMap((each) => Object.values(each)).reduce((total, count) => total + count, 0)
}
