/**
 * Ends every connection of a server that is going away, spread over time: pusher-js has no jitter,
 * so clients told to reconnect at one moment would all come back at one moment.
 */
import type { WebSockets } from './websocket.ts'

/** How often some connections are ended. */
const STEP_MS = 50
/** How long clients get to read what is left before their sockets are dropped. */
export const LAST_WORDS_MS = 2_500

/**
 * @param spreadMs over how long the closes are spread.
 * @returns when no connection is left.
 */
export function drainConnections(webSockets: WebSockets, spreadMs: number): Promise<void> {
  webSockets.refuseNew()
  const stepCount = Math.max(1, Math.floor(spreadMs / STEP_MS))
  const perStep = Math.max(1, Math.ceil(webSockets.openCount / stepCount))
  let remainingMs = spreadMs + LAST_WORDS_MS
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      webSockets.endSome(perStep)
      remainingMs -= STEP_MS
      if (remainingMs <= 0) webSockets.terminateAll()
      if (webSockets.openCount > 0 && remainingMs > 0) return
      clearInterval(timer)
      resolve()
    }, STEP_MS)
  })
}
