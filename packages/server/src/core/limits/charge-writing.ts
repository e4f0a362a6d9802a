/** Writes who and how much into charges that are kept with the app. Pure but for those charges. */
import { utf8Length } from '@lockgate/protocol/bytes'
import type { LimitCharge } from '../../ports/limit-engine.ts'
import type { Source } from '../source.ts'
import type { AppLimits, ChargeSet, Slot } from './charges.ts'

/** Who asks. Kept by a connection, so that asking makes nothing. */
export interface Asker {
  /** As `ownSubject` writes it; undefined: a server, which is nobody's user. */
  readonly user: string | undefined
  /** Likewise, of the connection; undefined for a request. */
  readonly connection: string | undefined
  readonly source: Source
}

export interface PublishedItem {
  readonly channels: readonly { readonly name: string }[]
  /** Text, or bytes as they were published. */
  readonly data: string | Uint8Array
}

export interface Question {
  readonly limits: AppLimits
  readonly asker: Asker
  /** What the scopes `channel`, `endpoint` and `workflow` count by. */
  readonly target: string
  /** Text, or bytes as they were published. */
  readonly data: string | Uint8Array
}

/** Writes subjects and costs of one question into a set. */
export function write({ slots }: ChargeSet, question: Question): void {
  for (const slot of slots) {
    slot.charge.subject = subjectOf(slot, question)
    slot.charge.cost = slot.isBytes ? bytesOf(question.data) : 1
  }
}

/** @returns whose count it is: other apps never share one, and a credential has its own. */
export function subjectOf(
  { scope, holder }: Slot,
  { limits, asker, target }: Omit<Question, 'data'>,
): string {
  switch (scope) {
    case 'channel':
    case 'endpoint':
    case 'workflow':
      return limits.subjectOf(target) + holder
    case 'user':
      return (asker.user ?? '') + holder
    case 'connection':
      return asker.connection ?? ''
    case 'tenant':
      return limits.owner.tenantId + holder
    default:
      return limits.owner.appId + holder
  }
}

/** @returns the charges of one rule for everything that one request publishes. */
export function publishedCharges(
  slot: Slot,
  of: Pick<Question, 'limits' | 'asker'> & { readonly items: readonly PublishedItem[] },
): LimitCharge[] {
  const { rule } = slot.charge
  const { items } = of
  if (slot.scope === 'channel') {
    const costs = new Map<string, number>()
    for (const { name } of items.flatMap(({ channels }) => channels)) {
      costs.set(name, (costs.get(name) ?? 0) + 1)
    }
    return [...costs].map(([target, cost]) => {
      return { rule, subject: subjectOf(slot, { ...of, target }), cost }
    })
  }
  const subject = subjectOf(slot, { ...of, target: '' })
  let cost = 0
  for (const { channels, data } of items) {
    cost += channels.length * (slot.isBytes ? bytesOf(data) : 1)
  }
  return [{ rule, subject, cost: Math.max(1, cost) }]
}

function bytesOf(data: string | Uint8Array): number {
  return Math.max(1, typeof data === 'string' ? utf8Length(data) : data.length)
}
