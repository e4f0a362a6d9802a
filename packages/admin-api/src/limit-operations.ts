/** The operations on limits: what holds for an app, how much of it is used, and forgetting that. */
import { z } from 'zod'
import type { Operation } from './operation.ts'
import { id, items, reason } from './shapes.ts'

const channel = z.string().min(1).max(200)
const userId = z.string().min(1).max(200)
const connectionId = z.string().min(1).max(100)

const line = z.object({
  name: z.string().describe('What is counted, and by what: publish.user.'),
  limit: z.string().describe('As it would be written: publish.user 10/1s.'),
  source: z
    .enum(['installation', 'plan', 'app', 'default'])
    .describe('Who says so; of several, the narrowest.'),
  isShadow: z.boolean().describe('Nothing is refused, what would have been is told.'),
  subject: z.string().optional().describe('Whose use it is; absent: nobody was named.'),
  used: z.int().optional(),
  remaining: z.int().optional(),
  resetMs: z.int().optional().describe('Until everything is free again.'),
})

export const LIMIT_OPERATIONS = {
  'limits.list': {
    method: 'GET',
    path: '/apps/{appId}/limits',
    summary: 'List the limits of an app, where each comes from, and what is used of it.',
    permission: 'limits:read',
    parameters: z.strictObject({
      appId: id,
      userId: userId.optional().describe('Shows what this user has used.'),
      channel: channel.optional().describe('Shows what this channel has used.'),
      connectionId: connectionId.optional().describe('Shows what this connection has used.'),
    }),
    body: undefined,
    result: items(line),
    status: 200,
    refusals: ['not_found'],
    command: 'limits list',
  },
  'limits.reset': {
    method: 'POST',
    path: '/apps/{appId}/limits/reset',
    summary: 'Forget what was used of a limit, so that it can be used at once.',
    permission: 'limits:write',
    parameters: z.strictObject({ appId: id }),
    body: z.strictObject({
      name: z.string().min(1).max(80).describe('Of the limit: publish.user.'),
      userId: userId.optional().describe('Of limits by user.'),
      channel: channel.optional().describe('Of limits by channel.'),
      connectionId: connectionId.optional().describe('Of limits by connection.'),
      endpointId: id.optional().describe('Of limits by webhook endpoint.'),
      reason: reason.optional(),
    }),
    result: items(line),
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'limits reset',
  },
  'limits.unblock': {
    method: 'POST',
    path: '/limits/unblock',
    summary: 'Forget the attempts that were counted for an address.',
    permission: 'installation:write',
    parameters: z.strictObject({}),
    body: z.strictObject({
      ip: z.string().min(2).max(45).describe('An address; of IPv6 its whole /64.'),
      reason: reason.optional(),
    }),
    result: z.object({ subject: z.string() }),
    status: 200,
    refusals: ['input_invalid'],
    command: 'limits unblock',
  },
} as const satisfies Record<string, Operation>
