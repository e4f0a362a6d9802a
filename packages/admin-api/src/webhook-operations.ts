/** The operations on webhook endpoints. */
import { WEBHOOK_EVENT_TYPES } from '@lockgate/protocol/webhooks/webhook-events'
import { z } from 'zod'
import type { Operation } from './operation.ts'
import {
  id,
  issued,
  label,
  overlapSeconds,
  ownValue,
  page,
  paging,
  reason,
  receipt,
  time,
} from './shapes.ts'

export const ofEndpoint = z.strictObject({ endpointId: id })

/** Not `url`: on a command line that is the server's own. */
const receiverUrl = z
  .string()
  .min(1)
  .max(2_048)
  .describe('Absolute, https; a query is never shown again.')
const events = z
  .array(z.enum([...WEBHOOK_EVENT_TYPES] as [string, ...string[]]))
  .min(1)
  .max(WEBHOOK_EVENT_TYPES.length)
const channelFilter = z.string().max(200)
const channelPrefix = channelFilter.describe('Only channels that begin with it; empty: all.')
const channelSuffix = channelFilter.describe('Only channels that end with it; empty: all.')
const format = z
  .enum(['standard', 'pusher'])
  .describe("standard: Standard Webhooks, a secret of its own. pusher: the app's secret signs.")
const algorithm = z.enum(['hmac-sha256', 'ed25519'])

const proof = z
  .object({
    versionId: id,
    state: z
      .enum(['waiting', 'adopted', 'refused', 'unverifying'])
      .describe('unverifying: the receiver takes what nobody has signed.'),
    dropsOld: z.boolean(),
    tryCount: z.int(),
    triedAt: time.optional(),
    outcome: z.string().optional(),
    nextAt: time.optional().describe('When it is tried next by itself.'),
  })
  .describe('Whether the receiver has the newest version of the secret.')

export const webhook = z.object({
  id,
  tenantId: id,
  appId: id,
  name: z.string(),
  receiverUrl: z.string().describe('Without its query.'),
  format,
  events: z.array(z.string()),
  channelPrefix: z.string().optional(),
  channelSuffix: z.string().optional(),
  algorithm,
  credentialId: id.optional().describe('Of its secret; the Pusher form has none.'),
  publicKeys: z
    .array(z.object({ versionId: id, state: z.string(), publicKey: z.string() }))
    .optional()
    .describe('Of Ed25519: what the receiver verifies with, newest first.'),
  isEnabled: z.boolean(),
  disabled: z.object({ reason: z.enum(['operator', 'gone', 'failing']), at: time }).optional(),
  failingSince: time.optional(),
  isDeclared: z.boolean(),
  proof: proof.optional(),
  createdAt: time,
  updatedAt: time,
})

export const WEBHOOK_OPERATIONS = {
  'webhooks.list': {
    method: 'GET',
    path: '/apps/{appId}/webhooks',
    summary: 'List the webhook endpoints of an app.',
    permission: 'webhooks:read',
    parameters: paging.extend({ appId: id }),
    body: undefined,
    result: page(webhook),
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'webhooks list',
  },
  'webhooks.create': {
    method: 'POST',
    path: '/apps/{appId}/webhooks',
    summary: 'Make a webhook endpoint; its secret is shown this once.',
    permission: 'webhooks:write',
    parameters: z.strictObject({ appId: id }),
    body: z.strictObject({
      name: label.describe('Unique inside the app.'),
      receiverUrl,
      events,
      format: format.optional(),
      algorithm: algorithm.optional().describe('Of the standard form; left out: hmac-sha256.'),
      channelPrefix: channelPrefix.optional(),
      channelSuffix: channelSuffix.optional(),
      value: ownValue.optional(),
    }),
    result: z.object({
      webhook,
      value: z.string().optional().describe('The secret, shown this once; Ed25519 shows none.'),
    }),
    status: 201,
    refusals: [
      'not_found',
      'name_taken',
      'count_full',
      'credentials_full',
      'weak_secret',
      'input_invalid',
    ],
    command: 'webhooks create',
    isSecretShown: true,
  },
  'webhooks.get': {
    method: 'GET',
    path: '/webhooks/{endpointId}',
    summary: 'Show a webhook endpoint, and what its receiver verifies with.',
    permission: 'webhooks:read',
    parameters: ofEndpoint,
    body: undefined,
    result: webhook,
    status: 200,
    refusals: ['not_found'],
    command: 'webhooks get',
  },
  'webhooks.update': {
    method: 'PATCH',
    path: '/webhooks/{endpointId}',
    summary: 'Change the name, URL, events or channel filter of a webhook endpoint.',
    permission: 'webhooks:write',
    parameters: ofEndpoint,
    body: z.strictObject({
      name: label.optional(),
      receiverUrl: receiverUrl.optional(),
      events: events.optional(),
      channelPrefix: channelPrefix.optional(),
      channelSuffix: channelSuffix.optional(),
      reason: reason.optional(),
    }),
    result: webhook,
    status: 200,
    refusals: ['not_found', 'name_taken', 'input_invalid', 'changed_meanwhile'],
    command: 'webhooks update',
  },
  'webhooks.enable': {
    method: 'POST',
    path: '/webhooks/{endpointId}/enable',
    summary: 'Send to a webhook endpoint again.',
    permission: 'webhooks:write',
    parameters: ofEndpoint,
    body: z.strictObject({ reason: reason.optional() }),
    result: webhook,
    status: 200,
    refusals: ['not_found', 'changed_meanwhile'],
    command: 'webhooks enable',
  },
  'webhooks.disable': {
    method: 'POST',
    path: '/webhooks/{endpointId}/disable',
    summary: 'Send nothing to a webhook endpoint.',
    permission: 'webhooks:write',
    parameters: ofEndpoint,
    body: z.strictObject({ reason }),
    result: webhook,
    status: 200,
    refusals: ['not_found', 'changed_meanwhile'],
    command: 'webhooks disable',
  },
  'webhooks.remove': {
    method: 'POST',
    path: '/webhooks/{endpointId}/remove',
    summary: 'Remove a webhook endpoint with its secret and what waits for it.',
    permission: 'webhooks:write',
    parameters: ofEndpoint,
    body: z.strictObject({ reason }),
    result: webhook,
    status: 200,
    refusals: ['not_found', 'changed_meanwhile'],
    command: 'webhooks remove',
  },
  'webhooks.rotate': {
    method: 'POST',
    path: '/webhooks/{endpointId}/rotate',
    summary: 'Make a new secret; both sign for the overlap, and the receiver is asked by itself.',
    permission: 'webhooks:write',
    parameters: ofEndpoint,
    body: z.strictObject({
      overlapSeconds: overlapSeconds.optional(),
      dropWhenAdopted: z
        .boolean()
        .optional()
        .describe('End the old version once the receiver has proved that it has the new one.'),
      value: ownValue.optional(),
      force: z.boolean().optional().describe('Ends the older version where two are accepted.'),
      reason: reason.optional(),
    }),
    result: issued.extend({ webhook, receipt: receipt.optional() }),
    status: 200,
    refusals: [
      'not_found',
      'too_many_active_secrets',
      'overlap_too_long',
      'weak_secret',
      'input_invalid',
      'changed_meanwhile',
    ],
    command: 'webhooks rotate',
    isSecretShown: true,
  },
  'webhooks.probe': {
    method: 'POST',
    path: '/webhooks/{endpointId}/probe',
    summary: 'Ask the receiver whether it has the newest secret, and whether it verifies at all.',
    permission: 'webhooks:write',
    parameters: ofEndpoint,
    body: z.strictObject({ reason: reason.optional() }),
    result: z.object({
      webhook,
      isAdopted: z.boolean().describe('It took what the newest version alone has signed.'),
      outcome: z.string().describe('HTTP status, or why there is none.'),
      receiverVerifies: z
        .boolean()
        .optional()
        .describe('Whether it refused what a key of nobody has signed; absent: not asked.'),
    }),
    status: 200,
    refusals: [
      'not_found',
      'input_invalid',
      'invalid_transition',
      'changed_meanwhile',
      'overloaded',
    ],
    command: 'webhooks probe',
  },
} as const satisfies Record<string, Operation>
