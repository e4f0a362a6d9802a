/**
 * Writes down what changed of retained messages. While the store takes nothing the topics are
 * remembered, and what they have by then is written when it does again: memory and store may differ
 * for a while, and not for good.
 */
import type { AppSpace } from '../../../core/app-space.ts'
import type { TopicMessage } from '../../../core/topics/topic-message.ts'
import { messageBytes } from './message-size.ts'
import type { SessionTopics } from './session-home.ts'
import type { SessionJournal } from './session-journal.ts'

/** Our bound on topics that are remembered, over all apps. */
export const UNWRITTEN_COUNT_MAX = 100_000

interface Unwritten {
  readonly space: AppSpace
  readonly journal: SessionJournal
  readonly topics: Set<string>
}

export class RetainedWriter {
  readonly #topics: Pick<SessionTopics, 'retainedFor'>
  readonly #unwritten = new Map<AppSpace, Unwritten>()
  #count = 0

  constructor(topics: Pick<SessionTopics, 'retainedFor'>) {
    this.#topics = topics
  }

  /** Topics whose change waits for the store. */
  get unwrittenCount(): number {
    return this.#count
  }

  /** @param message undefined: it is kept no more. */
  changed(
    space: AppSpace,
    journal: SessionJournal,
    { topic, message }: { readonly topic: string; readonly message: TopicMessage | undefined },
  ): void {
    const isBehind = this.#unwritten.get(space)?.topics.has(topic) === true
    if (journal.isAccepting && !isBehind) return write(space, journal, { topic, message })
    // Who published it is told that it could not be kept.
    journal.refused()
    if (!isBehind) this.#remember(space, journal, topic)
  }

  /** Writes what is behind, where the store takes it. */
  catchUp(): void {
    for (const { space, journal, topics } of this.#unwritten.values()) {
      for (const topic of topics) {
        if (!journal.isAccepting) break
        const [message] = this.#topics.retainedFor(space, topic)
        write(space, journal, { topic, message })
        topics.delete(topic)
        this.#count--
      }
      if (topics.size === 0) this.#unwritten.delete(space)
    }
  }

  /** The app is gone. */
  forget(space: AppSpace): void {
    this.#count -= this.#unwritten.get(space)?.topics.size ?? 0
    this.#unwritten.delete(space)
  }

  #remember(space: AppSpace, journal: SessionJournal, topic: string): void {
    if (this.#count >= UNWRITTEN_COUNT_MAX) return
    const known = this.#unwritten.get(space)
    if (known !== undefined) known.topics.add(topic)
    else this.#unwritten.set(space, { space, journal, topics: new Set([topic]) })
    this.#count++
  }
}

function write(
  { app }: AppSpace,
  journal: SessionJournal,
  { topic, message }: { readonly topic: string; readonly message: TopicMessage | undefined },
): void {
  if (message === undefined) journal.add({ kind: 'unretained', appId: app.id, topic })
  else journal.add({ kind: 'retained', appId: app.id, message }, messageBytes(message))
}
