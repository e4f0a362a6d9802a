/** Puts what verifies tokens of customers together over the credential core. */
import { CustomerTokens } from '../credentials/customer-tokens/customer-tokens.ts'
import { RemoteKeys } from '../credentials/foreign-keys/remote-keys.ts'
import { SignerSearch } from '../credentials/foreign-keys/signer-search.ts'
import { ClientAssertions } from '../credentials/tokens/client-assertion.ts'
import type { Log } from '../ports/log.ts'
import type { CredentialCore } from './credential-core.ts'

export interface ForeignTokens {
  /** Takes what backends of customers mint. */
  readonly door: CustomerTokens
  /** Takes what OAuth clients sign to say who they are. */
  readonly assertions: ClientAssertions
  /** Key sets that are published elsewhere: one cache for all. */
  readonly remote: RemoteKeys
}

export function createForeignTokens(core: CredentialCore, log: Log): ForeignTokens {
  const { authority, administration, fetcher, recordUse } = core
  const { apps, revocations } = authority
  const { clock } = administration
  const remote = new RemoteKeys({ fetcher, clock, log })
  const signers = new SignerSearch({ remote, clock })
  return {
    remote,
    door: new CustomerTokens({ apps, signers, revocations, clock, recordUse }),
    assertions: new ClientAssertions({ apps, signers, clock, recordUse }),
  }
}
