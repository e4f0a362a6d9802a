/** Operations on the audit log: reading, exporting and verifying it. */
import { z } from 'zod'
import type { Operation } from './operation.ts'
import { id, none, page, paging, time } from './shapes.ts'

const tenantId = id
  .optional()
  .describe("Absent: the key's own tenant; for keys of the installation, everything.")
const database = z.string().max(64).optional().describe('control, or the dbCode of a region.')
const after = z.coerce.number().int().min(0).optional().describe('Only what follows this seq.')

/** What was written, as it was written: `entry` holds no value of a secret. */
const row = z.object({
  seq: z.int(),
  at: time,
  entry: z.record(z.string(), z.unknown()),
  hash: z.string(),
})

const checkpoint = z.object({
  tenantId: z.string(),
  seq: z.int(),
  atMs: z.int(),
  body: z.string(),
  signature: z.string(),
  keyId: z.string(),
})

const fault = z.object({
  kind: z.literal('fault'),
  isSound: z.literal(false),
  tenantId: z.string().describe('- for the installation.'),
  database: z.string(),
  seq: z.int().describe('The first bad row; of a checkpoint_ code the checkpoint.'),
  throughSeq: z.int().optional().describe('Where only a range is known, its end.'),
  code: z.string(),
  text: z.string(),
})

const verdict = z.object({
  kind: z.literal('verdict'),
  isSound: z.boolean(),
  faultCount: z.int(),
  tenantCount: z.int(),
  chainCount: z.int(),
  rowCount: z.int(),
  checkpointCount: z.int(),
})

export const AUDIT_OPERATIONS = {
  'audit.list': {
    method: 'GET',
    path: '/audit',
    summary: 'Read the audit log of a tenant in one database.',
    permission: 'audit:read',
    parameters: z.strictObject({
      tenantId: id.optional().describe("Absent: the key's own tenant, else the installation."),
      database,
      after,
      order: z.enum(['newest', 'oldest']).optional().describe('What comes first; oldest.'),
      ...paging.shape,
    }),
    body: undefined,
    result: page(row),
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'audit list',
  },
  'audit.export': {
    method: 'GET',
    path: '/audit/export',
    summary: 'Read the audit log as events of the OCSF, one JSON line each, database by database.',
    permission: 'audit:read',
    parameters: z.strictObject({
      tenantId,
      database,
      after: after.describe('Goes on after this seq; needs database, and a tenant.'),
      from: time.optional(),
      to: time.optional().describe('Not included.'),
    }),
    body: undefined,
    result: z.record(z.string(), z.unknown()).describe('An event of the OCSF 1.5.0.'),
    status: 200,
    refusals: ['not_found', 'input_invalid', 'overloaded'],
    command: 'audit export',
    isStream: true,
  },
  'audit.verify': {
    method: 'GET',
    path: '/audit/verify',
    summary:
      'Verify every chain and checkpoint; a line for each that is not sound, then the verdict.',
    permission: 'audit:read',
    parameters: z.strictObject({ tenantId }),
    body: undefined,
    result: z.discriminatedUnion('kind', [fault, verdict]),
    status: 200,
    refusals: ['not_found', 'overloaded'],
    command: 'audit verify',
    isStream: true,
  },
  'audit.checkpoints': {
    method: 'GET',
    path: '/audit/checkpoints',
    summary: 'Read the signed checkpoints of a tenant, oldest first, as a witness keeps them.',
    permission: 'audit:read',
    parameters: z.strictObject({
      tenantId: id.optional().describe("Absent: the key's own tenant, else the installation."),
      after,
      ...paging.shape,
    }),
    body: undefined,
    result: page(checkpoint),
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'audit checkpoints',
  },
  'audit.public-key': {
    method: 'GET',
    path: '/audit/public-key',
    summary: 'The key that checkpoints are verified with, as a JWK; keep it away from the server.',
    permission: 'audit:read',
    parameters: none,
    body: undefined,
    result: z.object({
      kty: z.string(),
      crv: z.string(),
      x: z.string(),
      kid: z.string(),
      alg: z.string(),
      use: z.string(),
    }),
    status: 200,
    refusals: [],
    command: 'audit public-key',
  },
} as const satisfies Record<string, Operation>
