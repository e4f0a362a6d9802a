/**
 * What nodes tell each other about authority. The bus is treated as hostile: what does not have
 * exactly the expected shape is dropped. Pure.
 */
import { isJsonObject, parseJsonObject } from '@lockgate/protocol/bytes'
import type { NodeReceipt } from './receipt.ts'
import type { RevocationTarget } from './reliance.ts'

export const NODE_TOPIC = 'nodes'

export type NodeMessage =
  | { readonly kind: 'hello'; readonly from: string }
  | {
      readonly kind: 'revoke'
      readonly from: string
      readonly id: string
      readonly target: RevocationTarget
    }
  | {
      readonly kind: 'revoked'
      readonly from: string
      readonly id: string
      readonly receipt: NodeReceipt
    }

const MESSAGE_DEPTH_MAX = 4
/** Our bound on the protocols one receipt names. */
const PROTOCOL_COUNT_MAX = 16

export function encodeNodeMessage(message: NodeMessage): string {
  return JSON.stringify(message)
}

/** @returns undefined for anything another node would not have written. */
export function decodeNodeMessage(payload: string): NodeMessage | undefined {
  const message = parseJsonObject(payload, MESSAGE_DEPTH_MAX)
  if (message === undefined) return undefined
  const { kind, from, id } = message
  if (typeof from !== 'string') return undefined
  if (kind === 'hello') return { kind, from }
  if (typeof id !== 'string') return undefined
  if (kind === 'revoke') {
    const target = readTarget(message['target'])
    return target === undefined ? undefined : { kind, from, id, target }
  }
  if (kind !== 'revoked') return undefined
  const receipt = readReceipt(message['receipt'])
  return receipt === undefined ? undefined : { kind, from, id, receipt }
}

function readTarget(value: unknown): RevocationTarget | undefined {
  if (!isJsonObject(value)) return undefined
  const text = (name: string) => (typeof value[name] === 'string' ? value[name] : undefined)
  const { kind } = value
  const [tokenId, familyId, versionId] = [text('tokenId'), text('familyId'), text('versionId')]
  const [credentialId, appId, userId] = [text('credentialId'), text('appId'), text('userId')]
  const tenantId = text('tenantId')
  if (kind === 'token' && tokenId !== undefined) return { kind, tokenId }
  if (kind === 'family' && familyId !== undefined) return { kind, familyId }
  if (kind === 'version' && versionId !== undefined) return { kind, versionId }
  if (kind === 'credential' && credentialId !== undefined) return { kind, credentialId }
  if (kind === 'user' && appId !== undefined && userId !== undefined) return { kind, appId, userId }
  if (kind === 'app' && appId !== undefined) return { kind, appId }
  if (kind === 'tenant' && tenantId !== undefined) return { kind, tenantId }
  return undefined
}

function readReceipt(value: unknown): NodeReceipt | undefined {
  if (!isJsonObject(value)) return undefined
  const { node, tookMs } = value
  const closed = readCounts(value['closed'])
  const narrowed = readCounts(value['narrowed'])
  if (typeof node !== 'string' || typeof tookMs !== 'number') return undefined
  if (closed === undefined || narrowed === undefined) return undefined
  return { node, tookMs, closed, narrowed }
}

function readCounts(value: unknown): Readonly<Record<string, number>> | undefined {
  if (!isJsonObject(value)) return undefined
  const counts = Object.entries(value)
  if (counts.length > PROTOCOL_COUNT_MAX) return undefined
  const isSound = counts.every(([, count]) => Number.isSafeInteger(count) && Number(count) >= 0)
  return isSound ? (Object.fromEntries(counts) as Record<string, number>) : undefined
}
