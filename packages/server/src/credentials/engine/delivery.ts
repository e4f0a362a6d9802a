/** A pending version whose value waits to be fetched: until when, and what becomes of it. Pure. */
import type { Delivery, VersionRecord } from '../../ports/records/credential.ts'

/** Whether the value waits, as far as the record says; time may have ended it. */
export function isWaiting({ delivery }: VersionRecord): boolean {
  return delivery !== undefined && delivery.fetchedAtMs === undefined
}

/** @returns when a version that nobody fetched ends; infinite for every other. */
export function waitingEndOf(version: VersionRecord): number {
  const { delivery } = version
  return delivery !== undefined && isWaiting(version) ? delivery.untilMs : Number.POSITIVE_INFINITY
}

/** Without the waiting value; times stay for the record. @returns fields to spread. */
export function withoutValue({ delivery }: VersionRecord): { delivery?: Delivery } {
  return delivery === undefined ? {} : { delivery: { ...delivery, sealed: undefined } }
}
