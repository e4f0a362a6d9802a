/** Puts the wSocket protocol together: who its clients are, and what they talk to. */
import { MessageDoor } from '../credentials/messages/message-door.ts'
import type { Bearers } from '../credentials/bearers.ts'
import type { WSocketDeps } from '../sessions/wsocket/wsocket-deps.ts'
import type { CredentialCore } from './credential-core.ts'
import type { MessageCore } from './messages.ts'

export interface WSocketPorts
  extends Pick<WSocketDeps, 'hub' | 'guard' | 'limitBook' | 'tally' | 'turns' | 'log'> {
  readonly bearers: Bearers
}

export function openWSocket(
  { authority, administration, recordDenial, ruleBook }: CredentialCore,
  { messages, history, resumeSessions }: MessageCore,
  { bearers, ...ports }: WSocketPorts,
): WSocketDeps {
  const { clock, random } = administration
  const { hub, guard, limitBook, tally, turns, log } = ports
  const door = new MessageDoor({ apps: authority.apps, bearers, guard, recordDenial })
  return {
    ...{ hub, guard, limitBook, tally, turns, log, clock, random, door, messages, recordDenial },
    directory: authority.apps,
    rules: ruleBook,
    resumes: resumeSessions,
    reachedMs: (appId) => history.reachedMs(appId),
  }
}
