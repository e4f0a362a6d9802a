/** What an MQTT client is charged for, in one decision each. */
import { ClientLimits } from '../client-limits.ts'

export class MqttLimits extends ClientLimits {
  /** Whether a message may go out; charges it. */
  mayPublish(topic: string, payload: Uint8Array): boolean {
    const charged = { channel: topic, data: payload }
    return this.guard.topicPublish(this.current(), this.asker, charged).isAllowed
  }

  /**
   * Whether one more filter may be held.
   * @param heldCount without it; undefined: it replaces one that is.
   */
  maySubscribe(filter: string, heldCount: number | undefined): boolean {
    const { connection } = this.asker
    if (heldCount !== undefined && this.full('subscriptions.connection', heldCount, connection)) {
      return false
    }
    return this.guard.subscribe(this.current(), this.asker, filter).isAllowed
  }
}
