/**
 * The data plane of documents (contract WireSocket 8): where a document is, how much of its plan an
 * app uses, how the node is. Each is charged to the address that asks before anything else.
 */
import { isDocumentName } from '@lockgate/protocol/yjs/document-name'
import { type AddressPolicy, chargeAddress } from '../../core/limits/address-policy.ts'
import { tellFailure } from '../failures.ts'
import { busyHeaders, dataAnswer, type DataRefusal, limitedData, refusedData } from './answers.ts'
import { type DataCaller, proveCaller } from './callers.ts'
import type { DataCall } from './deps.ts'
import { preflightAnswer, readableByPage } from './pages.ts'
import type { DataQuestion } from './paths.ts'
import { usageFigure } from './usage-figure.ts'

export async function handleData(question: DataQuestion, call: DataCall): Promise<Response> {
  const { request } = call
  if (question === 'health') return guarded(call, 'health.ip', () => health(call))
  if (request.method === 'OPTIONS') return readableByPage(request, preflightAnswer(METHODS))
  const answer =
    question === 'usage'
      ? await guarded(call, 'usage.ip', () => usage(call))
      : await guarded(call, 'discovery.ip', () => discovery(call))
  return readableByPage(request, answer)
}

/** Charges the address first, and lets nothing through that was thrown. */
async function guarded(
  call: DataCall,
  policy: AddressPolicy,
  work: () => Promise<Response>,
): Promise<Response> {
  const { request, deps, source } = call
  const limited = chargeAddress(deps.guard, policy, () => ({ ...source(), protocol: 'http' }))
  if (limited !== undefined) {
    deps.tally.refused(limited.refusal)
    return limitedData(limited)
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return refused({ refusal: 'method_unknown', headers: { allow: METHODS } }, call)
  }
  try {
    return await work()
  } catch (error) {
    return refusedData({ refusal: tellFailure(error, deps) }, deps.load)
  }
}

/** @throws Outage */
async function discovery(call: DataCall): Promise<Response> {
  const { request, target, deps } = call
  return answerCaller(call, async ({ loaded: { app } }) => {
    const name = new URLSearchParams(target.query).get('documentName')
    if (name === null) return refused({ refusal: 'request_malformed', detail: NAME_TEXT }, call)
    if (!isDocumentName(name)) return refused({ refusal: 'document_name_invalid' }, call)
    const host = request.headers.get('host') ?? ''
    const at = { host, isTls: target.isTls === true }
    const { region, url = null, isNew } = await deps.documents.locate(app, name, at)
    return dataAnswer({ region, url, isNew })
  })
}

/** @throws Outage */
async function usage(call: DataCall): Promise<Response> {
  const { documents, clock } = call.deps
  return answerCaller(call, async ({ loaded: { app }, limits }) => {
    const { connectionCount, documentCount } = await documents.usage(app)
    return dataAnswer({
      tenantId: app.tenantId,
      appId: app.id,
      usage: {
        connections: usageFigure(connectionCount, limits.maxConnections),
        documents: usageFigure(documentCount, limits.maxDocuments),
      },
      timestamp: timeText(clock.nowMs()),
    })
  })
}

async function health({ deps }: DataCall): Promise<Response> {
  const status = await deps.health.read()
  const answer = { status, timestamp: timeText(deps.clock.nowMs()) }
  if (status === 'healthy') return dataAnswer(answer)
  return dataAnswer(answer, 503, busyHeaders(deps.load))
}

async function answerCaller(
  call: DataCall,
  answer: (caller: DataCaller) => Promise<Response>,
): Promise<Response> {
  const proven = await proveCaller(call)
  if (proven.ok) return answer(proven.value)
  if ('reading' in proven) {
    call.deps.tally.refused(proven.refusal)
    return limitedData(proven)
  }
  const { refusal } = proven
  const isOfToken = refusal.startsWith('credential') || refusal === 'token_expired'
  return refused({ refusal, ...(isOfToken && { headers: CHALLENGE }) }, call)
}

function refused(refusal: DataRefusal, { deps }: DataCall): Response {
  deps.tally.refused(refusal.refusal)
  return refusedData(refusal, deps.load)
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}

const METHODS = 'GET, HEAD, OPTIONS'
const CHALLENGE = { 'www-authenticate': 'Bearer realm="lockgate"' } // RFC 6750 §3
const NAME_TEXT = 'Name the document: ?documentName='
