/** The operations on tokens, client secrets as seed 000 regenerates them, and signing keys. */
import { z } from 'zod'
import type { Operation } from './operation.ts'
import {
  id,
  items,
  none,
  overlapSeconds,
  page,
  paging,
  reason,
  receipt,
  rotated,
  time,
} from './shapes.ts'

const family = z.object({
  id,
  clientId: id,
  versionId: id.describe('The version of the client credential it rests on.'),
  scope: z.string(),
  state: z.enum(['active', 'expired', 'revoked']),
  generation: z.int().describe('How often it was refreshed, and one.'),
  createdAt: time,
  usedAt: time.describe('Of the latest refresh, or the start.'),
  expiresAt: time.describe('Unless it is used before.'),
})

const tokenKeys = z.object({
  versions: z
    .array(
      z.object({
        version: z.int(),
        createdAt: time,
        tokenCount: z.int().describe('Live tokens whose newest password it signed.'),
        restingCount: z.int().describe('Live tokens that had one of it, which still connects.'),
        useCount: z.int().describe('Connections it let in, on this node since its start.'),
        lastUsedAt: time.optional(),
      }),
    )
    .describe('Oldest first: the last one signs. One on which nothing rests is taken away.'),
  stragglers: z
    .array(z.object({ appId: id, tokenCount: z.int() }))
    .describe('Apps with tokens that were not refreshed since, those with most first.'),
})

const signingKey = z.object({
  kid: z.string(),
  credentialId: id,
  versionId: id,
  algorithm: z.enum(['ES256', 'RS256']),
  state: z
    .string()
    .describe('pending: published, signs later. current: signs. previous: its tail.'),
  createdAt: time,
  signsSince: time.optional(),
  publishedUntil: time.optional(),
})

const ofApp = z.strictObject({ appId: id })
const ofTenant = z.strictObject({ tenantId: id })

export const TOKEN_OPERATIONS = {
  'apps.regenerate-secret': {
    method: 'POST',
    path: '/apps/{appId}/regenerate-secret',
    summary: 'Make a new client secret; the old one and its refresh tokens end at once.',
    permission: 'credentials:write',
    parameters: ofApp,
    body: z.strictObject({
      overlapSeconds: overlapSeconds.optional().describe('Absent: 0, the old one ends at once.'),
      reason: reason.optional(),
    }),
    result: rotated.extend({ clientId: id }),
    status: 200,
    refusals: [
      'not_found',
      'public_client',
      'overlap_too_long',
      'changed_meanwhile',
      'credentials_full',
      'input_invalid',
    ],
    command: 'secrets regenerate',
    isSecretShown: true,
  },
  'tokens.families': {
    method: 'GET',
    path: '/apps/{appId}/refresh-families',
    summary: 'List the refresh families of an app: who lives on refresh tokens.',
    permission: 'tokens:read',
    parameters: paging.extend({ appId: id }),
    body: undefined,
    result: page(family),
    status: 200,
    refusals: ['not_found'],
    command: 'tokens list',
  },
  'tokens.revoke': {
    method: 'POST',
    path: '/apps/{appId}/tokens/revoke',
    summary: 'End one token by its jti, or a refresh family with what it gave out.',
    permission: 'credentials:revoke',
    parameters: ofApp,
    body: z.strictObject({
      tokenId: z.string().min(1).max(256).optional().describe('The jti of the token.'),
      familyId: id.optional(),
      reason,
    }),
    result: receipt,
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'tokens revoke',
  },
  'signing-keys.list': {
    method: 'GET',
    path: '/tenants/{tenantId}/signing-keys',
    summary: 'List the keys a tenant signs access tokens with.',
    permission: 'credentials:read',
    parameters: ofTenant,
    body: undefined,
    result: items(signingKey),
    status: 200,
    refusals: ['not_found'],
    command: 'signing-keys list',
  },
  'signing-keys.rotate': {
    method: 'POST',
    path: '/tenants/{tenantId}/signing-keys/rotate',
    summary: 'Publish a new signing key now; it signs once verifiers have had time to see it.',
    permission: 'tenants:write',
    parameters: ofTenant,
    body: z.strictObject({ reason: reason.optional() }),
    result: items(signingKey),
    status: 200,
    refusals: ['not_found', 'too_many_active_secrets', 'changed_meanwhile'],
    command: 'signing-keys rotate',
  },
  'signing-keys.revoke': {
    method: 'POST',
    path: '/tenants/{tenantId}/signing-keys/revoke',
    summary: 'An emergency: end every signing key, token and connection of a tenant at once.',
    permission: 'tenants:write',
    parameters: ofTenant,
    body: z.strictObject({ reason }),
    result: items(signingKey).extend({ receipt }),
    status: 200,
    refusals: ['not_found', 'changed_meanwhile'],
    command: 'signing-keys revoke',
  },
  'token-keys.status': {
    method: 'GET',
    path: '/token-keys',
    summary:
      'Which versions of the key of connection tokens there are, and what rests on old ones.',
    permission: 'installation:write',
    parameters: none,
    body: undefined,
    result: tokenKeys,
    status: 200,
    refusals: [],
    command: 'token-keys status',
  },
  'token-keys.rotate': {
    method: 'POST',
    path: '/token-keys/rotate',
    summary: 'Sign connection tokens with a new key; those that are out stay good for their time.',
    permission: 'installation:write',
    parameters: none,
    body: z.strictObject({ reason: reason.optional() }),
    result: tokenKeys,
    status: 200,
    refusals: ['too_many_active_secrets'],
    command: 'token-keys rotate',
  },
  'token-keys.revoke': {
    method: 'POST',
    path: '/token-keys/revoke',
    summary: 'An emergency: end every connection token of the installation, and what they opened.',
    permission: 'installation:write',
    parameters: none,
    body: z.strictObject({ reason }),
    result: tokenKeys.extend({ closedCount: z.int().describe('Connections of this node.') }),
    status: 200,
    refusals: [],
    command: 'token-keys revoke',
  },
} as const satisfies Record<string, Operation>
