/**
 * Why rules allow or deny: what every layer says, by which rule, and in one sentence. Asks what
 * decides, so that it never says anything else than what happens. Pure.
 */
import type { RuleRecord } from '../../ports/records/rule-set.ts'
import { filterOverlap } from './filter-overlap.ts'
import {
  decidingRule,
  type Denier,
  type LayeredRules,
  layersOf,
  type RuleLayer,
} from './layered-rules.ts'
import { placeholderValue } from './placeholders.ts'
import type { RuleQuestion } from './rule-question.ts'
import { ruleText } from './rule-text.ts'
import type { RuleSubject } from './topic-rules.ts'

export interface LayerVerdict {
  readonly layer: Denier['layer']
  readonly ruleSet: string | undefined
  readonly isAllowed: boolean
  /** The one that decides; undefined: none does. */
  readonly rule: DecidingRule | undefined
  readonly why: string
}

export interface DecidingRule {
  /** From 1. */
  readonly number: number
  readonly text: string
  /** With what its placeholders stand for. */
  readonly filter: string
}

export interface Explanation {
  readonly isAllowed: boolean
  /** Every layer that has a say, from the widest to the narrowest. */
  readonly layers: readonly LayerVerdict[]
  /** Of the first layer that denies, or of all together. */
  readonly why: string
}

export interface Explained {
  readonly rules: LayeredRules
  readonly subject: RuleSubject
  /** The rules of a layer as they were written. */
  readonly recordsOf: (layer: RuleLayer) => readonly RuleRecord[]
}

export function explainRules(question: RuleQuestion, explained: Explained): Explanation {
  const { rules } = explained
  const own = rules.ownDenier(question)
  const layers = [
    ...(own === undefined ? [] : [ownVerdict(own)]),
    ...layersOf(rules.layers, question.action).map((layer) =>
      verdictOf(layer, question, explained),
    ),
  ]
  const denied = layers.find(({ isAllowed }) => !isAllowed)
  const isAllowed = denied === undefined
  return { isAllowed, layers, why: denied?.why ?? 'Every layer allows it.' }
}

function ownVerdict(layer: 'server' | 'scope'): LayerVerdict {
  const why =
    layer === 'server'
      ? "Topics under $SYS/ and $share/ are the server's own; nobody publishes to them."
      : 'The credential itself may not do this on any topic, whatever rules say.'
  return { layer, ruleSet: undefined, isAllowed: false, rule: undefined, why }
}

function verdictOf(layer: RuleLayer, question: RuleQuestion, explained: Explained): LayerVerdict {
  const { kind, ruleSet, rules } = layer
  const named = { layer: kind, ruleSet }
  if (rules === undefined) {
    const why = `There is no ${lacks(layer)}, so nothing is allowed.`
    return { ...named, isAllowed: false, rule: undefined, why }
  }
  const records = explained.recordsOf(layer)
  const decided = decidingRule(rules, question)
  if (decided === undefined) {
    return {
      ...named,
      isAllowed: false,
      rule: undefined,
      why: whyNone(records, question, explained),
    }
  }
  const record = records[decided.index]
  if (record === undefined) throw new Error('a rule that nobody wrote has decided')
  const filter = rules.filterOf(decided) ?? record.filter
  const rule = { number: decided.index + 1, text: ruleText(record), filter }
  const why = whyDecided({ isAllow: decided.isAllow, number: rule.number, filter }, question)
  return { ...named, isAllowed: decided.isAllow, rule, why }
}

/** An integration that is not there has no rule set to name. */
function lacks({ kind, ruleSet, integration }: RuleLayer): string {
  if (integration !== undefined) return `integration "${integration}" in this app`
  return ruleSet === undefined ? `filter of the ${kind} that can be read` : `rule set "${ruleSet}"`
}

function whyDecided(
  { isAllow, number, filter }: { isAllow: boolean; number: number; filter: string },
  { action, topic }: RuleQuestion,
): string {
  if (action !== 'subscribe') {
    return `Rule ${number} ${isAllow ? 'allows' : 'denies'} it: its filter ${filter} matches.`
  }
  if (isAllow)
    return `Rule ${number} allows it: its filter ${filter} covers all that ${topic} can match.`
  const part = filterOverlap(filter, topic) ?? filter
  if (part === topic) return `Rule ${number} denies it: its filter ${filter} matches all of it.`
  return `Rule ${number} denies a part of it: ${part}. Subscribe to what is allowed alone.`
}

function whyNone(
  records: readonly RuleRecord[],
  { action }: RuleQuestion,
  { subject }: Explained,
): string {
  const means = action === 'subscribe' ? 'covers all that the filter can match' : 'matches'
  const lacking = lackingOf(records, action, subject)
  const hint =
    lacking.length === 0 ? '' : ` Rules that need ${lacking.join(', ')} match nothing here.`
  return `No rule that allows ${action} ${means}, and what no rule allows is denied.${hint}`
}

/** @returns the placeholders that stand for nothing here, and so keep rules from matching. */
function lackingOf(
  records: readonly RuleRecord[],
  action: RuleQuestion['action'],
  subject: RuleSubject,
): readonly string[] {
  const names = records
    .filter(({ actions }) => actions.includes(action))
    .flatMap(({ filter }) => [...filter.matchAll(/\$\{([^{}]*)\}/g)].map(([, name = '']) => name))
  const lacking = new Set(names.filter((name) => placeholderValue(name, subject) === undefined))
  return [...lacking].map((name) => `\${${name}}`)
}
