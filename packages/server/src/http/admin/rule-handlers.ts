/** The operations on rule sets. */
import { isTopicFilter, isTopicName, splitShared } from '@lockgate/protocol/mqtt/topic'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { RuleQuestion } from '../../core/rules/rule-question.ts'
import type { LoadedTenant } from '../../credentials/tenant-directory.ts'
import type { RuleAction } from '../../ports/records/rule-set.ts'
import type { AdminDeps } from './deps.ts'
import type { Handlers } from './handlers.ts'
import { givenRules } from './rule-shapes.ts'

type RuleOperation = 'rules.explain'

export const ruleHandlers: Pick<Handlers, RuleOperation> = {
  async 'rules.explain'({ parameters, body }, { deps }) {
    const loaded = deps.authority.tenants.find(parameters.tenantId)
    if (loaded === undefined) return refuse('not_found')
    const question = questionOf(body)
    if (!question.ok) return question
    const appId = appOf(loaded, body.app, deps)
    if (!appId.ok) return appId
    const { aclPublish, aclSubscribe, integration, ruleSet, draft } = body
    const acl = {
      ...(aclPublish === undefined ? {} : { publish: aclPublish }),
      ...(aclSubscribe === undefined ? {} : { subscribe: aclSubscribe }),
    }
    const binding = { tenantId: loaded.tenant.id, appId: appId.value, integration, ruleSet, acl }
    const { username = '', clientId = '', userId, email, claims } = body
    return deps.ruleBook.explain(question.value, binding, {
      subject: {
        username,
        clientId,
        userId,
        email,
        claims: claims && new Map(Object.entries(claims)),
        organization: loaded.tenant.shortId,
      },
      draft: draft && { name: draft.name, rules: givenRules(draft.rules) },
    })
  },
}

function questionOf(body: {
  readonly action: RuleAction
  readonly topic: string
  readonly qos?: number | undefined
  readonly retain?: boolean | undefined
}): Result<RuleQuestion, 'input_invalid'> {
  const { action, qos = 0, retain = false } = body
  const asked = { action, qos: qos as RuleQuestion['qos'], retain }
  if (action !== 'subscribe') {
    const isName = action !== 'publish' || isTopicName(body.topic)
    return isName ? ok({ ...asked, topic: body.topic }) : refuse('input_invalid', NO_NAME)
  }
  if (!isTopicFilter(body.topic)) return refuse('input_invalid', NO_FILTER)
  // Rules are asked for the filter inside (§4.8.2).
  const topic = splitShared(body.topic)?.filter ?? body.topic
  return ok({ ...asked, topic })
}

/** @returns the id of the app of the tenant that is meant; empty where it has none. */
function appOf(
  { tenant }: LoadedTenant,
  asked: string | undefined,
  { authority }: Pick<AdminDeps, 'authority'>,
): Result<string, 'not_found'> {
  const own = [...authority.apps.apps()].filter(({ app }) => app.tenantId === tenant.id)
  if (asked === undefined) return ok(own[0]?.app.id ?? '')
  return own.some(({ app }) => app.id === asked) ? ok(asked) : refuse('not_found')
}

const NO_NAME = 'The topic is no topic name: it has a wildcard, or is empty or too long.'
const NO_FILTER = 'The topic is no topic filter: + and # fill whole levels, # the last one only.'
