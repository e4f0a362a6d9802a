/**
 * Which protocol a WebSocket upgrade speaks (decision 12). The first one that knows the request has
 * it; a new protocol is one more entry where the server is composed.
 */
import type { Admission, UpgradeRequest, WebSocketProtocol } from './session.ts'

/** @returns undefined when no protocol knows the request. */
export function admitUpgrade(
  protocols: readonly WebSocketProtocol[],
  request: UpgradeRequest,
): Admission | undefined {
  for (const protocol of protocols) {
    const admission = protocol.admit(request)
    if (admission !== undefined) return admission
  }
  return undefined
}
