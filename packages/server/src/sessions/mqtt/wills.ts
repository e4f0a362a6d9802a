/**
 * Will messages when their time has come (§3.1.2.5): asked of the rules and limits of that moment,
 * and published like any other message. One that a restart found is as it was allowed at its
 * CONNECT.
 */
import type { AppSpace } from '../../core/app-space.ts'
import type { TopicHub } from '../../core/topics/topic-hub.ts'
import type { TopicMessage } from '../../core/topics/topic-message.ts'
import { admitApp, type AppDirectory } from '../../credentials/app-directory.ts'
import type { MqttIdentity } from '../../credentials/mqtt/mqtt-identity.ts'
import type { RuleBook } from '../../credentials/rules/rule-book.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import { Outage } from '../../ports/outage.ts'
import type { MqttFigures } from './mqtt-figures.ts'
import type { MqttLimits } from './mqtt-limits.ts'
import type { WillAuthor } from './state/client-will.ts'

export interface WillPorts {
  readonly topics: Pick<TopicHub, 'publish'>
  readonly directory: Pick<AppDirectory, 'findById'>
  readonly rules: Pick<RuleBook, 'rulesFor'>
  readonly figures: Pick<MqttFigures, 'refusedPublish'>
  readonly clock: Clock
  readonly log: Log
}

/** Whose will it is, as the connection knew it. */
export interface WillOwner {
  readonly identity: MqttIdentity
  readonly limits: Pick<MqttLimits, 'mayPublish'>
}

export class Wills {
  readonly #ports: WillPorts
  /** Of sessions whose client left a will in the life of this process. */
  readonly #owners = new WeakMap<WillAuthor, WillOwner>()

  constructor(ports: WillPorts) {
    this.#ports = ports
  }

  /** The session has a will of this principal. */
  left(author: WillAuthor, { identity, limits }: WillOwner): void {
    // Not the whole of who left it: the connection is over long before a will with a delay.
    this.#owners.set(author, { identity, limits })
  }

  publish(space: AppSpace, message: TopicMessage, author: WillAuthor): void {
    const { directory, clock, topics, log } = this.#ports
    const loaded = directory.findById(space.app.id)
    if (loaded === undefined || !admitApp(loaded, clock.nowMs()).ok) return
    if (!this.#isAllowed(message, author)) return
    try {
      topics.publish(space, message)
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      // Nobody waits for an answer who could send it again.
      log.error('will_unpublished', error, { appId: space.app.id })
    }
  }

  #isAllowed({ topic, qos, retain, payload }: TopicMessage, author: WillAuthor): boolean {
    const owner = this.#owners.get(author)
    if (owner === undefined) return true
    const { rules, figures } = this.#ports
    const may = rules.rulesFor(owner.identity, author.clientId)
    if (!may.mayPublish(topic, qos, retain)) figures.refusedPublish('denied')
    // Who connects and breaks off again and again would publish without limit.
    else if (!owner.limits.mayPublish(topic, payload)) figures.refusedPublish('limited')
    else return true
    return false
  }
}
