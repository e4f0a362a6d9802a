/**
 * Puts together what the routes of the administration need and no other part does.
 */
import { version } from '../package.json'
import { systemClock as clock } from './adapters/system/clock.ts'
import { systemRandom as random } from './adapters/system/random.ts'
import type { openAdministration } from './assembly/administration.ts'
import type { CredentialCore } from './assembly/credential-core.ts'
import type { Watch } from './assembly/watch.ts'
import type { Config } from './config/config.ts'
import type { AdminDeps } from './http/admin/deps.ts'
import { Slots } from './http/admin/slots.ts'
import type { Store } from './ports/store.ts'

/** What the routes of the administration get beside {@link adminDeps}. */
type Told =
  | 'tokens'
  | 'tokenKeyChanges'
  | keyof Watch['shown']
  | 'guard'
  | 'limitBook'
  | 'tally'
  | 'log'
type Later = 'adoption' | 'deliveryChanges' | Told

export function adminDeps(
  config: Config,
  core: CredentialCore,
  store: Store,
): Omit<AdminDeps, keyof ReturnType<typeof openAdministration> | Later> {
  const { authority, changes, revocations, masterKeyChanges, useReport, check, uses } = core
  const { recordDenial, deliveries, keys, audit: trail, ruleBook } = core
  const audit = { keys, trail, slots: new Slots(AUDIT_READ_COUNT_MAX) }
  const { tenants } = authority
  const operators = { tenants, check, clock, uses, control: store.control, recordDenial }
  const rest = { store, authority, changes, revocations, masterKeyChanges, useReport }
  const { regions } = config
  const shown = { clock, random, regions, version }
  const more = { operators, audit, recordDenial, deliveries, ruleBook, ...shown }
  return { ...rest, ...more }
}

/** Our bound on exports and verifications at a time; each reads the whole log. */
const AUDIT_READ_COUNT_MAX = 4
