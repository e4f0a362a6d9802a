/** `GET /v2/providers`: whose tokens an organization takes (contract CloudSignal 2.5). Public. */
import { invalid } from './create.ts'
import { type Answered, answered, refused, type ServiceCall } from './deps.ts'
import { NO_ORGANIZATION } from './exchange.ts'

export function answerProviders(call: ServiceCall): Answered {
  const organization = call.query.get('organization_id')
  if (organization === null || organization === '') {
    return refused(invalid('organization_id is missing.'))
  }
  const found = call.deps.tenants.findOrganization(organization)
  if (found === undefined) return refused(NO_ORGANIZATION)
  const main = call.deps.apps.defaultOf(found.tenant.id)
  if (main !== undefined) call.concerns(main.app.id)
  const providers = found.integrations.flatMap(({ name, provider, isEnabled }) => {
    if (provider === undefined || !isEnabled) return []
    // Neither where its keys are nor which secret verifies: an address may hold something private.
    const { type, issuer } = provider
    return [{ provider: type, name, enabled: true, issuer, integration_id: name }]
  })
  return answered({ providers })
}
