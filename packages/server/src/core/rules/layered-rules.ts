/**
 * All that narrows one principal, together: what every layer allows, and nothing else. A layer that
 * is not there narrows nothing; one whose rule set is not known allows nothing. Pure.
 */
import type { RuleAction } from '../../ports/records/rule-set.ts'
import type { Qos } from '../topics/topic-message.ts'
import type { Asked, BoundRules } from './bound-rules.ts'
import type { CompiledRule } from './rule-program.ts'
import type { RuleQuestion } from './rule-question.ts'
import type { TopicRules } from './topic-rules.ts'

/** From the widest to the narrowest. */
export type RuleLayerKind = 'organization' | 'integration' | 'credential' | 'token'

export interface RuleLayer {
  readonly kind: RuleLayerKind
  /** Name of its rule set; undefined for the lists of a token. */
  readonly ruleSet: string | undefined
  /** Undefined: what is named is not there, and nothing is allowed. */
  readonly rules: BoundRules | undefined
  /** Of an integration that is not there: its name. */
  readonly integration?: string
  /** The one action it narrows; absent: all of them. */
  readonly only?: RuleAction
}

/** What the credential may do at all, whatever rules say. */
export interface RuleScope {
  readonly mayPublish: boolean
  readonly maySubscribe: boolean
}

/** Which layer said no, and by which rule. */
export interface Denier {
  /** `server`: topics that are the server's own. `scope`: what the credential may do at all. */
  readonly layer: RuleLayerKind | 'server' | 'scope'
  readonly ruleSet: string | undefined
  /** Undefined: no rule allows it. */
  readonly rule: CompiledRule | undefined
}

/** One object for each, so that asking makes none. */
const ASKED: readonly Asked[] = [false, true].flatMap((retain) =>
  ([0, 1, 2] as const).map((qos) => ({ qos, retain, isAllowOnly: false })),
)

export class LayeredRules implements TopicRules {
  readonly layers: readonly RuleLayer[]
  readonly #publish: readonly RuleLayer[]
  readonly #subscribe: readonly RuleLayer[]
  readonly #scope: RuleScope

  /** @param layers all of them have to allow it; none: everything is allowed. */
  constructor(layers: readonly RuleLayer[], scope: RuleScope) {
    this.layers = layers
    this.#publish = layersOf(layers, 'publish')
    this.#subscribe = layersOf(layers, 'subscribe')
    this.#scope = scope
  }

  mayPublish(topic: string, qos: Qos, retain: boolean): boolean {
    if (!this.#scope.mayPublish || isServerTopic(topic)) return false
    const asked = ASKED[retain ? 3 + qos : qos] as Asked
    for (const { rules } of this.#publish) {
      if (rules?.decide('publish', topic, asked)?.isAllow !== true) return false
    }
    return true
  }

  maySubscribe(filter: string, qos: Qos): boolean {
    if (!this.#scope.maySubscribe) return false
    for (const { rules } of this.#subscribe) {
      if (rules?.decideFilter(filter, qos)?.isAllow !== true) return false
    }
    return true
  }

  /** @returns who says no; undefined: it is allowed. For records and reasons, not for deciding. */
  denierOf(question: RuleQuestion): Denier | undefined {
    const own = this.ownDenier(question)
    if (own !== undefined) return { layer: own, ruleSet: undefined, rule: undefined }
    for (const { kind, ruleSet, rules } of layersOf(this.layers, question.action)) {
      const rule = rules && decidingRule(rules, question)
      if (rule?.isAllow !== true) return { layer: kind, ruleSet, rule }
    }
    return undefined
  }

  /** @returns what says no before any rule is asked. */
  ownDenier({ action, topic }: RuleQuestion): 'server' | 'scope' | undefined {
    if (action === 'publish' && isServerTopic(topic)) return 'server'
    const { mayPublish, maySubscribe } = this.#scope
    const isInScope = action === 'publish' ? mayPublish : maySubscribe
    return isInScope ? undefined : 'scope'
  }
}

/** @returns those that narrow an action. */
export function layersOf(layers: readonly RuleLayer[], action: RuleAction): readonly RuleLayer[] {
  return layers.filter(({ only }) => only === undefined || only === action)
}

/** @returns the rule that decides: see {@link BoundRules}. */
export function decidingRule(
  rules: BoundRules,
  { action, topic, qos, retain }: RuleQuestion,
): CompiledRule | undefined {
  if (action === 'subscribe') return rules.decideFilter(topic, qos)
  return rules.decide(action, topic, ASKED[retain ? 3 + qos : qos] as Asked)
}

/** `$SYS/...` is what the server says of itself, `$share/...` names no topic (§4.8.2). */
function isServerTopic(topic: string): boolean {
  if (topic.charCodeAt(0) !== 0x24) return false
  return topic.startsWith('$SYS/') || topic === '$SYS' || topic.startsWith('$share/')
}
