/** A router for tests of transports: the first protocol that knows a request has it. */
import type { UpgradeRouter } from '../../packages/server/src/sessions/registry.ts'
import type { WebSocketProtocol } from '../../packages/server/src/sessions/session.ts'

/** Each counts as `pusher`. */
export function plainRouter(...protocols: readonly WebSocketProtocol[]): UpgradeRouter {
  return {
    frameBytesMax: Math.max(0, ...protocols.map(({ frameBytesMax = 0 }) => frameBytesMax)),
    admit(request) {
      for (const each of protocols) {
        const admission = each.admit(request)
        if (admission !== undefined) return { protocol: 'pusher', admission }
      }
      return undefined
    },
  }
}
