/**
 * The protocols that WebSocket clients can speak, in the order in which they are asked (decision of
 * the upgrade: the first that knows the request has it). A new protocol is one more entry here.
 */
import type { Random } from '../ports/random.ts'
import type { MqttDeps } from './mqtt/mqtt-deps.ts'
import { mqttWebSockets } from './mqtt/protocol.ts'
import { pusherProtocol } from './pusher/admission.ts'
import type { PusherDeps } from './pusher/session.ts'
import type { Admission, UpgradeRequest, WebSocketProtocol } from './session.ts'

export type ProtocolDeps = PusherDeps & { readonly random: Random; readonly mqtt: MqttDeps }

export function webSocketProtocols(deps: ProtocolDeps): readonly WebSocketProtocol[] {
  return [mqttWebSockets(deps.mqtt), pusherProtocol(deps)]
}

/** @returns undefined when no protocol knows the request. */
export function admitUpgrade(
  protocols: readonly WebSocketProtocol[],
  request: UpgradeRequest,
): Admission | Promise<Admission> | undefined {
  for (const protocol of protocols) {
    const admission = protocol.admit(request)
    if (admission !== undefined) return admission
  }
  return undefined
}
