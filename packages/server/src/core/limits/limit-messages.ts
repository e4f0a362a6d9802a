/**
 * What nodes tell each other about limits: what was used since the last time, never a verdict. The
 * bus is treated as hostile: what does not have exactly the expected shape is dropped. Pure.
 */
import { parseJsonObject } from '@lockgate/protocol/bytes'
import type { LimitCharge } from '../../ports/limit-engine.ts'
import { isConcurrent, isLimitName } from './limit-names.ts'
import { LIMIT_QUOTA_MAX, LIMIT_WINDOW_MS_MAX } from './limit-text.ts'

export const LIMIT_TOPIC = 'limits'

/** Our bounds. With the longest subjects a full message still fits the broker. */
export const USES_PER_MESSAGE_MAX = 400
/** As of the engines: a subject that was cut would be another one on the other nodes. */
export const SUBJECT_UNITS_MAX = 400
const NODE_ID_UNITS_MAX = 64
const MESSAGE_DEPTH_MAX = 3

/** What a rule's subject used on one node since it last said so. */
export type LimitUse = Pick<LimitCharge, 'subject' | 'cost'> & {
  readonly rule: Pick<LimitCharge['rule'], 'name' | 'quota' | 'windowMs'>
}

export type LimitMessage =
  /** Also without uses: the node is there. */
  | { readonly kind: 'uses'; readonly from: string; readonly uses: readonly LimitUse[] }
  | {
      readonly kind: 'reset'
      readonly from: string
      readonly name: string
      readonly subject: string
    }
  /** The node leaves, nobody needs to wait for it. */
  | { readonly kind: 'bye'; readonly from: string }

export function encodeLimitMessage(message: LimitMessage): string {
  if (message.kind !== 'uses') return JSON.stringify(message)
  const uses = message.uses.map(({ rule: { name, quota, windowMs }, subject, cost }) => [
    name,
    quota,
    windowMs,
    subject,
    cost,
  ])
  return JSON.stringify({ ...message, uses })
}

/** @returns undefined for anything another node would not have written. */
export function decodeLimitMessage(payload: string): LimitMessage | undefined {
  const message = parseJsonObject(payload, MESSAGE_DEPTH_MAX)
  if (message === undefined) return undefined
  const { kind, from, name, subject } = message
  if (typeof from !== 'string' || from === '' || from.length > NODE_ID_UNITS_MAX) return undefined
  if (kind === 'bye') return { kind, from }
  if (kind === 'reset') {
    return isWindowLimit(name) && isSubject(subject) ? { kind, from, name, subject } : undefined
  }
  if (kind !== 'uses') return undefined
  const uses = readUses(message['uses'])
  return uses === undefined ? undefined : { kind, from, uses }
}

function readUses(value: unknown): LimitUse[] | undefined {
  if (!Array.isArray(value) || value.length > USES_PER_MESSAGE_MAX) return undefined
  const uses: LimitUse[] = []
  for (const each of value as unknown[]) {
    if (!Array.isArray(each) || each.length !== 5) return undefined
    const [name, quota, windowMs, subject, cost] = each as unknown[]
    if (!isWindowLimit(name) || !isSubject(subject)) return undefined
    if (!isWithin(quota, 0, LIMIT_QUOTA_MAX) || !isWithin(cost, 1, LIMIT_QUOTA_MAX))
      return undefined
    if (!isWithin(windowMs, 1, LIMIT_WINDOW_MS_MAX)) return undefined
    uses.push({ rule: { name, quota, windowMs }, subject, cost })
  }
  return uses
}

function isWindowLimit(value: unknown): value is string {
  return typeof value === 'string' && isLimitName(value) && !isConcurrent(value)
}

function isSubject(value: unknown): value is string {
  return typeof value === 'string' && value.length <= SUBJECT_UNITS_MAX
}

function isWithin(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max
}
