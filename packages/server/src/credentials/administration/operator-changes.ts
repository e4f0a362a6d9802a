/**
 * Makes and ends operator keys. They are credentials like all others: rotation, readiness and the
 * rest are those of `credential-changes.ts`.
 */
import { type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { Receipt } from '../../core/receipt.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { Role } from '../../ports/records/tenant.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import type { CredentialChanges } from './credential-changes.ts'
import type { IssuedCredential } from './issued.ts'

export interface NewOperator {
  readonly name: string
  readonly role: Role
  /** Undefined: the whole installation. */
  readonly tenantId: string | undefined
  readonly expiresAtMs: number | undefined
}

type Changed<T> = Promise<Result<T, AdminRefusalCode>>

export class OperatorChanges {
  readonly #deps: Pick<AdministrationDeps, 'authority' | 'clock'>
  readonly #changes: CredentialChanges

  constructor(deps: Pick<AdministrationDeps, 'authority' | 'clock'>, changes: CredentialChanges) {
    this.#deps = deps
    this.#changes = changes
  }

  /** The value leaves in this answer and is kept nowhere in clear. */
  async create(request: NewOperator, caller: Caller): Changed<IssuedCredential> {
    const { name, role, tenantId, expiresAtMs } = request
    const { authority, clock } = this.#deps
    if (tenantId !== undefined && authority.tenants.find(tenantId) === undefined) {
      return refuse('not_found')
    }
    if (expiresAtMs !== undefined && expiresAtMs <= clock.nowMs()) {
      return refuse('input_invalid', 'expiresAt has passed already.')
    }
    const kind = 'operator_key' as const
    const attributes = { role }
    const owner = { tenantId, appId: undefined }
    return this.#changes.create({ ...owner, kind, name, attributes, expiresAtMs }, caller)
  }

  /** Ends a key for ever. @returns `last_owner` where nobody could let another one in. */
  async revoke(
    request: { readonly credentialId: string; readonly reason: string },
    caller: Caller,
  ): Changed<{ readonly credential: CredentialRecord; readonly receipt: Receipt }> {
    const found = this.#deps.authority.findCredential(request.credentialId)
    if (found?.kind !== 'operator_key') return refuse('not_found')
    return this.#changes.revoke(request, caller)
  }
}
