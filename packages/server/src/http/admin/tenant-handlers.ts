/** The operations on tenants and their members. */
import { ok, refuse } from '@lockgate/protocol/result'
import type { Handlers } from './handlers.ts'
import { byAge, pageOf } from './paging.ts'
import { memberShape, tenantShape } from './shapes.ts'
import { maySee, shownPage } from './visibility.ts'

type TenantName =
  | 'tenants.list'
  | 'tenants.create'
  | 'tenants.get'
  | 'tenants.update'
  | 'tenants.activate'
  | 'tenants.suspend'
  | 'members.list'
  | 'members.add'
  | 'members.update'
  | 'members.remove'

export const tenantHandlers: Pick<Handlers, TenantName> = {
  async 'tenants.list'({ parameters }, { deps, principal }) {
    const tenants = [...deps.authority.tenants.tenants()].map(({ tenant }) => tenant)
    const seen = tenants.filter(({ id }) => maySee(principal, id))
    const order = { list: 'tenants', keyOf: byAge }
    return shownPage(pageOf(seen, parameters, order), tenantShape)
  },
  async 'tenants.create'({ body }, { deps, caller }) {
    const created = await deps.tenantChanges.create(body, caller)
    return created.ok ? ok(tenantShape(created.value)) : created
  },
  async 'tenants.get'({ parameters }, { deps }) {
    const found = deps.authority.tenants.find(parameters.tenantId)
    return found === undefined ? refuse('not_found') : ok(tenantShape(found.tenant))
  },
  async 'tenants.update'({ parameters, body }, { deps, caller }) {
    const updated = await deps.tenantChanges.update({ ...body, ...parameters }, caller)
    return updated.ok ? ok(tenantShape(updated.value)) : updated
  },
  async 'tenants.activate'({ parameters, body }, { deps, caller }) {
    const activated = await deps.tenantChanges.activate({ ...body, ...parameters }, caller)
    return activated.ok ? ok(tenantShape(activated.value)) : activated
  },
  async 'tenants.suspend'({ parameters, body }, { deps, caller }) {
    const suspended = await deps.tenantChanges.suspend({ ...body, ...parameters }, caller)
    if (!suspended.ok) return suspended
    const { tenant, receipt } = suspended.value
    return ok({ tenant: tenantShape(tenant), receipt })
  },
  async 'members.list'({ parameters }, { deps }) {
    const found = deps.authority.tenants.find(parameters.tenantId)
    if (found === undefined) return refuse('not_found')
    const order = { list: 'members', keyOf: byAge }
    return shownPage(pageOf(found.members, parameters, order), memberShape)
  },
  async 'members.add'({ parameters, body }, { deps, caller, principal }) {
    const request = { ...body, ...parameters, callerRole: principal.role }
    const added = await deps.memberChanges.add(request, caller)
    return added.ok ? ok(memberShape(added.value)) : added
  },
  async 'members.update'({ parameters, body }, { deps, caller, principal }) {
    const request = { ...body, ...parameters, callerRole: principal.role }
    const updated = await deps.memberChanges.update(request, caller)
    return updated.ok ? ok(memberShape(updated.value)) : updated
  },
  async 'members.remove'({ parameters }, { deps, caller, principal }) {
    const request = { ...parameters, callerRole: principal.role }
    const removed = await deps.memberChanges.remove(request, caller)
    return removed.ok ? ok(memberShape(removed.value)) : removed
  },
}
