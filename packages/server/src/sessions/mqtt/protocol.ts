/**
 * How MQTT connections come in: a WebSocket that offers the subprotocol `mqtt` on any path
 * (decision 12), and a byte stream of its own.
 */
import type { StreamProtocol, WebSocketProtocol } from '../session.ts'
import type { MqttDeps } from './mqtt-deps.ts'
import { MqttSession } from './session.ts'

/** [MQTT-6.0.0-3], [MQTT-6.0.0-4] */
const SUBPROTOCOL = 'mqtt'

export function mqttWebSockets(deps: MqttDeps): WebSocketProtocol {
  return {
    admit({ subprotocols, origin, isTls, source }) {
      if (!subprotocols.includes(SUBPROTOCOL)) return undefined
      const from = { source: { ...source(), protocol: 'mqtt' }, origin, isWebSocket: true, isTls }
      return {
        kind: 'session',
        carries: 'stream',
        subprotocol: SUBPROTOCOL,
        start: (outbox, inflow) => new MqttSession({ outbox, inflow, from }, deps),
      }
    },
  }
}

export function mqttStreams(deps: MqttDeps): StreamProtocol {
  return {
    admit({ isTls, source }) {
      const told = { ...source(), protocol: 'mqtt' }
      const from = { source: told, origin: undefined, isWebSocket: false, isTls }
      return {
        kind: 'session',
        start: (outbox, inflow) => new MqttSession({ outbox, inflow, from }, deps),
      }
    },
  }
}
