/**
 * The policies of the data plane (contract WireSocket 8): so many requests of one kind from one
 * address, whoever they are for.
 */
import type { Source } from '../source.ts'
import { limitSubject } from './address-subject.ts'
import type { Guard } from './guard.ts'
import { type LimitRefusal, refuseByLimit } from './limit-refusal.ts'

export type AddressPolicy = 'documents_connect.ip' | 'discovery.ip' | 'usage.ip' | 'health.ip'

/**
 * Charges one request, before anything about it is looked at.
 * @returns undefined where it may go on; else the refusal, which names the whole window as the time
 * to wait: clients of documents try again every 100 ms until they are told so.
 */
export function chargeAddress(
  guard: Pick<Guard, 'charge'>,
  name: AddressPolicy,
  source: () => Source,
): LimitRefusal | undefined {
  const charges = [{ name, subject: limitSubject(source().ip) }]
  const { refused } = guard.charge(charges, { owner: undefined, source })
  if (refused === undefined) return undefined
  return refuseByLimit({ ...refused, resetMs: refused.rule.windowMs })
}
