/** The operations on rule sets: what clients may do on topics and channels. */
import { z } from 'zod'
import type { Operation } from './operation.ts'
import { explanation, question, ruleSet, ruleSetLine, rules } from './rule-shapes.ts'
import { id, page, paging, reason, ruleSetName } from './shapes.ts'

const ofTenant = z.strictObject({ tenantId: id })
const ofRuleSet = z.strictObject({ tenantId: id, ruleSet: ruleSetName })
const revision = z
  .int()
  .min(0)
  .describe('Of the one that was read; refused if somebody changed it since.')
const dialect = z
  .enum(['policy', 'user-rules'])
  .describe('policy: { version: "2", global, rules }. user-rules: { user, topic, permission }.')
const document = z.record(z.string(), z.unknown())
const warnings = z.array(z.string())

export const RULE_OPERATIONS = {
  'rules.list': {
    method: 'GET',
    path: '/tenants/{tenantId}/rule-sets',
    summary: 'List the rule sets of a tenant; every tenant has one named default.',
    permission: 'rules:read',
    parameters: paging.extend({ tenantId: id }),
    body: undefined,
    result: page(ruleSetLine),
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'rules list',
  },
  'rules.get': {
    method: 'GET',
    path: '/tenants/{tenantId}/rule-sets/{ruleSet}',
    summary: 'Show the rules of a rule set.',
    permission: 'rules:read',
    parameters: ofRuleSet,
    body: undefined,
    result: ruleSet,
    status: 200,
    refusals: ['not_found'],
    command: 'rules get',
  },
  'rules.create': {
    method: 'POST',
    path: '/tenants/{tenantId}/rule-sets',
    summary: 'Make a rule set; it narrows nothing until something names it.',
    permission: 'rules:write',
    parameters: ofTenant,
    body: z.strictObject({ name: ruleSetName, rules, reason: reason.optional() }),
    result: ruleSet,
    status: 201,
    refusals: ['not_found', 'name_taken', 'count_full', 'input_invalid'],
    command: 'rules create',
  },
  'rules.update': {
    method: 'PATCH',
    path: '/tenants/{tenantId}/rule-sets/{ruleSet}',
    summary: 'Give a rule set other rules; open subscriptions that lose their ground end at once.',
    permission: 'rules:write',
    parameters: ofRuleSet,
    body: z.strictObject({ rules, revision: revision.optional(), reason: reason.optional() }),
    result: ruleSet,
    status: 200,
    refusals: ['not_found', 'changed_meanwhile', 'count_full', 'input_invalid'],
    command: 'rules update',
  },
  'rules.remove': {
    method: 'POST',
    path: '/tenants/{tenantId}/rule-sets/{ruleSet}/remove',
    summary: 'Remove a rule set that nothing names; without one named default the built-in holds.',
    permission: 'rules:write',
    parameters: ofRuleSet,
    body: z.strictObject({ revision: revision.optional(), reason: reason.optional() }),
    result: ruleSet,
    status: 200,
    refusals: ['not_found', 'changed_meanwhile', 'rule_set_in_use'],
    command: 'rules remove',
  },
  'rules.validate': {
    method: 'POST',
    path: '/tenants/{tenantId}/rules/validate',
    summary: 'Check rules without saving them, and say what is wrong with each.',
    permission: 'rules:read',
    parameters: ofTenant,
    body: z.strictObject({ rules }),
    result: z.object({
      isValid: z.boolean(),
      faults: z.array(z.object({ rule: z.int().describe('From 1.'), fault: z.string() })),
    }),
    status: 200,
    refusals: ['not_found'],
    command: 'rules validate',
  },
  'rules.import': {
    method: 'POST',
    path: '/tenants/{tenantId}/rules/import',
    summary: 'Read rules that another product wrote, and save them where a name is given.',
    permission: 'rules:write',
    parameters: ofTenant,
    body: z.strictObject({
      dialect,
      document,
      name: ruleSetName.optional().describe('Of the new rule set; left out, nothing is saved.'),
      reason: reason.optional(),
    }),
    result: z.object({ rules, warnings, revision: z.int().optional() }),
    status: 200,
    refusals: ['not_found', 'name_taken', 'count_full', 'input_invalid'],
    command: 'rules import',
  },
  'rules.export': {
    method: 'GET',
    path: '/tenants/{tenantId}/rule-sets/{ruleSet}/export',
    summary: 'Write a rule set as another product has it; refused where that would allow more.',
    permission: 'rules:read',
    parameters: ofRuleSet.extend({ dialect }),
    body: undefined,
    result: z.object({ document, warnings }),
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'rules export',
  },
  'rules.explain': {
    method: 'POST',
    path: '/tenants/{tenantId}/rules/explain',
    summary: 'Say whether a client may publish or subscribe, which rules decide, and why.',
    permission: 'rules:read',
    parameters: ofTenant,
    body: question,
    result: explanation,
    status: 200,
    refusals: ['not_found', 'input_invalid'],
    command: 'explain',
  },
} as const satisfies Record<string, Operation>
