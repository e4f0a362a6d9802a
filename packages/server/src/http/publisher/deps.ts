/** What publishing to topics over HTTP is given. */
import type { AppSpace } from '../../core/app-space.ts'
import type { Hub } from '../../core/hub.ts'
import type { Guard } from '../../core/limits/guard.ts'
import type { Tally } from '../../core/tally.ts'
import type { TopicHub } from '../../core/topics/topic-hub.ts'
import type { AppDirectory } from '../../credentials/app-directory.ts'
import type { AppLimitBook } from '../../credentials/app-limits.ts'
import type { RecordDenial } from '../../credentials/audit/denied-access.ts'
import type { Bearers } from '../../credentials/bearers.ts'
import type { RuleBook } from '../../credentials/rules/rule-book.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Random } from '../../ports/random.ts'

/** What is written for sessions that are away, and for retained messages. */
export interface PublishedWrites {
  /** Moves when something was written. */
  readonly writeCount: number
  /** Moves when something could not be promised to a session that should have had it. */
  readonly refusedCount: number
  /** @returns once all that was written survives a crash: true; false where the store failed. */
  settled(): Promise<boolean>
}

export interface PublisherDeps {
  readonly directory: AppDirectory
  readonly bearers: Bearers
  readonly rules: Pick<RuleBook, 'rulesFor' | 'denialOf'>
  readonly hub: Pick<Hub, 'space' | 'hasRoom'>
  readonly topics: Pick<TopicHub, 'publish'>
  readonly writesOf: (space: AppSpace) => PublishedWrites
  /** Of what was just published in an app: when its webhooks are durable. @throws Outage */
  readonly settle: (appId: string) => Promise<void> | undefined
  readonly guard: Guard
  readonly limitBook: AppLimitBook
  readonly recordDenial: RecordDenial
  readonly tally: Tally
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}
