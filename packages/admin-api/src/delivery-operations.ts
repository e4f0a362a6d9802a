/** The operations on what is posted to webhook endpoints: what waits, and what was given up. */
import { z } from 'zod'
import type { Operation } from './operation.ts'
import { id, page, paging, reason, time } from './shapes.ts'

const ofEndpoint = z.strictObject({ endpointId: id })
const deliveryId = id.describe('Left out: all dead letters of the endpoint.')
const state = z.enum(['waiting', 'dead']).describe('dead: given up; kept for a replay.')

const delivery = z.object({
  id: id.describe('The webhook-id of every attempt.'),
  endpointId: id,
  appId: id,
  state,
  events: z.array(z.string()),
  attemptCount: z.int(),
  lastOutcome: z.string().optional().describe('HTTP status, or why there is none.'),
  createdAt: time,
  dueAt: time.optional().describe('When it is tried next, or its lease ends.'),
  diedAt: time.optional(),
})

export const DELIVERY_OPERATIONS = {
  'deliveries.list': {
    method: 'GET',
    path: '/webhooks/{endpointId}/deliveries',
    summary:
      'List the dead letters of a webhook endpoint; with state waiting, what is still tried.',
    permission: 'webhooks:read',
    parameters: paging.extend({
      endpointId: id,
      state: state.optional().describe('Left out: dead.'),
    }),
    body: undefined,
    result: page(delivery),
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'deliveries list',
  },
  'deliveries.get': {
    method: 'GET',
    path: '/webhooks/{endpointId}/deliveries/{deliveryId}',
    summary: 'Show a delivery with its body.',
    permission: 'webhooks:read',
    parameters: ofEndpoint.extend({ deliveryId: id }),
    body: undefined,
    result: delivery.extend({ content: z.string().describe('Exactly what is posted.') }),
    status: 200,
    refusals: ['not_found'],
    command: 'deliveries get',
  },
  'deliveries.replay': {
    method: 'POST',
    path: '/webhooks/{endpointId}/deliveries/replay',
    summary: 'Post dead letters again, with the same ids and a new schedule.',
    permission: 'webhooks:write',
    parameters: ofEndpoint,
    body: z.strictObject({ deliveryId: deliveryId.optional(), reason: reason.optional() }),
    result: z.object({ replayedCount: z.int() }),
    status: 200,
    refusals: ['not_found', 'count_full'],
    command: 'deliveries replay',
  },
  'deliveries.discard': {
    method: 'POST',
    path: '/webhooks/{endpointId}/deliveries/discard',
    summary: 'Remove dead letters for good.',
    permission: 'webhooks:write',
    parameters: ofEndpoint,
    body: z.strictObject({ deliveryId: deliveryId.optional(), reason }),
    result: z.object({ discardedCount: z.int() }),
    status: 200,
    refusals: ['not_found'],
    command: 'deliveries discard',
  },
} as const satisfies Record<string, Operation>
