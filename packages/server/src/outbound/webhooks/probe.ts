/**
 * Asks a receiver what it verifies with: a delivery that the newest version alone has signed, and
 * where that is taken another one that a key of nobody has signed. Who takes both verifies nothing,
 * so that nothing is proved by the first.
 */
import { standardWebhookBody } from '@lockgate/protocol/webhooks/standard'
import { newWebhookPair, newWebhookSecret, webhookKeyOf } from '../../credentials/webhook-secret.ts'
import type { Random } from '../../ports/random.ts'
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import type { SendResult, WebhookSender } from '../../ports/webhook-sender.ts'
import { newDeliveryId } from './delivery-id.ts'
import { standardHeaders } from './signed-headers.ts'
import type { StandardKey } from './signing-keys.ts'

/** `type` of the body; its data names the endpoint. */
const PROBE_TYPE = 'webhook.probe'
const CONTENT_TYPE = { 'content-type': 'application/json' }

/**
 * Too much to do, or nobody behind a proxy. What throws where it verifies answers 500, which counts
 * as a refusal.
 */
const NOT_LOOKED_AT: ReadonlySet<number> = new Set([429, 502, 503, 504])

export interface ProbeResult {
  /** `undecided`: the control had no answer, or one that says nothing of its signature. */
  readonly verdict: 'adopted' | 'refused' | 'unverifying' | 'undecided'
  /** Of the delivery that tells; of the control where that is it. */
  readonly outcome: string
  /** Undefined: it was not asked, or did not answer. */
  readonly isVerifying: boolean | undefined
}

interface ProbePorts {
  /** Posts as deliveries are posted. */
  readonly sender: Pick<WebhookSender, 'send'>
  readonly random: Random
  readonly nowMs: number
}

export async function probeReceiver(
  endpoint: WebhookEndpointRecord,
  key: StandardKey,
  ports: ProbePorts,
): Promise<ProbeResult> {
  const answer = await ask(endpoint, key, ports)
  const outcome = outcomeOf(answer)
  if (!isTaken(answer)) return { verdict: 'refused', outcome, isVerifying: undefined }
  const control = await ask(endpoint, keyOfNobody(key, ports.random), ports)
  if (control.kind === 'failed' || NOT_LOOKED_AT.has(control.status)) {
    return { verdict: 'undecided', outcome: outcomeOf(control), isVerifying: undefined }
  }
  const isVerifying = !isTaken(control)
  return { verdict: isVerifying ? 'adopted' : 'unverifying', outcome, isVerifying }
}

function ask(
  endpoint: WebhookEndpointRecord,
  key: StandardKey,
  { sender, random, nowMs }: ProbePorts,
): Promise<SendResult> {
  const data = { endpointId: endpoint.id }
  // Both read alike: a receiver that knew the control could refuse it and verify nothing.
  const body = standardWebhookBody({ type: PROBE_TYPE, atMs: nowMs, data })
  const id = newDeliveryId(nowMs, random)
  const headers = { ...CONTENT_TYPE, ...standardHeaders([key], { id, nowMs, body }) }
  return sender.send({ connectionKey: endpoint.id, url: endpoint.url, headers, body })
}

function isTaken(result: SendResult): boolean {
  return result.kind === 'answered' && result.status >= 200 && result.status < 300
}

function outcomeOf(result: SendResult): string {
  return result.kind === 'answered' ? String(result.status) : result.failure
}

/** Of the same algorithm: only who signed differs. */
function keyOfNobody({ algorithm }: StandardKey, random: Random): StandardKey {
  const value = algorithm === 'ed25519' ? newWebhookPair(random) : newWebhookSecret(random)
  return { versionId: 'none', ...webhookKeyOf(value) }
}
