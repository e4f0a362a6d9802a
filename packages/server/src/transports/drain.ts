/**
 * Ends every connection of a server that is going away, spread over time: pusher-js has no jitter,
 * so clients told to reconnect at one moment would all come back at one moment.
 */

/** How often some connections are ended. */
const STEP_MS = 50
/** How long clients get to read what is left before their sockets are dropped. */
export const LAST_WORDS_MS = 2_500

/** Connections of one transport. */
export interface DrainedTransport {
  readonly openCount: number
  /** From now on every connection is refused. */
  refuseNew(): void
  endSome(countMax: number): void
  terminateAll(): void
}

/**
 * @param spreadMs over how long the closes are spread.
 * @returns when no connection is left.
 */
export async function drainConnections(
  transports: readonly DrainedTransport[],
  spreadMs: number,
): Promise<void> {
  await Promise.all(transports.map((transport) => drainTransport(transport, spreadMs)))
}

function drainTransport(transport: DrainedTransport, spreadMs: number): Promise<void> {
  transport.refuseNew()
  const stepCount = Math.max(1, Math.floor(spreadMs / STEP_MS))
  const perStep = Math.max(1, Math.ceil(transport.openCount / stepCount))
  let remainingMs = spreadMs + LAST_WORDS_MS
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      transport.endSome(perStep)
      remainingMs -= STEP_MS
      if (remainingMs <= 0) transport.terminateAll()
      if (transport.openCount > 0 && remainingMs > 0) return
      clearInterval(timer)
      resolve()
    }, STEP_MS)
  })
}
