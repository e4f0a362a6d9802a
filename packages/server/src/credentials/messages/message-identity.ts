/** Who a client of channels with messages is, once its credential holds. */
import type { CredentialLimits } from '../../core/limits/narrowed-limits.ts'
import type { Permissions } from '../../core/permissions.ts'
import type { Reliance } from '../../core/reliance.ts'
import type { AppDirectory } from '../app-directory.ts'
import type { BearerIdentity, KeyIdentity } from '../bearers.ts'
import { identityOfKey, identityOfToken } from '../mqtt/identities.ts'
import type { RuledIdentity } from '../rules/rule-book.ts'
import { permissionsOfScopes } from '../scopes.ts'

export interface MessageIdentity extends RuledIdentity {
  /**
   * Who it is in presence and as a publisher: a claim of its token, or what a server says.
   * Undefined: nobody named it, and it is somebody new on each connection.
   */
  readonly clientId: string | undefined
  /** As they are now: scopes of a key may be changed while it is connected. */
  permissions(): Permissions
  readonly reliances: readonly Reliance[]
  /** Epoch, as it is known now. Undefined: never. */
  expiresAtMs(): number | undefined
  readonly limits: CredentialLimits | undefined
}

/** Rules alone narrow it here: what its credential says of channels is asked as permissions. */
const UNNARROWED = { acl: undefined, mayPublish: true, maySubscribe: true } as const

/** @param clientId as the client calls itself; checked to be allowed. */
export function messageIdentityOfKey(
  proven: KeyIdentity,
  apps: AppDirectory,
  clientId: string | undefined,
): MessageIdentity {
  const { credential, loaded, reliances, limits } = proven
  const asKey = identityOfKey(proven, apps)
  return {
    ...UNNARROWED,
    loaded,
    owner: `credential:${credential.id}`,
    username: '',
    userId: undefined,
    email: undefined,
    claims: undefined,
    integration: undefined,
    ruleSet: undefined,
    clientId,
    permissions: () => {
      const { scopes } = (apps.findCredential(credential.id)?.record ?? credential).attributes
      return permissionsOf(scopes)
    },
    reliances,
    limits,
    expiresAtMs: () => asKey.expiresAtMs(),
  }
}

/** @param token the one that was verified. */
export function messageIdentityOfToken(
  proven: BearerIdentity,
  token: string,
  clientId: string | undefined,
): MessageIdentity {
  const { permissions, userId } = proven
  return {
    ...identityOfToken(proven, token),
    ...UNNARROWED,
    clientId: clientId ?? userId,
    permissions: () => permissions,
  }
}

/** Read once for each list: it is one object as long as it does not change. */
const known = new WeakMap<readonly string[], Permissions>()
const UNSCOPED = permissionsOfScopes(undefined)

function permissionsOf(scopes: readonly string[] | undefined): Permissions {
  if (scopes === undefined) return UNSCOPED
  const before = known.get(scopes)
  if (before !== undefined) return before
  const read = permissionsOfScopes(scopes)
  known.set(scopes, read)
  return read
}
