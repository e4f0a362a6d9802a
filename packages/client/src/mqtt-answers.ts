/** Asks MQTT.js and says what the broker's answers mean. */
import type { MqttClient, Packet } from 'mqtt'
import { ClientError } from './client-error.ts'
import type { Qos } from './client-options.ts'
import type { Forget, Outgoing } from './outbound.ts'

const NOT_AUTHORIZED = 0x87

/**
 * To be called while there is a connection.
 * @param done after the acknowledgement, at QoS 0 after the message was written.
 * @returns what keeps it from being sent again.
 */
export function publishBy(
  client: MqttClient,
  { topic, payload, options }: Outgoing,
  done: (error?: ClientError) => void,
): Forget {
  client.publish(topic, payload as Buffer, options, (error) => {
    if (error === undefined || error === null) return done()
    const { code: reasonCode } = error as { readonly code?: unknown }
    if (typeof reasonCode !== 'number') return done(new ClientError('connection_lost'))
    const isDenied = reasonCode === NOT_AUTHORIZED
    done(new ClientError(isDenied ? 'not_authorized' : 'publish_refused', { reasonCode }))
  })
  if (options.qos === 0) return () => undefined
  const id = client.getLastMessageId()
  return () => void client.removeOutgoingMessage(id)
}

/** @throws ClientError */
export function subscribeBy(client: MqttClient, filter: string, qos: Qos): Promise<void> {
  return new Promise((resolve, reject) => {
    client.subscribe(filter, { qos }, (error, _granted, packet) => {
      if (error === null) return resolve()
      const reasonCode = packet?.granted[0]
      if (typeof reasonCode === 'number') {
        // MQTT 3.1.1 has one code for every refusal, and rules are the usual reason.
        const isDenied = reasonCode === NOT_AUTHORIZED || client.options.protocolVersion === 4
        const code = isDenied ? 'not_authorized' : 'subscribe_refused'
        return reject(new ClientError(code, { reasonCode }))
      }
      // MQTT.js looks at a filter before it sends it.
      if (error.message.startsWith('Invalid topic')) {
        return reject(new ClientError('subscribe_refused', { reason: 'the filter is malformed' }))
      }
      reject(new ClientError('connection_lost'))
    })
  })
}

/** @returns whether there was an answer; without one the connection is gone. */
export function unsubscribeBy(client: MqttClient, filter: string): Promise<boolean> {
  return new Promise((resolve) => {
    client.unsubscribe(filter, (_error, packet) => resolve(packet?.cmd === 'unsuback'))
  })
}

/** MQTT.js has no public call for AUTH, nor for a DISCONNECT after which one comes back. */
export function sendPacket(client: MqttClient, packet: Packet): void {
  const sending = client as unknown as { _sendPacket(packet: Packet): void }
  sending['_sendPacket'](packet)
}
