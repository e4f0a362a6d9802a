/**
 * One app of Lockgate from its backend: publishes, signs what clients need, and verifies webhooks,
 * set up once. Each part can be had alone, from the module of its name.
 */
import {
  type AppKey,
  authenticateUser,
  authorizeChannel,
  type ChannelAuthorization,
  type ChannelRequest,
  type UserAuthentication,
  type UserRequest,
} from './channel-authorization.ts'
import type { EncryptedChannels } from './encrypted-channels.ts'
import {
  type BatchEvent,
  type PublishedEvent,
  Publisher,
  type PublisherOptions,
} from './publisher.ts'
import type { Webhook } from './webhook.ts'
import { WebhookVerifier, type WebhookVerifierOptions } from './webhook-verifier.ts'
import type { WebhookRequest } from './webhook-request.ts'

export interface LockgateOptions extends Omit<PublisherOptions, 'keys' | 'tokens'> {
  /** Newest first; the newest signs. Webhooks of the Pusher form are verified by all of them. */
  readonly keys: AppKey | readonly AppKey[]
  readonly encryptedChannels?: EncryptedChannels
  /** `whsec_...` and `whpk_...` of endpoints of the Standard form, old and new. */
  readonly webhookSecrets?: readonly string[]
  /** How webhooks are verified, beside their keys. */
  readonly webhooks?: Omit<WebhookVerifierOptions, 'keys'>
}

export interface Lockgate extends Pick<Publisher, 'publish' | 'publishBatch'> {
  webhook(request: WebhookRequest): Webhook
  authorizeChannel(
    request: Pick<ChannelRequest, 'socketId' | 'channelName' | 'channelData'>,
  ): Promise<ChannelAuthorization>
  authenticateUser(request: UserRequest): Promise<UserAuthentication>
}

/** @throws TypeError for options that cannot work; its text repeats no secret. */
export function createLockgate(options: LockgateOptions): Lockgate {
  const { webhookSecrets = [], webhooks, ...publishing } = options
  const { keys, encryptedChannels } = options
  const publisher = new Publisher(publishing)
  const tokens = [keys].flat().map(({ appKey, secret }) => ({ key: appKey, secret }))
  const verifier = new WebhookVerifier({ ...webhooks, keys: [...tokens, ...webhookSecrets] })
  const encryption = encryptedChannels === undefined ? {} : { encryptedChannels }
  return {
    publish: (event: PublishedEvent) => publisher.publish(event),
    publishBatch: (events: readonly BatchEvent[]) => publisher.publishBatch(events),
    webhook: (request) => verifier.webhook(request),
    authorizeChannel: (request) => authorizeChannel(keys, { ...request, ...encryption }),
    authenticateUser: (request) => authenticateUser(keys, request),
  }
}
