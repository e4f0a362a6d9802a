/**
 * A ready receiver of webhooks: `Request` in, `Response` out, for Bun, Deno, edge runtimes, Hono
 * and, by `node-listener`, Node. It reads the raw body up to its bound, verifies, hands over what
 * is genuine, and answers so that the sender tries again exactly when that can help.
 */
import { readBoundedBytes } from './bounded-text.ts'
import type { VerifiedWebhook } from './webhook-event.ts'
import {
  type RefusedWebhook,
  refuseWebhook,
  WEBHOOK_REFUSALS,
  type WebhookRefusal,
} from './webhook-refusal.ts'
import type { WebhookVerifier } from './webhook-verifier.ts'

export interface WebhookHandlerOptions {
  /**
   * Gets each genuine webhook. What it throws makes the sender try again, with the same `id`. It
   * may get an id twice: an answer can be lost.
   */
  readonly onWebhook: (webhook: VerifiedWebhook) => void | Promise<void>
  /**
   * Hears every decision, for your log. Holds no signature and no secret. Absent: what a callback
   * throws is thrown on, so that the platform reports it.
   */
  readonly onDecision?: (decision: WebhookDecision) => void
}

export interface WebhookDecision {
  readonly outcome: 'handled' | 'repeated' | 'refused' | 'failed'
  readonly code: WebhookRefusal | 'handled' | 'repeated' | 'failed' | 'method_not_allowed'
  /** What to do about a refusal. */
  readonly detail?: string | undefined
  /** Only of a webhook that is genuine. */
  readonly id?: string
  /** What was thrown, where something failed. */
  readonly error?: unknown
}

const HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const

export function webhookHandler(
  verifier: WebhookVerifier,
  options: WebhookHandlerOptions,
): (request: Request) => Promise<Response> {
  const { onDecision } = options
  return async (request) => {
    try {
      const { response, decision } = await handle(verifier, options, request)
      onDecision?.(decision)
      return response
    } catch (error) {
      // Where nobody listens, the platform has to report it.
      if (onDecision === undefined) throw error
      onDecision({ outcome: 'failed', code: 'failed', error })
      return answer(500, 'failed')
    }
  }
}

interface Handled {
  readonly response: Response
  readonly decision: WebhookDecision
}

async function handle(
  verifier: WebhookVerifier,
  { onWebhook }: WebhookHandlerOptions,
  request: Request,
): Promise<Handled> {
  if (request.method !== 'POST') {
    const decision = { outcome: 'refused', code: 'method_not_allowed' } as const
    return { response: answer(405, decision.code, { allow: 'POST' }), decision }
  }
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > verifier.bodyBytesMax) return refused(refuseWebhook('body_too_large'))
  const body = await readBoundedBytes(request.body, verifier.bodyBytesMax)
  if (!body.ok) return refused(refuseWebhook(body.refusal))
  const webhook = verifier.handled({ rawBody: body.value, headers: request.headers })
  const authentic = await webhook.authenticate()
  if (!authentic.ok) return refused(authentic)
  const { id } = authentic.value
  const state = await webhook.take()
  if (state === 'full') return refused(refuseWebhook('replay_store_full'), id)
  // Handled already, and the answer was lost: there is nothing to try again.
  if (state === 'done') return { response: done(), decision: { ...REPEATED, id } }
  // Being handled just now: if that fails, the next attempt finds it released.
  if (state === 'taken') return refused(refuseWebhook('replayed'), id)
  try {
    await onWebhook(authentic.value)
  } catch (error) {
    const failures: unknown[] = [error]
    await webhook.release().catch((second: unknown) => failures.push(second))
    const text = 'The webhook failed, and could not be released.'
    throw failures.length === 1 ? error : new AggregateError(failures, text, { cause: error })
  }
  await webhook.finish()
  return { response: done(), decision: { outcome: 'handled', code: 'handled', id } }
}

const REPEATED = { outcome: 'repeated', code: 'repeated' } as const

function refused({ refusal, detail }: RefusedWebhook, id?: string): Handled {
  const named = id === undefined ? {} : { id }
  const decision = { outcome: 'refused', code: refusal, detail, ...named } as const
  return { response: answer(WEBHOOK_REFUSALS[refusal].status, refusal), decision }
}

function done(): Response {
  return new Response(null, { status: 204, headers: HEADERS })
}

function answer(
  status: number,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const all = { ...HEADERS, 'content-type': 'application/json', ...headers }
  return new Response(JSON.stringify({ error }), { status, headers: all })
}
