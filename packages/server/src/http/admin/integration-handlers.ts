/** The operations on integrations. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { GivenProvider } from '../../credentials/rules/provider-presets.ts'
import type { IntegrationRecord } from '../../ports/records/rule-set.ts'
import type { Handlers } from './handlers.ts'
import { pageOf } from './paging.ts'
import { timeText } from './shapes.ts'
import { shownPage } from './visibility.ts'

type IntegrationOperation =
  | 'integrations.list'
  | 'integrations.get'
  | 'integrations.create'
  | 'integrations.update'
  | 'integrations.enable'
  | 'integrations.disable'
  | 'integrations.remove'

export const integrationHandlers: Pick<Handlers, IntegrationOperation> = {
  async 'integrations.list'({ parameters }, { deps }) {
    const loaded = deps.authority.tenants.find(parameters.tenantId)
    if (loaded === undefined) return refuse('not_found')
    const order = { list: 'integrations', keyOf: ({ name }: IntegrationRecord) => [name] }
    return shownPage(pageOf(loaded.integrations, parameters, order), integrationShape)
  },
  async 'integrations.get'({ parameters }, { deps }) {
    const loaded = deps.authority.tenants.find(parameters.tenantId)
    const found = loaded?.integrations.find(({ name }) => name === parameters.integration)
    return found === undefined ? refuse('not_found') : ok(integrationShape(found))
  },
  async 'integrations.create'({ parameters, body }, { deps, caller }) {
    const { app: appId, provider, ...rest } = body
    const request = { ...parameters, ...rest, appId, provider: provider && given(provider) }
    return shown(await deps.integrationChanges.create(request, caller))
  },
  async 'integrations.update'({ parameters, body }, { deps, caller }) {
    const { app: appId, provider, ...rest } = body
    const terms = { ...rest, appId, provider: provider && given(provider) }
    return shown(await deps.integrationChanges.update({ ...named(parameters), ...terms }, caller))
  },
  async 'integrations.enable'({ parameters, body }, { deps, caller }) {
    return shown(await deps.integrationChanges.enable({ ...named(parameters), ...body }, caller))
  },
  async 'integrations.disable'({ parameters, body }, { deps, caller }) {
    return shown(await deps.integrationChanges.disable({ ...named(parameters), ...body }, caller))
  },
  async 'integrations.remove'({ parameters, body }, { deps, caller }) {
    return shown(await deps.integrationChanges.remove({ ...named(parameters), ...body }, caller))
  },
}

function named({ tenantId, integration }: { tenantId: string; integration: string }) {
  return { tenantId, name: integration }
}

/** On a command line what ends with `Secret` is read from a file; this is a name. */
function given<
  T extends { readonly type: GivenProvider['type']; jwtSecretName?: string | undefined },
>(provider: T) {
  const { jwtSecretName: jwtSecret, ...rest } = provider
  return { ...rest, jwtSecret }
}

function shown(
  changed: Result<IntegrationRecord, AdminRefusalCode>,
): Result<unknown, AdminRefusalCode> {
  return changed.ok ? ok(integrationShape(changed.value)) : changed
}

function integrationShape(record: IntegrationRecord) {
  const { appId: app, provider, createdAtMs, updatedAtMs, ...rest } = record
  const times = { createdAt: timeText(createdAtMs), updatedAt: timeText(updatedAtMs) }
  if (provider === undefined) return { ...rest, app, ...times }
  const { jwtSecret: jwtSecretName, ...terms } = provider
  return { ...rest, app, provider: { ...terms, jwtSecretName }, ...times }
}
