/** What the actions of a wSocket client need of its connection. */
import type { AppSpace } from '../../core/app-space.ts'
import type { MessageConnection } from '../../core/messages/messages.ts'
import type {
  ChannelAction,
  ChannelAuthority,
} from '../../credentials/messages/channel-authority.ts'
import type { MessageIdentity } from '../../credentials/messages/message-identity.ts'
import type { About, Answers } from './answers.ts'
import type { OrderedAcks } from './ordered-acks.ts'
import type { ResumeTokens } from './resume-tokens.ts'
import type { WSocketDeps } from './wsocket-deps.ts'
import type { WSocketLimits } from './wsocket-limits.ts'

export interface WSocketClient extends MessageConnection {
  readonly deps: WSocketDeps
  readonly space: AppSpace
  readonly identity: MessageIdentity
  readonly authority: ChannelAuthority
  readonly answers: Answers
  readonly limits: WSocketLimits
  readonly acks: OrderedAcks
  readonly resumeTokens: ResumeTokens
  /** False: it has ended or left, and nobody waits for an answer. */
  readonly isOpen: boolean
}

/** Tells the client and the audit log. */
export function deny(
  client: WSocketClient,
  action: ChannelAction,
  about: About & { readonly channel: string },
): void {
  const { deps, authority, source, space } = client
  const attempt = authority.denialOf(action, about.channel, source)
  if (attempt !== undefined) deps.recordDenial(attempt, space.app)
  client.answers.deny(action, about)
}
