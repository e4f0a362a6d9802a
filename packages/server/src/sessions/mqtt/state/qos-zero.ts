/** QoS 0 to one client: sent now, or dropped and counted (MQTT 5 §4.3.1). */
import type { TopicDelivery } from '../../../core/topics/topic-subscriber.ts'
import type { ClientLink, Sending } from './client-link.ts'
import { expirySecondsOf } from './queue-pages.ts'
import type { SessionHome } from './session-home.ts'

const ONCE: Sending = { isDuplicate: false, expirySeconds: undefined }

/** @param link undefined: nobody is there to get it. */
export function deliverOnce(
  { figures, clock }: Pick<SessionHome, 'figures' | 'clock'>,
  link: ClientLink | undefined,
  delivery: TopicDelivery,
): void {
  if (link === undefined) return figures.dropped('offline')
  if (!link.hasRoom) return figures.dropped('no_room')
  const expirySeconds = expirySecondsOf(delivery.message, clock)
  const how = expirySeconds === undefined ? ONCE : { isDuplicate: false, expirySeconds }
  if (!link.sendPublish(delivery, 0, how)) figures.dropped('packet_large')
}
