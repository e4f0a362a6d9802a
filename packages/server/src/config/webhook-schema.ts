/** The rows of `tenants[].apps[].webhooks[]`: same kinds as `schema.ts`, file only. */
import { WEBHOOK_EVENT_TYPES } from '@lockgate/protocol/webhooks/webhook-events'
import type { Setting } from './settings.ts'
import { label, secret } from './tenant-schema.ts'

/** Our bound, that of the administration too. */
export const WEBHOOK_COUNT_MAX = 20

const channelFilter = {
  type: 'text',
  shape: 'up to 200 of the characters of channel names',
  pattern: /^[A-Za-z0-9_\-=@,.;#]{0,200}$/,
  default: '',
} as const

export const WEBHOOK_FIELDS = {
  name: {
    ...label,
    does: 'What people call the endpoint; it is found again by its name.',
    prevents: 'Unique inside the app.',
  },
  url: {
    type: 'text',
    shape: 'an https URL',
    pattern: /^https?:\/\/[!-~]{1,2000}$/,
    default: undefined,
    does: 'Where events are posted to.',
    prevents: 'Plain http and private addresses are taken in `outbound.allowedNetworks` only.',
  },
  format: {
    type: 'choice',
    values: ['standard', 'pusher'],
    default: 'standard',
    does: "Standard Webhooks with a secret of its own, or Pusher's, signed by the app's secret.",
    prevents: 'A receiver of the other form would refuse everything.',
  },
  events: {
    type: 'list',
    of: 'events',
    countMax: WEBHOOK_EVENT_TYPES.length,
    default: [],
    does: 'What the endpoint is told: names of docs/webhook-events.md.',
    prevents: 'Nothing is sent that was not asked for.',
  },
  channelPrefix: {
    ...channelFilter,
    does: 'Only channels that begin with it.',
    prevents: 'A receiver is not told of channels that are none of its business.',
  },
  channelSuffix: {
    ...channelFilter,
    does: 'Only channels that end with it.',
    prevents: 'The same.',
  },
  secret: {
    ...secret,
    isOptional: true,
    does: 'Signs what is sent in the standard form: `whsec_` and base64 of 24 to 64 bytes.',
    prevents: '`lockgate keys generate --type whsec` makes one that cannot be guessed.',
  },
  algorithm: {
    type: 'choice',
    values: ['hmac-sha256', 'ed25519'],
    default: 'hmac-sha256',
    does: 'Of the standard form; for `ed25519` a pair is made where `secret` is left out.',
    prevents: 'Receivers of `ed25519` hold a public key, so they can forge nothing.',
  },
} as const satisfies Record<string, Setting>
