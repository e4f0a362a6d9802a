/** Answers of channels with history: data goes out as the JSON text it came in as. Pure. */
import type { ChannelMessage, PresentMember, Published } from '../../core/messages/messages.ts'
import type { HistoryPage } from '../../ports/history-store.ts'

export function publishedText({ message, isRepeated }: Published): string {
  const { id, channel, timestampMs: timestamp, sequence } = message
  return JSON.stringify({ id, channel, timestamp, sequence, repeated: isRepeated })
}

export function historyText(channel: string, { messages, hasMore }: HistoryPage): string {
  const list = messages.map(messageText).join(',')
  return `{"channel":${JSON.stringify(channel)},"messages":[${list}],"hasMore":${hasMore}}`
}

export function membersText(channel: string, members: readonly PresentMember[]): string {
  const list = members.map(({ clientId, data, joinedAtMs }) => {
    const state = data === undefined ? '' : `,"data":${data}`
    return `{"clientId":${JSON.stringify(clientId)},"joinedAt":${joinedAtMs}${state}}`
  })
  return `{"channel":${JSON.stringify(channel)},"members":[${list.join(',')}]}`
}

/** All six fields, as in frames (contract wSocket 3). */
function messageText(message: ChannelMessage): string {
  const { id, channel, data, publisherId, timestampMs: timestamp, sequence } = message
  const rest = JSON.stringify({ id, channel, publisherId, timestamp, sequence })
  return `${rest.slice(0, -1)},"data":${data}}`
}
