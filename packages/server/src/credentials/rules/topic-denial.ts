/**
 * A refused publish or subscribe as the audit log has it: alike ones of one client and rule are
 * sampled and counted there. Pure.
 */
import type { Denier } from '../../core/rules/layered-rules.ts'
import type { RuleQuestion } from '../../core/rules/rule-question.ts'
import type { Source } from '../../core/source.ts'
import type { DeniedAttempt } from '../audit/denied-access.ts'
import type { AuditActor } from '../audit/entry.ts'

/** Ours: a row is not as long as what callers send. */
const TOPIC_LENGTH_SHOWN_MAX = 200

/** @param by `owner` as in `MqttIdentity`: `user:...`, `provided:...` or `credential:...`. */
export function topicDenial(
  { action, topic, qos }: RuleQuestion,
  { layer, ruleSet, rule }: Denier,
  by: { readonly owner: string; readonly source: Source },
): DeniedAttempt {
  const target =
    ruleSet === undefined ? { kind: 'layer', id: layer } : { kind: 'rule_set', id: ruleSet }
  const number = rule && rule.index + 1
  return {
    action: 'topic.denied',
    reason: rule === undefined ? 'no_rule_allows' : 'rule_denies',
    source: by.source,
    target,
    actor: actorOf(by.owner),
    // Of the first of those that are alike.
    after: {
      layer,
      action,
      topic: topic.slice(0, TOPIC_LENGTH_SHOWN_MAX),
      qos,
      ...(number === undefined ? {} : { rule: number }),
    },
  }
}

function actorOf(owner: string): AuditActor {
  const at = owner.indexOf(':')
  const id = owner.slice(at + 1)
  return { kind: /^(?:user|provided):/.test(owner) ? 'user' : 'app', id }
}
