/** Receivers of webhooks as functions: what is posted where, and what is answered. */
import type {
  SendOrder,
  SendResult,
  WebhookSender,
} from '../../packages/server/src/ports/webhook-sender.ts'

/** What a receiver does with a post; a promise that never ends is one that hangs. */
export type Receiver = (order: SendOrder) => SendResult | Promise<SendResult>

export const answer = (status: number, retryAfter?: string): SendResult => ({
  kind: 'answered',
  status,
  retryAfter,
})

export class ScriptedSender implements WebhookSender {
  readonly sent: SendOrder[] = []
  /** By connection key; who is not here answers 200. */
  readonly receivers = new Map<string, Receiver>()

  async send(order: SendOrder): Promise<SendResult> {
    this.sent.push(order)
    return (this.receivers.get(order.connectionKey) ?? (() => answer(200)))(order)
  }

  tick(): void {}

  close(): void {}
}
