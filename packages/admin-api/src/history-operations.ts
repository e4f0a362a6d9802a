/** The operations on messages of channels that are kept. */
import { z } from 'zod'
import type { Operation } from './operation.ts'
import { id, reason, time } from './shapes.ts'

const ofApp = z.strictObject({ appId: id })
const channel = z.string().min(1).max(200).describe('Left out: every channel of the app.')

export const HISTORY_OPERATIONS = {
  'history.show': {
    method: 'GET',
    path: '/apps/{appId}/history',
    summary: 'Show how many messages of an app are kept, how much they take, and how long.',
    permission: 'apps:read',
    parameters: ofApp,
    body: undefined,
    result: z.object({
      appId: id,
      messageCount: z.int(),
      bytes: z.int().describe('Of ids, data and publishers, and an overhead for each message.'),
      bytesMax: z.int().describe('The setting historyBytesMax: the oldest go first.'),
      retention: z.array(z.string()).describe('The setting history.'),
    }),
    status: 200,
    refusals: ['not_found'],
    command: 'history show',
  },
  'history.delete': {
    method: 'POST',
    path: '/apps/{appId}/history/delete',
    summary: 'Delete kept messages of a channel or of a whole app for good.',
    permission: 'apps:write',
    parameters: ofApp,
    body: z.strictObject({
      channel: channel.optional(),
      before: time.optional().describe('Only what was published earlier; left out: all of it.'),
      reason,
    }),
    result: z.object({
      deletedCount: z.int(),
      isComplete: z.boolean().describe('false: there is more; run the same command again.'),
    }),
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'history delete',
  },
} as const satisfies Record<string, Operation>
