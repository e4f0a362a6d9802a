/**
 * What one principal may publish and subscribe to: the organization's rule set, that of its
 * integration and its token's own, compiled together. A decision makes nothing and waits for
 * nothing.
 */
import type { Qos } from '../topics/topic-message.ts'

export interface TopicRules {
  /** Whether a message of this topic name may be published; a will is asked for like any other. */
  mayPublish(topic: string, qos: Qos, retain: boolean): boolean
  /**
   * Whether everything that `filter` can match may be received.
   * @param filter without `$share/group/`.
   */
  maySubscribe(filter: string, qos: Qos): boolean
}

/** Who rules are evaluated for: what placeholders stand for. */
export interface RuleSubject {
  /** As the credential proves it; empty where it proves none. */
  readonly username: string
  readonly clientId: string
  readonly userId: string | undefined
  readonly email: string | undefined
  /** Short id of the organization. */
  readonly organization: string
  /** Claims of a token that are text. */
  readonly claims: ReadonlyMap<string, string> | undefined
}

/** What a token says of topics: only narrows. An empty list allows nothing of that action. */
export interface TopicAcl {
  /** Topic filters; absent: not narrowed. */
  readonly publish?: readonly string[]
  readonly subscribe?: readonly string[]
}
