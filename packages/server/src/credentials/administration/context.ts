/** What every administrative change is given: who asks, and what it works with. */
import type { LiveEvents } from '../../core/live-events.ts'
import type { Source } from '../../core/source.ts'
import type { Clock } from '../../ports/clock.ts'
import type { PasswordHash } from '../../ports/password-hash.ts'
import type { Random } from '../../ports/random.ts'
import type { RotationPolicy } from '../../ports/records/credential.ts'
import type { Store } from '../../ports/store.ts'
import type { AuditActor } from '../audit/entry.ts'
import type { AuditTrail } from '../audit/trail.ts'
import type { Authority } from '../authority.ts'
import type { InstallationKeys } from '../installation-keys.ts'
import type { MasterKey } from '../master-key.ts'

/** Who asks for a change; authorized before a change is called. */
export interface Caller {
  readonly actor: AuditActor
  /** The one tenant whose key asks; undefined: the installation does. */
  readonly tenantId: string | undefined
  readonly source: Source
  /** Joins the audit rows of one request. */
  readonly requestId: string
}

export interface AdministrationDeps {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly masterKey: MasterKey
  readonly keys: InstallationKeys
  readonly passwordHash: PasswordHash
  readonly audit: AuditTrail
  readonly authority: Authority
  readonly events: LiveEvents
  /** Of new credentials that ask for none of their own. */
  readonly policy: Pick<RotationPolicy, 'overlapDefaultMs' | 'overlapMaxMs' | 'maxAgeDays'>
}
