/**
 * May this operator do this there? One function for every operation, denied unless a line allows
 * it. Another tenant's object is not there, so that nobody learns which ids exist.
 */
import type { Operation } from '@lockgate/admin-api/operation'
import {
  INSTALLATION_PERMISSIONS,
  type Permission,
  ROLE_PERMISSIONS,
} from '@lockgate/admin-api/permissions'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { OperatorPrincipal } from '../../credentials/operators.ts'

/** Whose object an operation touches; `none`: only what the caller may see anyway. */
export type Concern =
  | { readonly level: 'none' }
  | { readonly level: 'tenant'; readonly tenantId: string; readonly object?: ObjectKind }
  | { readonly level: 'installation'; readonly object?: ObjectKind }

/** Credentials that let more be done than those of an app. */
export type ObjectKind = 'operator_key' | 'tenant_signing_key'

export function authorizeOperation(
  principal: Pick<OperatorPrincipal, 'role' | 'tenantId'>,
  operation: Pick<Operation, 'permission'>,
  concern: Concern,
): Result<true, AdminRefusalCode> {
  const isOwnKey = principal.tenantId !== undefined
  // What belongs to another tenant, or to the installation, reads the same as what is not there.
  const isBeyond =
    concern.level === 'installation' ||
    (concern.level === 'tenant' && concern.tenantId !== principal.tenantId)
  if (isOwnKey && isBeyond) return refuse('not_found')
  const permission = permissionOn(concern, operation.permission)
  if (!ROLE_PERMISSIONS[principal.role].has(permission)) return refuse('operation_denied')
  // A tenant's own key never reaches beyond it, whatever its role.
  const isTooHigh = isOwnKey && INSTALLATION_PERMISSIONS.has(permission)
  return isTooHigh ? refuse('operation_denied') : ok(true)
}

/**
 * Who could rotate an operator key would hold its new value and with it its role; so operations on
 * credentials ask for more where the credential is worth more.
 */
function permissionOn(concern: Concern, permission: Permission): Permission {
  const object = concern.level === 'none' ? undefined : concern.object
  if (object === undefined) return permission
  return RAISED[object][permission] ?? permission
}

const RAISED: Readonly<Record<ObjectKind, Partial<Record<Permission, Permission>>>> = {
  operator_key: {
    'credentials:read': 'operators:read',
    'credentials:write': 'operators:write',
    'credentials:revoke': 'operators:write',
  },
  tenant_signing_key: {
    'credentials:write': 'tenants:write',
    'credentials:revoke': 'tenants:write',
  },
}
