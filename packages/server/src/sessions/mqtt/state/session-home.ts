/** What all sessions of one app share. Interfaces only. */
import type { Result } from '@lockgate/protocol/result'
import type { AppSpace } from '../../../core/app-space.ts'
import type { RefusalCode } from '../../../core/refusals.ts'
import type { TopicMessage } from '../../../core/topics/topic-message.ts'
import type { TopicGrant, TopicSubscriber } from '../../../core/topics/topic-subscriber.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { SessionStore } from '../../../ports/session-store.ts'
import type { ClientState } from './client-state.ts'
import type { Outgoing } from './outgoing.ts'
import type { SessionFigures } from './session-figures.ts'
import type { SessionJournal } from './session-journal.ts'
import type { SessionSettings } from './session-settings.ts'

export type Subscribed = Result<'new' | 'replaced', RefusalCode>

/** The hub, as far as sessions hold their place in it. */
export interface SessionTopics {
  subscribe(space: AppSpace, subscriber: TopicSubscriber, grant: TopicGrant): Subscribed
  unsubscribe(space: AppSpace, subscriber: TopicSubscriber, filter: string): boolean
  removeSubscriber(space: AppSpace, subscriber: TopicSubscriber): void
  retainedFor(space: AppSpace, filter: string): Iterable<TopicMessage>
  /** Brings back what was kept, without telling the journal. */
  restoreRetained(space: AppSpace, message: TopicMessage): boolean
}

/** What keeps the sessions of one region. */
export interface SessionRegion {
  readonly store: SessionStore
  readonly journal: SessionJournal
}

export interface SessionHome {
  readonly space: AppSpace
  readonly topics: SessionTopics
  readonly journal: SessionJournal
  readonly store: SessionStore
  readonly clock: Clock
  readonly figures: SessionFigures
  readonly settings: SessionSettings
  /** What waits for the sessions of the app. */
  readonly queues: { bytes: number }
  /** Those that could not read their queue; they are asked again by the tick. */
  readonly stalled: Set<Outgoing>
  /** Publishes a will now, or in a later turn. */
  readonly publishWill: (author: ClientState, message: TopicMessage) => void
  /** The connection of `state` is gone: keeps it for its time, or ends it. */
  readonly detached: (state: ClientState) => void
}
