/** What rules are asked. Values only. */
import type { RuleAction } from '../../ports/records/rule-set.ts'
import type { Qos } from '../topics/topic-message.ts'

export interface RuleQuestion {
  readonly action: RuleAction
  /** To subscribe: a topic filter without `$share/group/`. Else a topic name, or a channel's. */
  readonly topic: string
  readonly qos: Qos
  /** Of a message; false for all else. */
  readonly retain: boolean
}
