/** What the operations on rule sets take and give. */
import { z } from 'zod'
import { id, ruleSetName, time } from './shapes.ts'

const RULE_ACTIONS = ['publish', 'subscribe', 'presence', 'history'] as const

const filter = z
  .string()
  .min(1)
  .max(512)
  .describe('A topic filter, with placeholders such as ${user_id} that stand for one level.')

export const rule = z.strictObject({
  effect: z.enum(['allow', 'deny']),
  actions: z.array(z.enum(RULE_ACTIONS)).min(1).max(RULE_ACTIONS.length),
  filter,
  qosMax: z.union([z.literal(0), z.literal(1), z.literal(2)]).optional(),
  retain: z.boolean().optional().describe('Only messages whose retain flag is this.'),
  users: z
    .array(z.string().min(1).max(128))
    .min(1)
    .max(20)
    .optional()
    .describe('Only for user names that match; * stands for any characters.'),
})

export const rules = z
  .array(rule)
  .max(200)
  .describe('The first that matches decides; none does: denied.')

export const ruleSet = z.object({
  name: z.string(),
  rules,
  revision: z.int().describe('For the next change; 0: the built-in one, until it is changed.'),
  isBuiltIn: z.boolean(),
  createdAt: time.optional(),
  updatedAt: time.optional(),
})

export const ruleSetLine = ruleSet.omit({ rules: true }).extend({ ruleCount: z.int() })

const topicList = z.array(filter).max(100)
const text = z.string().max(1_000)

/** Of whom and what it is explained. */
export const question = z.strictObject({
  action: z.enum(RULE_ACTIONS),
  topic: z
    .string()
    .min(1)
    .max(65_535)
    .describe('To subscribe a filter, $share/GROUP/ included or not; else a topic or channel.'),
  qos: z.int().min(0).max(2).optional().describe('Left out: 0.'),
  retain: z.boolean().optional().describe('Of a message: its retain flag.'),
  app: id.optional().describe('Id of the app it acts in; left out, the one that was made first.'),
  integration: z.string().max(100).optional().describe('The one its token names.'),
  ruleSet: z.string().max(64).optional().describe('Bound to the credential itself.'),
  aclPublish: topicList.optional().describe('What the token narrows; an empty list: nothing.'),
  aclSubscribe: topicList.optional().describe('The same of what it subscribes to.'),
  username: text.optional().describe('Before the @ of the MQTT user name.'),
  clientId: text.optional().describe('What ${client_id} stands for.'),
  userId: text.optional().describe('What ${user_id} stands for.'),
  email: text.optional().describe('What ${email} stands for.'),
  claims: z
    .record(z.string().max(100), text)
    .optional()
    .describe('What ${claim:NAME} stands for, by name.'),
  draft: z
    .strictObject({ name: ruleSetName.describe('Of the rule set that has these rules.'), rules })
    .optional()
    .describe('As if the rule set of this name had these rules; nothing is saved.'),
})

export const explanation = z.object({
  isAllowed: z.boolean(),
  why: z.string(),
  layers: z.array(
    z.object({
      layer: z.enum(['server', 'scope', 'organization', 'integration', 'credential', 'token']),
      ruleSet: z.string().optional(),
      isAllowed: z.boolean(),
      rule: z
        .object({
          number: z.int().describe('From 1.'),
          text: z.string(),
          filter: z.string().describe('With what its placeholders stand for.'),
        })
        .optional(),
      why: z.string(),
    }),
  ),
})
