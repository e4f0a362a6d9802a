/**
 * May this operator do this there? One function for every operation, denied unless a line allows
 * it. Another tenant's object is not there, so that nobody learns which ids exist.
 */
import type { Operation } from '@lockgate/admin-api/operation'
import { INSTALLATION_PERMISSIONS, ROLE_PERMISSIONS } from '@lockgate/admin-api/permissions'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { OperatorPrincipal } from '../../credentials/operators.ts'

/** Whose object an operation touches; `none`: only what the caller may see anyway. */
export type Concern =
  | { readonly level: 'none' }
  | { readonly level: 'tenant'; readonly tenantId: string }
  | { readonly level: 'installation' }

export function authorizeOperation(
  principal: Pick<OperatorPrincipal, 'role' | 'tenantId'>,
  operation: Pick<Operation, 'permission'>,
  concern: Concern,
): Result<true, AdminRefusalCode> {
  const isForeign =
    principal.tenantId !== undefined &&
    concern.level === 'tenant' &&
    concern.tenantId !== principal.tenantId
  if (isForeign) return refuse('not_found')
  if (!ROLE_PERMISSIONS[principal.role].has(operation.permission)) return refuse('operation_denied')
  if (principal.tenantId === undefined) return ok(true)
  // A tenant's own key never reaches beyond it, whatever its role.
  const isOfInstallation =
    concern.level === 'installation' || INSTALLATION_PERMISSIONS.has(operation.permission)
  return isOfInstallation ? refuse('operation_denied') : ok(true)
}
