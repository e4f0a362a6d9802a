/** A webhook endpoint as the directory of apps holds it. */
import type { WebhookEndpointRecord } from '../../packages/server/src/ports/records/webhook.ts'

export function webhookEndpoint(
  changes: Partial<WebhookEndpointRecord> = {},
): WebhookEndpointRecord {
  return {
    id: 'whe_1',
    tenantId: 'tenant',
    appId: 'app',
    name: 'hooks',
    url: 'http://127.0.0.1:9/hooks',
    format: 'standard',
    events: ['channel.occupied'],
    channelPrefix: '',
    channelSuffix: '',
    algorithm: 'hmac-sha256',
    credentialId: undefined,
    disabled: undefined,
    failingSinceMs: undefined,
    revision: 1,
    createdAtMs: 0,
    updatedAtMs: 0,
    ...changes,
  }
}
