/** What messages are counted as where queues are bounded in bytes. Pure. */
import type { TopicMessage } from '../../../core/topics/topic-message.ts'

/** About what a message costs beside its topic and payload. */
export const MESSAGE_OVERHEAD_BYTES = 128

/** @returns bytes, about; at least {@link MESSAGE_OVERHEAD_BYTES}. */
export function messageBytes({ topic, payload, properties }: TopicMessage): number {
  const bytes = MESSAGE_OVERHEAD_BYTES + topic.length + payload.length
  const { contentType, responseTopic, correlationData, userProperties } = properties
  const passed =
    (contentType?.length ?? 0) + (responseTopic?.length ?? 0) + (correlationData?.length ?? 0)
  if (userProperties === undefined) return bytes + passed
  return userProperties.reduce((sum, pair) => sum + pair[0].length + pair[1].length, bytes + passed)
}
