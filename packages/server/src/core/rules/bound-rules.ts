/**
 * A rule set bound to one principal: the first rule that matches decides, none does: denied. To
 * publish is asked for a topic name. To subscribe is asked for a filter, and allowed only if
 * everything it can match is: by one rule that covers it, and no rule before that denies a part,
 * unless that part was allowed earlier still. Deciding makes nothing and waits for nothing.
 */
import { coversFilter } from '@lockgate/protocol/mqtt/topic'
import type { RuleAction } from '../../ports/records/rule-set.ts'
import type { Qos } from '../topics/topic-message.ts'
import { filterOverlap } from './filter-overlap.ts'
import { placeholderValue } from './placeholders.ts'
import { filterText, PatternWalk, type PlaceholderValues } from './rule-pattern.ts'
import type { CompiledRule, RuleList, RuleProgram } from './rule-program.ts'
import type { RuleSubject } from './topic-rules.ts'
import { matchesUser } from './user-pattern.ts'

/** What is asked, beside the topic. */
export interface Asked {
  readonly qos: Qos
  /** Undefined: there is no message yet. */
  readonly retain: boolean | undefined
  /** Only rules that allow are looked at. */
  readonly isAllowOnly: boolean
}

/** What a subscription is asked with; by QoS, so that asking makes none. */
const SUBSCRIBING: readonly Asked[] = ([0, 1, 2] as const).map((qos) => {
  return { qos, retain: undefined, isAllowOnly: true }
})

/** Decisions are made one at a time: one walk serves all. */
const walk = new PatternWalk()

export class BoundRules {
  readonly #program: RuleProgram
  readonly #values: PlaceholderValues
  readonly #subject: RuleSubject
  /** By place in the rule set, whether it is for this user name; undefined: all are. */
  readonly #isFor: Uint8Array | undefined

  constructor(program: RuleProgram, subject: RuleSubject) {
    this.#program = program
    this.#subject = subject
    this.#values = program.placeholders.map((name) => placeholderValue(name, subject))
    this.#isFor = program.hasUsers ? rulesFor(program, subject.username) : undefined
  }

  /**
   * @param name a topic name, or that of a channel.
   * @returns the rule that decides; undefined: none matches, which is a no.
   */
  decide(action: RuleAction, name: string, asked: Asked): CompiledRule | undefined {
    return this.#match(this.#program.lists[action], name, asked)
  }

  /**
   * @param filter without `$share/group/`.
   * @returns the rule that decides: one that allows all of it, or one that denies a part;
   * undefined: no rule allows all of it.
   */
  decideFilter(filter: string, qos: Qos): CompiledRule | undefined {
    const list = this.#program.lists.subscribe
    const allowed = this.#match(list, filter, SUBSCRIBING[qos] as Asked)
    const end = allowed?.index ?? this.#program.ruleCount
    for (const rule of list.denying) {
      if (rule.index > end) break
      const part = this.isFor(rule) ? this.#partOf(filter, rule) : undefined
      if (part !== undefined && !this.#isAllowedBefore(rule, part, qos)) return rule
    }
    return allowed
  }

  /** @returns the filter of a rule for this principal; undefined: it lacks what it names. */
  filterOf(rule: CompiledRule): string | undefined {
    return filterText(rule.pattern, (name) => placeholderValue(name, this.#subject))
  }

  /** Whether the rule is for this user name at all. */
  isFor(rule: CompiledRule): boolean {
    return this.#isFor === undefined || this.#isFor[rule.index] === 1
  }

  /** @returns the first that matches, whatever their order in the list. */
  #match({ sorted, shared }: RuleList, text: string, asked: Asked): CompiledRule | undefined {
    const { qos, retain, isAllowOnly } = asked
    walk.start(text, this.#values)
    let held = 0
    let first: CompiledRule | undefined
    for (let place = 0; place < shared.length; place++) {
      const from = shared[place] as number
      // Where the one before failed on a token they share, this one fails on it too.
      if (from > held) continue
      const rule = sorted[place] as CompiledRule
      const { tokens } = rule.pattern
      held = walk.follow(tokens, from)
      if (held !== tokens.length || qos > rule.qosMax) continue
      if (rule.retain !== undefined && rule.retain !== retain) continue
      if (isAllowOnly && !rule.isAllow) continue
      if (first !== undefined && first.index < rule.index) continue
      if (this.isFor(rule)) first = rule
    }
    return first
  }

  /** @returns the part of `filter` that the rule matches. */
  #partOf(filter: string, rule: CompiledRule): string | undefined {
    const text = this.filterOf(rule)
    return text === undefined ? undefined : filterOverlap(text, filter)
  }

  /** Whether one rule before `denying` allows all of `part`. */
  #isAllowedBefore(denying: CompiledRule, part: string, qos: Qos): boolean {
    for (const rule of this.#program.lists.subscribe.allowing) {
      if (rule.index > denying.index) return false
      if (qos > rule.qosMax || !this.isFor(rule)) continue
      const text = this.filterOf(rule)
      if (text !== undefined && coversFilter(text, part)) return true
    }
    return false
  }
}

function rulesFor(program: RuleProgram, username: string): Uint8Array {
  const isFor = new Uint8Array(program.ruleCount)
  for (const list of Object.values(program.lists)) {
    for (const { index, users } of list.sorted) {
      const isMeant = users === undefined || users.some((user) => matchesUser(user, username))
      isFor[index] = isMeant ? 1 : 0
    }
  }
  return isFor
}
