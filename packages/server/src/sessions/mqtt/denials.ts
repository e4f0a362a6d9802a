/** The audit log learns what rules refused. */
import type { RuleQuestion } from '../../core/rules/rule-question.ts'
import type { MqttClient } from './client.ts'

export function recordDenied(client: MqttClient, question: RuleQuestion): void {
  const { identity, source, deps, space } = client
  const attempt = deps.rules.denialOf(question, { rules: client.rules, identity, source })
  if (attempt !== undefined) deps.recordDenial(attempt, space.app)
}
