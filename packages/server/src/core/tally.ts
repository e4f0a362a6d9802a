/**
 * What the server counts: plain numbers, read by the metrics adapter when someone asks. Labels are
 * refusal codes and nothing a client chooses, so the set is bounded.
 */
import type { RefusalCode } from './refusals.ts'

export class Tally {
  connectionsOpen = 0
  connectionsOpened = 0
  messagesPublished = 0
  messagesDelivered = 0
  clientEvents = 0
  framesReceived = 0
  httpRequests = 0
  slowConsumers = 0
  laggingConnections = 0
  pendingFrameBytes = 0
  backlogBytes = 0
  bugs = 0
  readonly refusals = new Map<RefusalCode, number>()

  refused(code: RefusalCode): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1)
  }
}
