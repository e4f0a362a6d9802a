/** One page of what was said (contract wSocket 5). */
import { parseChannelName } from '@lockgate/protocol/wsocket/channel-name'
import type { ClientFrame } from '@lockgate/protocol/wsocket/codec'
import { historyFrame } from '@lockgate/protocol/wsocket/frames'
import { HISTORY_PAGE_COUNT_DEFAULT, HISTORY_PAGE_COUNT_MAX } from '../../core/messages/messages.ts'
import { deny, type WSocketClient } from './client.ts'

type History = Extract<ClientFrame, { action: 'history' }>

export function takeHistory(client: WSocketClient, frame: History): void | Promise<void> {
  const { answers } = client
  const about = { channel: frame.channel }
  const name = parseChannelName(frame.channel)
  if (!name.ok) return answers.refuse(name.refusal, about, name.detail)
  if (!client.authority.may('history', name.value)) return deny(client, 'history', about)
  const limited = client.limits.read(name.value)
  if (limited !== undefined) return answers.limited(limited, about)
  return readPage(client, frame)
}

/** What this client published before is in it, and was acknowledged before. @throws Outage */
async function readPage(client: WSocketClient, frame: History): Promise<void> {
  const { channel, direction, beforeMs, afterMs, limit = HISTORY_PAGE_COUNT_DEFAULT } = frame
  await client.acks.settled()
  const countMax = Math.min(limit, HISTORY_PAGE_COUNT_MAX)
  const query = { channel, direction, beforeMs, afterMs, countMax }
  const page = await client.deps.messages.history(client.space, query)
  // It may have been taken away while the page was read.
  if (!client.authority.may('history', channel)) return deny(client, 'history', { channel })
  if (!page.ok) return client.answers.refuse(page.refusal, { channel }, page.detail)
  const { messages, hasMore } = page.value
  client.outbox.send(historyFrame({ channel, messages, hasMore }))
}
