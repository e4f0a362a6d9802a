/** What channels with history over HTTP are given. */
import type { Hub } from '../../core/hub.ts'
import type { Guard } from '../../core/limits/guard.ts'
import type { Messages } from '../../core/messages/messages.ts'
import type { Tally } from '../../core/tally.ts'
import type { AppDirectory } from '../../credentials/app-directory.ts'
import type { AppLimitBook } from '../../credentials/app-limits.ts'
import type { RecordDenial } from '../../credentials/audit/denied-access.ts'
import type { Bearers } from '../../credentials/bearers.ts'
import type { RuleBook } from '../../credentials/rules/rule-book.ts'
import type { Log } from '../../ports/log.ts'

export interface MessageApiDeps {
  readonly directory: AppDirectory
  readonly bearers: Bearers
  readonly rules: Pick<RuleBook, 'rulesFor'>
  readonly hub: Pick<Hub, 'space'>
  readonly messages: Pick<Messages, 'publish' | 'history' | 'members'>
  /** Of what was just published in an app: when its webhooks are durable. @throws Outage */
  readonly settle: (appId: string) => Promise<void> | undefined
  readonly guard: Guard
  readonly limitBook: AppLimitBook
  readonly recordDenial: RecordDenial
  readonly tally: Tally
  readonly log: Log
}
