/** The operations on apps. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { ChangedApp } from '../../credentials/administration/app-changes.ts'
import type { Handlers } from './handlers.ts'
import { byAge, pageOf } from './paging.ts'
import { appShape } from './shapes.ts'
import { maySee, shownPage } from './visibility.ts'

type AppOperation =
  | 'apps.list'
  | 'apps.create'
  | 'apps.get'
  | 'apps.update'
  | 'apps.convert'
  | 'apps.enable'
  | 'apps.disable'
  | 'apps.plan'
  | 'apps.delete'

export const appHandlers: Pick<Handlers, AppOperation> = {
  async 'apps.list'({ parameters }, { deps, principal }) {
    const { tenantId } = parameters
    const apps = [...deps.authority.apps.apps()].filter(
      ({ tenant }) =>
        maySee(principal, tenant.id) && (tenantId === undefined || tenant.id === tenantId),
    )
    const order = { list: 'apps', keyOf: ({ app }: (typeof apps)[number]) => byAge(app) }
    return shownPage(pageOf(apps, parameters, order), appShape)
  },
  async 'apps.create'({ body }, { deps, caller, principal }) {
    const tenantId = body.tenantId ?? principal.tenantId
    if (tenantId === undefined) return refuse('input_invalid', 'Name the tenantId.')
    const { type = 'confidential', allowedDomains = [], settings = {} } = body
    const request = { ...body, tenantId, type, allowedDomains, settings }
    const created = await deps.appChanges.create(request, caller)
    if (!created.ok) return created
    const { loaded, ...secrets } = created.value
    return ok({ app: appShape(loaded), clientId: loaded.app.clientId, ...secrets })
  },
  async 'apps.get'({ parameters }, { deps }) {
    const loaded = deps.authority.apps.findById(parameters.appId)
    return loaded === undefined ? refuse('not_found') : ok(appShape(loaded))
  },
  async 'apps.update'({ parameters, body }, { deps, caller }) {
    const updated = await deps.appChanges.update({ ...body, ...parameters }, caller)
    return updated.ok ? ok(appShape(updated.value)) : updated
  },
  async 'apps.convert'({ parameters, body }, { deps, caller }) {
    const converted = await deps.appChanges.convert({ ...body, ...parameters }, caller)
    if (!converted.ok) return converted
    const { loaded, ...rest } = converted.value
    return ok({ app: appShape(loaded), ...rest })
  },
  async 'apps.enable'({ parameters, body }, { deps, caller }) {
    const enabled = await deps.appChanges.enable({ ...body, ...parameters }, caller)
    return enabled.ok ? ok(appShape(enabled.value.loaded)) : enabled
  },
  async 'apps.disable'({ parameters, body }, { deps, caller }) {
    return changedAnswer(await deps.appChanges.disable({ ...body, ...parameters }, caller))
  },
  async 'apps.plan'({ parameters, body }, { deps, caller }) {
    const { plan, state, endsAt, reason } = body
    const endsAtMs = endsAt === undefined ? undefined : Date.parse(endsAt)
    const request = { ...parameters, plan, state, endsAtMs, reason }
    return changedAnswer(await deps.appChanges.assignPlan(request, caller))
  },
  async 'apps.delete'({ parameters, body }, { deps, caller }) {
    return changedAnswer(await deps.appChanges.delete({ ...body, ...parameters }, caller))
  },
}

function changedAnswer(
  changed: Result<ChangedApp, AdminRefusalCode>,
): Result<unknown, AdminRefusalCode> {
  if (!changed.ok) return changed
  const { loaded, receipt } = changed.value
  return ok({ app: appShape(loaded), receipt })
}
