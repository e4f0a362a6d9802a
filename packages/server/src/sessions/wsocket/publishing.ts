/**
 * A message of a client (contract wSocket 2 and 3): acknowledged by its own id once it is durable,
 * in the order of publishing; what was published a moment ago is acknowledged again.
 */
import { isLongerThan } from '@lockgate/protocol/bytes'
import { parseChannelName } from '@lockgate/protocol/wsocket/channel-name'
import type { ClientFrame } from '@lockgate/protocol/wsocket/codec'
import { publishAckFrame } from '@lockgate/protocol/wsocket/frames'
import type { Result } from '@lockgate/protocol/result'
import type { Published } from '../../core/messages/messages.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import { refusalFrame } from './answers.ts'
import { deny, type WSocketClient } from './client.ts'

type Publish = Extract<ClientFrame, { action: 'publish' }>

export function takePublish(client: WSocketClient, frame: Publish): void | Promise<void> {
  const { id, data, isKept } = frame
  const about = { channel: frame.channel, id }
  const { answers, space, deps, identity } = client
  const name = parseChannelName(frame.channel)
  if (!name.ok) return answers.refuse(name.refusal, about, name.detail)
  const channel = name.value
  if (!client.authority.may('publish', channel)) return deny(client, 'publish', about)
  const { messageBytesMax, echo } = space.app.settings
  if (isLongerThan(data, messageBytesMax)) return answers.refuse('message_large', about)
  if (!deps.hub.hasRoom()) return answers.refuse('overloaded', about)
  const limited = client.limits.publish(channel, data)
  if (limited !== undefined) return answers.limited(limited, about)
  const { clientId: publisherId } = client
  const request = { channel, id, data, publisherId, publisherKey: identity.owner, isKept }
  const published = deps.messages.publish(space, {
    ...request,
    ...(echo ? {} : { except: client }),
  })
  if (!(published instanceof Promise)) return answer(client, frame, published)
  return published.then((later) => answer(client, frame, later))
}

function answer(
  { answers, acks }: WSocketClient,
  { channel, id }: Publish,
  published: Result<Published, RefusalCode>,
): void {
  const about = { channel, id }
  if (!published.ok) return answers.refuse(published.refusal, about, published.detail)
  const { message, durable } = published.value
  acks.add({
    ack: publishAckFrame(id ?? message.id, message),
    failure: refusalFrame('unavailable', about),
    durable,
  })
}
