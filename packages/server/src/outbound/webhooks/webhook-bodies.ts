/** From what happened to what is posted, in both forms. Pure; no secret is in what happened. */
import { type PusherWebhookEvent, pusherEventText } from '@lockgate/protocol/webhooks/pusher'
import { standardWebhookBody } from '@lockgate/protocol/webhooks/standard'
import type { WebhookEventType } from '@lockgate/protocol/webhooks/webhook-events'
import type { LiveEvent } from '../../core/live-events.ts'

/** What a new version of a credential is audited as when it takes over. */
const ROTATIONS: ReadonlySet<string> = new Set(['secret.rotated', 'secret.promoted'])

/**
 * @returns the names under which endpoints can ask for the event; none for what is not told in
 *   webhooks: a delivery that fails must not be the cause of the next one, and the rule of an
 *   alert says where it goes.
 */
export function webhookTypesOf(event: LiveEvent): readonly WebhookEventType[] {
  if (event.type === 'webhook.failed') return []
  if ('isHeldBack' in event.details && event.details.isHeldBack) return []
  if (event.type !== 'credential.changed') return [event.type]
  const isRotation = ROTATIONS.has(event.details.action)
  return isRotation ? [event.type, 'credential.rotated'] : [event.type]
}

/** @returns undefined where the event has no channel. */
export function channelOf({ details }: LiveEvent): string | undefined {
  return 'channel' in details ? details.channel : undefined
}

/** @returns one event as text; undefined where the Pusher form has none like it. */
export function pusherTextOf(event: LiveEvent): string | undefined {
  const made = pusherEventOf(event)
  return made === undefined ? undefined : pusherEventText(made)
}

function pusherEventOf(event: LiveEvent): PusherWebhookEvent | undefined {
  switch (event.type) {
    case 'channel.occupied':
      return { name: 'channel_occupied', channel: event.details.channel }
    case 'channel.vacated':
      return { name: 'channel_vacated', channel: event.details.channel }
    case 'cache_miss':
      return { name: 'cache_miss', channel: event.details.channel }
    case 'presence.enter':
    case 'presence.leave': {
      const { channel, userId } = event.details
      const name = event.type === 'presence.enter' ? 'member_added' : 'member_removed'
      return { name, channel, user_id: userId }
    }
    case 'subscription_count': {
      const { channel, subscriptionCount } = event.details
      return { name: 'subscription_count', channel, subscription_count: subscriptionCount }
    }
    case 'client_event': {
      const { channel, event: name, data, connectionId, userId } = event.details
      const sent = { channel, event: name, data, socket_id: connectionId }
      return { name: 'client_event', ...sent, ...(userId === undefined ? {} : { user_id: userId }) }
    }
    default:
      return undefined
  }
}

/** @param count of events that stand for several. */
export function standardBodyOf(
  type: WebhookEventType,
  { atMs, appId, details }: LiveEvent,
  count?: number,
): string {
  return standardWebhookBody({ type, atMs, data: { appId, ...details, count } })
}
