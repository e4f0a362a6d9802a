/**
 * Which endpoints of which app want what. Asked on the message path: of an app without endpoints
 * the answer is one look-up, of any other two. Follows the directory of apps by itself: an app that
 * changed has another list of endpoints, and what was worked out of the old one goes with it.
 */
import {
  WEBHOOK_EVENT_TYPES,
  type WebhookEventType,
} from '@lockgate/protocol/webhooks/webhook-events'
import type { LiveEventType } from '../../core/live-events.ts'
import type { AppDirectory } from '../../credentials/app-directory.ts'
import type { AppRecord } from '../../ports/records/app.ts'
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'

/** What has to be heard so that a webhook event can be told; absent: what has its name. */
const HEARD_FOR: { readonly [T in WebhookEventType]?: readonly LiveEventType[] } = {
  // Who comes back within three seconds was never away: both sides have to be heard.
  'channel.occupied': ['channel.occupied', 'channel.vacated'],
  'channel.vacated': ['channel.occupied', 'channel.vacated'],
  'presence.enter': ['presence.enter', 'presence.leave'],
  'presence.leave': ['presence.enter', 'presence.leave'],
  'credential.rotated': ['credential.changed'],
}

const NO_ENDPOINTS: readonly WebhookEndpointRecord[] = []

/** Of one list of endpoints; never changed. */
class Interests {
  readonly #heard = new Set<string>()
  readonly #byType = new Map<string, WebhookEndpointRecord[]>()

  constructor(endpoints: readonly WebhookEndpointRecord[]) {
    for (const endpoint of endpoints) {
      if (endpoint.disabled !== undefined) continue
      for (const type of WEBHOOK_EVENT_TYPES) {
        if (!endpoint.events.includes(type)) continue
        const wanting = this.#byType.get(type)
        if (wanting === undefined) this.#byType.set(type, [endpoint])
        else wanting.push(endpoint)
        for (const heard of HEARD_FOR[type] ?? [type]) this.#heard.add(heard)
      }
    }
  }

  hears(type: LiveEventType): boolean {
    return this.#heard.has(type)
  }

  of(type: WebhookEventType): readonly WebhookEndpointRecord[] {
    return this.#byType.get(type) ?? NO_ENDPOINTS
  }
}

export class EndpointInterests {
  readonly #apps: Pick<AppDirectory, 'findById'>
  readonly #known = new WeakMap<readonly WebhookEndpointRecord[], Interests>()

  constructor(apps: Pick<AppDirectory, 'findById'>) {
    this.#apps = apps
  }

  /** Whether a live event has to be heard. */
  hears(type: LiveEventType, appId: string): boolean {
    const endpoints = this.#apps.findById(appId)?.webhookEndpoints
    if (endpoints === undefined || endpoints.length === 0) return false
    return this.#interestsOf(endpoints).hears(type)
  }

  /**
   * @param channel undefined where the event has none; then every endpoint that asks for it fits.
   * @returns the app with its enabled endpoints that want the event; undefined where none does.
   */
  wanting(
    type: WebhookEventType,
    appId: string,
    channel: string | undefined,
  ): { readonly app: AppRecord; readonly endpoints: readonly WebhookEndpointRecord[] } | undefined {
    const loaded = this.#apps.findById(appId)
    if (loaded === undefined || loaded.webhookEndpoints.length === 0) return undefined
    const all = this.#interestsOf(loaded.webhookEndpoints).of(type)
    const endpoints = channel === undefined ? all : all.filter((each) => isIn(channel, each))
    return endpoints.length === 0 ? undefined : { app: loaded.app, endpoints }
  }

  #interestsOf(endpoints: readonly WebhookEndpointRecord[]): Interests {
    const known = this.#known.get(endpoints)
    if (known !== undefined) return known
    const made = new Interests(endpoints)
    this.#known.set(endpoints, made)
    return made
  }
}

function isIn(channel: string, { channelPrefix, channelSuffix }: WebhookEndpointRecord): boolean {
  // Both at once: `ab` does not begin with `ab` and end with another `b`.
  const isLongEnough = channel.length >= channelPrefix.length + channelSuffix.length
  return isLongEnough && channel.startsWith(channelPrefix) && channel.endsWith(channelSuffix)
}
