/** The operations on operator keys. */
import { ok } from '@lockgate/protocol/result'
import type { Handlers } from './handlers.ts'
import { byAge, pageOf } from './paging.ts'
import { credentialShape, issuedShape } from './shapes.ts'
import { shownPage } from './visibility.ts'

type OperatorOperation = 'operators.list' | 'operators.create' | 'operators.revoke'

export const operatorHandlers: Pick<Handlers, OperatorOperation> = {
  async 'operators.list'({ parameters }, { deps, principal }) {
    const tenantId = parameters.tenantId ?? principal.tenantId
    const seen = deps.authority.tenants
      .operators()
      .filter((record) => tenantId === undefined || record.tenantId === tenantId)
    const page = pageOf(seen, parameters, { list: 'operators', keyOf: byAge })
    const nowMs = deps.clock.nowMs()
    return shownPage(page, (record) => credentialShape(record, nowMs))
  },
  async 'operators.create'({ body }, { deps, caller, principal }) {
    const { name, role, expiresAt } = body
    // A key of one tenant makes keys of that tenant: who may name another was decided before.
    const tenantId = body.tenantId ?? principal.tenantId
    const expiresAtMs = expiresAt === undefined ? undefined : Date.parse(expiresAt)
    const created = await deps.operatorChanges.create({ name, role, tenantId, expiresAtMs }, caller)
    return created.ok ? ok(issuedShape(created.value, deps.clock.nowMs())) : created
  },
  async 'operators.revoke'({ parameters, body }, { deps, caller }) {
    const revoked = await deps.operatorChanges.revoke({ ...body, ...parameters }, caller)
    if (!revoked.ok) return revoked
    const { credential, receipt } = revoked.value
    return ok({ credential: credentialShape(credential, deps.clock.nowMs()), receipt })
  },
}
