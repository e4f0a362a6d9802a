/** Operations on what happens now: events as they come, the last ones, and alerts. */
import { z } from 'zod'
import {
  type EventType,
  KEPT_EVENT_TYPES,
  NAMED_EVENT_TYPES,
  readEventTypes,
} from './event-types.ts'
import type { Operation } from './operation.ts'
import { id, page, paging, time } from './shapes.ts'

const eventId = z.string().min(1).max(64)
const types = z
  .string()
  .max(500)
  .refine(
    (text) => readEventTypes(text).ok,
    'Use names of events of docs/alerts.md, or auth.* for all that begin so.',
  )
  .optional()
  .describe('By commas; auth.*: all that begin so. Absent: all but channels, members and messages.')
const filters = {
  types,
  tenantId: id.optional().describe("Absent: the key's own tenant, else all there is."),
  appId: id.optional().describe('Of this app only.'),
}

const event = z.object({
  id: eventId.describe('Never the same again, not even after a restart.'),
  type: z.enum([...KEPT_EVENT_TYPES, ...NAMED_EVENT_TYPES] as [EventType, ...EventType[]]),
  at: time,
  tenantId: z.string().optional().describe('Absent: it concerns the installation.'),
  appId: z.string().optional(),
  details: z.record(z.string(), z.unknown()),
})

const gap = z.object({
  id: eventId.describe('Where the stream goes on.'),
  type: z.literal('gap'),
  at: time,
  details: z.object({
    reason: z
      .enum(['restarted', 'dropped', 'not_kept'])
      .describe('The id is of another start; more happened than is kept; nobody asked before.'),
    after: eventId.optional().describe('The last event before it.'),
  }),
})

const alert = z.object({
  rule: z.string(),
  watch: z.string(),
  state: z.enum(['active', 'resolved']),
  tenantId: z.string().optional().describe('Absent: it concerns the installation.'),
  appId: z.string().optional(),
  count: z.int().describe('When it was raised; of one that is over, the most at a time.'),
  threshold: z.int(),
  windowSeconds: z.number(),
  raisedAt: time,
  resolvedAt: time.optional().describe('Absent while it lasts.'),
})

export const WATCH_OPERATIONS = {
  'events.watch': {
    method: 'GET',
    path: '/events',
    summary: 'Follow what happens, as server-sent events that can be resumed.',
    permission: 'events:read',
    parameters: z.strictObject({
      ...filters,
      after: eventId
        .optional()
        .describe('Go on after this event; the header Last-Event-ID does the same.'),
    }),
    body: undefined,
    result: z.discriminatedUnion('type', [event, gap]),
    status: 200,
    refusals: ['not_found', 'input_invalid', 'overloaded'],
    command: 'events',
    isLive: true,
  },
  'events.list': {
    method: 'GET',
    path: '/events/recent',
    summary: 'Read what happened lately, as long as it is kept.',
    permission: 'events:read',
    parameters: z.strictObject({
      ...filters,
      order: z.enum(['newest', 'oldest']).optional().describe('What comes first. Absent: newest.'),
      ...paging.shape,
    }),
    body: undefined,
    result: page(event),
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'events list',
  },
  'alerts.list': {
    method: 'GET',
    path: '/alerts',
    summary: 'List alerts, those that last unless asked for others, newest first.',
    permission: 'alerts:read',
    parameters: z.strictObject({
      tenantId: filters.tenantId,
      appId: filters.appId,
      state: z.enum(['active', 'resolved', 'all']).optional().describe('Absent: active.'),
      ...paging.shape,
    }),
    body: undefined,
    result: page(alert),
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'alerts list',
  },
} as const satisfies Record<string, Operation>
