/** DISCONNECT of a client (§3.14): whether its will is due, and how long its session is kept. */
import type { Disconnect } from '@lockgate/protocol/mqtt/packets'
import { REASON } from '@lockgate/protocol/mqtt/reason-codes'
import type { MqttClient } from './client.ts'

export function takeDisconnect(client: MqttClient, { reason, properties }: Disconnect): void {
  const { sessionExpiry } = properties
  // §3.14.2.2.2: what was to end with its connection is not kept after all.
  if (sessionExpiry !== undefined && sessionExpiry > 0 && client.terms.expirySeconds === 0) {
    return client.violated(REASON.protocolError, 'The session expiry of CONNECT was 0.')
  }
  const { sessionExpirySecondsMax } = client.deps.settings
  const granted = sessionExpiry && Math.min(sessionExpiry, sessionExpirySecondsMax)
  // [MQTT-3.14.4-3]
  client.socket.left({ isWillDue: reason !== REASON.success, expirySeconds: granted })
}
