/** What sessions of wSocket need of the server. */
import type { Hub } from '../../core/hub.ts'
import type { Messages } from '../../core/messages/messages.ts'
import type { ResumeSessions } from '../../core/messages/resume-sessions.ts'
import type { Tally } from '../../core/tally.ts'
import type { RecordDenial } from '../../credentials/audit/denied-access.ts'
import type { MessageEntrance } from '../../credentials/messages/message-door.ts'
import type { RuleBook } from '../../credentials/rules/rule-book.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Random } from '../../ports/random.ts'
import type { Turns } from '../../ports/turns.ts'
import type { ClientLimitsDeps } from '../client-limits.ts'

export interface WSocketDeps extends ClientLimitsDeps {
  readonly hub: Hub
  readonly messages: Messages
  readonly resumes: ResumeSessions
  /** Up to when an app has come: what is published later has a later time. Epoch. */
  readonly reachedMs: (appId: string) => number
  readonly door: MessageEntrance
  readonly rules: Pick<RuleBook, 'rulesFor'>
  readonly recordDenial: RecordDenial
  readonly tally: Tally
  readonly clock: Clock
  readonly random: Random
  readonly turns: Turns
  readonly log: Log
}
