/** The operations on integrations: what clients name as `integration_id`. */
import { z } from 'zod'
import type { Operation } from './operation.ts'
import { id, page, paging, reason, ruleSetName, time } from './shapes.ts'

const integrationName = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'Use 1 to 64 of A-Z a-z 0-9 _ . : -.')
const type = z.enum(['supabase', 'firebase', 'auth0', 'clerk', 'oidc'])
const url = z.string().min(1).max(2_048)
const words = z.array(z.string().min(1).max(500)).max(16)
const claim = z.string().min(1).max(200)
const revision = z
  .int()
  .min(1)
  .describe('Of the one that was read; refused if somebody changed it since.')

const provider = z.object({
  type,
  issuer: url,
  jwksUrl: url.optional(),
  jwtSecretName: z.string().optional(),
  audience: words,
  authorizedParties: words,
  requiredClaims: words,
  emailClaim: z.string(),
  userIdClaim: z.string(),
  capToIdpExpiry: z.boolean(),
})

const givenProvider = z.strictObject({
  type,
  project: z
    .string()
    .min(1)
    .max(253)
    .optional()
    .describe('Reference, project id or domain at the provider; the rest follows from it.'),
  issuer: url.optional().describe('What iss of its tokens is, compared as a whole.'),
  jwksUrl: url.optional().describe('Where it publishes its keys.'),
  jwtSecretName: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('Name of a JWT secret of the app, where it signs with a shared one.'),
  audience: words.optional().describe('One of these must be in aud.'),
  authorizedParties: words.optional().describe('What azp may be; none: not checked.'),
  requiredClaims: words
    .optional()
    .describe('Claims that have to be there; left out, that of the address.'),
  emailClaim: claim.optional().describe('Left out: email.'),
  userIdClaim: claim.optional().describe('Left out: sub.'),
  capToIdpExpiry: z.boolean().optional().describe('Tokens end with the one they came from.'),
})

export const integration = z.object({
  tenantId: id,
  name: z.string(),
  app: id.optional().describe('Absent: the app of the organization that was made first.'),
  ruleSet: z.string().optional().describe('Narrows its tokens; absent: nothing does.'),
  provider: provider.optional(),
  isEnabled: z.boolean(),
  revision: z.int(),
  createdAt: time,
  updatedAt: time,
})

const ofIntegration = z.strictObject({ tenantId: id, integration: integrationName })
// Not `appId`: that would name whose object is meant.
const app = id.describe('Id of the app its tokens are for.')
const step = z.strictObject({ revision: revision.optional(), reason: reason.optional() })

export const INTEGRATION_OPERATIONS = {
  'integrations.list': {
    method: 'GET',
    path: '/tenants/{tenantId}/integrations',
    summary: 'List the integrations of a tenant.',
    permission: 'integrations:read',
    parameters: paging.extend({ tenantId: id }),
    body: undefined,
    result: page(integration),
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'integrations list',
  },
  'integrations.get': {
    method: 'GET',
    path: '/tenants/{tenantId}/integrations/{integration}',
    summary: 'Show an integration.',
    permission: 'integrations:read',
    parameters: ofIntegration,
    body: undefined,
    result: integration,
    status: 200,
    refusals: ['not_found'],
    command: 'integrations get',
  },
  'integrations.create': {
    method: 'POST',
    path: '/tenants/{tenantId}/integrations',
    summary: 'Make an integration: a name for tokens, with a rule set, a provider or both.',
    permission: 'integrations:write',
    parameters: z.strictObject({ tenantId: id }),
    body: z.strictObject({
      name: integrationName,
      app: app.optional(),
      ruleSet: ruleSetName
        .optional()
        .describe('Narrows what its tokens may do; left out, nothing does.'),
      provider: givenProvider.optional(),
      reason: reason.optional(),
    }),
    result: integration,
    status: 201,
    refusals: ['not_found', 'name_taken', 'count_full', 'input_invalid'],
    command: 'integrations create',
  },
  'integrations.update': {
    method: 'PATCH',
    path: '/tenants/{tenantId}/integrations/{integration}',
    summary: 'Change the app, the rule set or the provider of an integration.',
    permission: 'integrations:write',
    parameters: ofIntegration,
    body: z.strictObject({
      app: app.nullable().optional(),
      ruleSet: ruleSetName.nullable().optional().describe('null: nothing narrows its tokens.'),
      provider: givenProvider.nullable().optional().describe('Given whole; null: none.'),
      revision: revision.optional(),
      reason: reason.optional(),
    }),
    result: integration,
    status: 200,
    refusals: ['not_found', 'changed_meanwhile', 'input_invalid'],
    command: 'integrations update',
  },
  'integrations.enable': {
    method: 'POST',
    path: '/tenants/{tenantId}/integrations/{integration}/enable',
    summary: 'Give tokens for an integration again.',
    permission: 'integrations:write',
    parameters: ofIntegration,
    body: step,
    result: integration,
    status: 200,
    refusals: ['not_found', 'changed_meanwhile'],
    command: 'integrations enable',
  },
  'integrations.disable': {
    method: 'POST',
    path: '/tenants/{tenantId}/integrations/{integration}/disable',
    summary: 'Give no new tokens for an integration; those it gave stay as narrow as they are.',
    permission: 'integrations:write',
    parameters: ofIntegration,
    body: step,
    result: integration,
    status: 200,
    refusals: ['not_found', 'changed_meanwhile'],
    command: 'integrations disable',
  },
  'integrations.remove': {
    method: 'POST',
    path: '/tenants/{tenantId}/integrations/{integration}/remove',
    summary: 'Remove an integration; tokens that name it may do nothing any more.',
    permission: 'integrations:write',
    parameters: ofIntegration,
    body: step,
    result: integration,
    status: 200,
    refusals: ['not_found', 'changed_meanwhile'],
    command: 'integrations remove',
  },
} as const satisfies Record<string, Operation>
