/** The operations on webhook endpoints. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import type { AdminDeps } from './deps.ts'
import type { Handlers } from './handlers.ts'
import { byAge, pageOf } from './paging.ts'
import { issuedShape } from './shapes.ts'
import { shownPage } from './visibility.ts'
import { webhookShape } from './webhook-shape.ts'

type WebhookOperation =
  | 'webhooks.list'
  | 'webhooks.create'
  | 'webhooks.get'
  | 'webhooks.update'
  | 'webhooks.enable'
  | 'webhooks.disable'
  | 'webhooks.remove'
  | 'webhooks.rotate'
  | 'webhooks.probe'

export const webhookHandlers: Pick<Handlers, WebhookOperation> = {
  async 'webhooks.list'({ parameters }, { deps }) {
    const loaded = deps.authority.apps.findById(parameters.appId)
    if (loaded === undefined) return refuse('not_found')
    const order = { list: 'webhooks', keyOf: byAge }
    const page = pageOf(loaded.webhookEndpoints, parameters, order)
    const nowMs = deps.clock.nowMs()
    return shownPage(page, (endpoint) => webhookShape({ loaded, endpoint }, nowMs))
  },
  async 'webhooks.create'({ parameters, body }, { deps, caller }) {
    const { value, channelPrefix = '', channelSuffix = '', format = 'standard', ...rest } = body
    const { receiverUrl: url, ...named } = rest
    const terms = { ...named, ...parameters, url, channelPrefix, channelSuffix, format }
    const made = await deps.webhookChanges.create({ ...terms, secret: value }, caller)
    if (!made.ok) return made
    const { endpoint, secret } = made.value
    return ok({ webhook: shown(endpoint, deps), value: secret })
  },
  async 'webhooks.get'({ parameters }, { deps }) {
    const entry = deps.authority.apps.findEndpoint(parameters.endpointId)
    return entry === undefined ? refuse('not_found') : ok(webhookShape(entry, deps.clock.nowMs()))
  },
  async 'webhooks.update'({ parameters, body }, { deps, caller }) {
    const { receiverUrl: url, ...rest } = body
    const request = { ...rest, ...parameters, url }
    return answer(await deps.webhookChanges.update(request, caller), deps)
  },
  async 'webhooks.enable'({ parameters, body }, { deps, caller }) {
    return answer(await deps.webhookChanges.enable({ ...body, ...parameters }, caller), deps)
  },
  async 'webhooks.disable'({ parameters, body }, { deps, caller }) {
    return answer(await deps.webhookChanges.disable({ ...body, ...parameters }, caller), deps)
  },
  async 'webhooks.remove'({ parameters, body }, { deps, caller }) {
    const entry = deps.authority.apps.findEndpoint(parameters.endpointId)
    const removed = await deps.webhookChanges.remove({ ...body, ...parameters }, caller)
    if (!removed.ok || entry === undefined) return removed
    return ok(webhookShape({ ...entry, endpoint: removed.value }, deps.clock.nowMs()))
  },
  async 'webhooks.rotate'({ parameters, body }, { deps, caller }) {
    const { overlapSeconds, force: isForced, ...rest } = body
    const overlapMs = overlapSeconds === undefined ? undefined : overlapSeconds * 1_000
    const request = { ...rest, ...parameters, overlapMs, isForced }
    const rotated = await deps.adoption.rotate(request, caller)
    if (!rotated.ok) return rotated
    const { endpoint, receipt, ...issued } = rotated.value
    const webhook = shown(endpoint, deps)
    return ok({ ...issuedShape(issued, deps.clock.nowMs()), webhook, receipt })
  },
  async 'webhooks.probe'({ parameters, body }, { deps, caller }) {
    const probed = await deps.adoption.probe({ ...body, ...parameters }, caller)
    if (!probed.ok) return probed
    const { endpoint, ...rest } = probed.value
    return ok({ webhook: shown(endpoint, deps), ...rest })
  },
}

function answer(
  changed: Result<WebhookEndpointRecord, AdminRefusalCode>,
  deps: AdminDeps,
): Result<unknown, AdminRefusalCode> {
  return changed.ok ? ok(shown(changed.value, deps)) : changed
}

/** As it was changed, with the keys that are loaded. */
function shown(endpoint: WebhookEndpointRecord, { authority, clock }: AdminDeps) {
  const entry = authority.apps.findEndpoint(endpoint.id)
  if (entry === undefined) throw new Error('an endpoint that was changed is not there')
  return webhookShape({ loaded: entry.loaded, endpoint }, clock.nowMs())
}
