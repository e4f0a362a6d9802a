/**
 * What one client may do in a channel: its credential and the rules of its organization both have
 * to allow it. Rules know topics, so a channel is put to them with its colons as slashes:
 * `chat:room:1` is `chat/room/1`. Deciding waits for nothing.
 */
import type { Action } from '../../core/acl.ts'
import { permits } from '../../core/permissions.ts'
import type { LayeredRules } from '../../core/rules/layered-rules.ts'
import type { RuleQuestion } from '../../core/rules/rule-question.ts'
import type { Source } from '../../core/source.ts'
import type { DeniedAttempt } from '../audit/denied-access.ts'
import type { RuleBook } from '../rules/rule-book.ts'
import { topicDenial } from '../rules/topic-denial.ts'
import type { MessageIdentity } from './message-identity.ts'

export const CHANNEL_ACTIONS = [
  'subscribe',
  'publish',
  'presence',
  'history',
] as const satisfies readonly Action[]
export type ChannelAction = (typeof CHANNEL_ACTIONS)[number]

/** Who reads a channel in any way may subscribe to it (contracts wSocket 4 and 5). */
const ALSO_NEEDED: Readonly<Record<ChannelAction, readonly ChannelAction[]>> = {
  subscribe: ['subscribe'],
  publish: ['publish'],
  presence: ['subscribe', 'presence'],
  history: ['subscribe', 'history'],
}

export class ChannelAuthority {
  readonly #identity: MessageIdentity
  readonly #clientId: string
  readonly #book: Pick<RuleBook, 'rulesFor'>
  #rules: LayeredRules | undefined

  constructor(identity: MessageIdentity, clientId: string, book: Pick<RuleBook, 'rulesFor'>) {
    this.#identity = identity
    this.#clientId = clientId
    this.#book = book
  }

  /** The one decision: of subscribe, resume, publish, presence and history. */
  may(action: ChannelAction, channel: string): boolean {
    return this.#deniedAction(action, channel) === undefined
  }

  /** @returns what the audit log is told; undefined where it is allowed. */
  denialOf(action: ChannelAction, channel: string, source: Source): DeniedAttempt | undefined {
    const denied = this.#deniedAction(action, channel)
    if (denied === undefined) return undefined
    const question = questionOf(denied, channel)
    const { owner } = this.#identity
    const scope = { layer: 'scope', ruleSet: undefined, rule: undefined } as const
    const denier = this.#isPermitted(denied, channel) ? this.#bound.denierOf(question) : scope
    return topicDenial(question, denier ?? scope, { owner, source })
  }

  /** What rules say is read anew at the next question. */
  rulesChanged(): void {
    this.#rules = undefined
  }

  #deniedAction(action: ChannelAction, channel: string): ChannelAction | undefined {
    return ALSO_NEEDED[action].find((each) => {
      return !this.#isPermitted(each, channel) || !this.#isRuledIn(each, channel)
    })
  }

  #isPermitted(action: ChannelAction, channel: string): boolean {
    return permits(this.#identity.permissions(), action, channel)
  }

  #isRuledIn(action: ChannelAction, channel: string): boolean {
    if (action === 'publish') return this.#bound.mayPublish(topicOf(channel), 0, false)
    if (action === 'subscribe') return this.#bound.maySubscribe(topicOf(channel), 0)
    return this.#bound.denierOf(questionOf(action, channel)) === undefined
  }

  get #bound(): LayeredRules {
    this.#rules ??= this.#book.rulesFor(this.#identity, this.#clientId)
    return this.#rules
  }
}

function questionOf(action: ChannelAction, channel: string): RuleQuestion {
  return { action, topic: topicOf(channel), qos: 0, retain: false }
}

/** No name has a wildcard of topics in it, so it is a filter of itself too. */
function topicOf(channel: string): string {
  return channel.replaceAll(':', '/')
}
