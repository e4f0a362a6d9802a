/** The operations on documents that are kept. */
import { z } from 'zod'
import type { Operation } from './operation.ts'
import { id, page, paging, reason, time } from './shapes.ts'

const name = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,255}$/, 'Use 1 to 255 of A-Z a-z 0-9 _ -.')
  .describe('Of the document.')

const document = z.object({
  name: z.string(),
  bytes: z.int().describe('Of its state and the updates since.'),
  updateCount: z.int().describe('That wait to be written into the state.'),
  isOpen: z.boolean().describe('On the node that was asked: now, or a moment ago.'),
  createdAt: time,
  openedAt: time.describe('Last.'),
})

export const DOCUMENT_OPERATIONS = {
  'documents.list': {
    method: 'GET',
    path: '/apps/{appId}/documents',
    summary: 'List the documents of an app that are kept, by name.',
    permission: 'apps:read',
    parameters: paging.extend({ appId: id }),
    body: undefined,
    result: page(document),
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'documents list',
  },
  'documents.delete': {
    method: 'POST',
    path: '/apps/{appId}/documents/delete',
    summary: 'Delete a document for good; whoever has it open is sent away.',
    permission: 'apps:write',
    parameters: z.strictObject({ appId: id }),
    body: z.strictObject({ name, reason }),
    result: z.object({ name: z.string(), wasOpen: z.boolean() }),
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'documents delete',
  },
} as const satisfies Record<string, Operation>
