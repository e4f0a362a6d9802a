/** Subscriptions of a client (contract wSocket 2 and 3), and what changed rules leave of them. */
import { parseChannelName } from '@lockgate/protocol/wsocket/channel-name'
import type { ClientFrame } from '@lockgate/protocol/wsocket/codec'
import { subscribedFrame, unsubscribedFrame } from '@lockgate/protocol/wsocket/frames'
import { HISTORY_PAGE_COUNT_MAX, type Replay } from '../../core/messages/messages.ts'
import { deny, type WSocketClient } from './client.ts'

/** `lost`: of what was missed, some is not there any more. */
export type SubscribeOutcome = 'subscribed' | 'lost' | 'refused'

export function takeSubscribe(
  client: WSocketClient,
  { channel, rewind }: Extract<ClientFrame, { action: 'subscribe' }>,
): Promise<unknown> | SubscribeOutcome {
  if (rewind === undefined) return subscribe(client, channel, undefined)
  // A rewind reads what was said before, also to who was not there.
  const name = parseChannelName(channel)
  const mayRead = !name.ok || client.authority.may('history', name.value)
  const isReadable = mayRead || !client.authority.may('subscribe', channel)
  if (!isReadable) deny(client, 'history', { channel })
  const count = Math.min(rewind, HISTORY_PAGE_COUNT_MAX)
  return subscribe(client, channel, isReadable ? { kind: 'rewind', count } : undefined)
}

/** Says itself what is refused. @throws Outage */
export function subscribe(
  client: WSocketClient,
  channel: string,
  replay: Replay | undefined,
): Promise<SubscribeOutcome> | SubscribeOutcome {
  const { answers, space, deps } = client
  const about = { channel }
  const name = parseChannelName(channel)
  if (!name.ok) {
    answers.refuse(name.refusal, about, name.detail)
    return 'refused'
  }
  if (!client.authority.may('subscribe', name.value)) {
    deny(client, 'subscribe', about)
    return 'refused'
  }
  const limited = client.limits.subscribe(name.value, client.channels)
  if (limited !== undefined) {
    answers.limited(limited, about)
    return 'refused'
  }
  const confirm = () => client.outbox.send(subscribedFrame(name.value))
  const action = replay?.kind === 'rewind' ? 'history' : 'subscribe'
  const isStillAllowed = () => client.authority.may(action, name.value)
  const request = {
    ...{ channel: name.value, confirm, isStillAllowed },
    ...(replay === undefined ? {} : { replay }),
  }
  const outcome = deps.messages.subscribe(space, client, request)
  const goOn = (result: Awaited<typeof outcome>) => {
    if (!result.ok && result.refusal === 'operation_denied') {
      deny(client, action, about)
      const mayStay = client.authority.may('subscribe', name.value)
      return mayStay ? subscribe(client, channel, undefined) : 'refused'
    }
    if (!result.ok) {
      answers.refuse(result.refusal, about, result.detail)
      return 'refused'
    }
    // Its member may have waited for it, under a credential that had more rights.
    if (!client.authority.may('presence', name.value)) {
      deps.messages.leave(space, client, name.value)
    }
    client.resumeTokens.subscribed()
    return result.value.isComplete ? 'subscribed' : 'lost'
  }
  return outcome instanceof Promise ? outcome.then(goOn) : goOn(outcome)
}

/** Idempotent: said again, it is confirmed again. */
export function takeUnsubscribe(client: WSocketClient, channel: string): void {
  const name = parseChannelName(channel)
  if (!name.ok) return client.answers.refuse(name.refusal, { channel }, name.detail)
  client.deps.messages.unsubscribe(client.space, client, name.value)
  client.outbox.send(unsubscribedFrame(name.value))
}

/** Rules or scopes have changed: what is lost is taken away, the rest stays. */
export function keepAllowed(client: WSocketClient): void {
  const { authority, channels, deps, space } = client
  for (const channel of [...channels]) {
    if (!authority.may('subscribe', channel)) loseSubscription(client, channel)
  }
  for (const channel of deps.messages.presentOn(space, client)) {
    if (authority.may('presence', channel)) continue
    deps.messages.leave(space, client, channel)
    deny(client, 'presence', { channel })
  }
}

function loseSubscription(client: WSocketClient, channel: string): void {
  client.deps.messages.unsubscribe(client.space, client, channel)
  deny(client, 'subscribe', { channel })
  client.outbox.send(unsubscribedFrame(channel))
}
