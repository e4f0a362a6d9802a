/**
 * Publishing to topics over HTTP (contract CloudSignal 8): who asks is known before much is read,
 * held to the rules of its organization and its limits, and answered once what it published cannot
 * be lost any more.
 */
import { ownSubject } from '../../core/limits/charges.ts'
import type { Asker } from '../../core/limits/charge-writing.ts'
import type { Source } from '../../core/source.ts'
import type { TopicMessage } from '../../core/topics/topic-message.ts'
import { randomBase62 } from '../../credentials/identifiers.ts'
import { EVENT_DATA_BYTES_MAX, readBody } from '../body.ts'
import { tellFailure } from '../failures.ts'
import { parseJsonBody } from '../json-body.ts'
import { isMediaType, JSON_TYPE } from '../media-type.ts'
import type { RequestSource } from '../request-source.ts'
import { allowCall, mayRead, sharedWith } from '../token-service/pages.ts'
import {
  publishedAnswer,
  publishLimitHeaders,
  type PublishRefusal,
  refusedPublish,
} from './answers.ts'
import type { PublisherDeps } from './deps.ts'
import { readMessage } from './published-message.ts'
import { provePublisher, type Publisher } from './publishers.ts'

/** Ours: larger payloads are for MQTT itself, whatever an app allows there. */
export const PAYLOAD_BYTES_MAX = 1024 * 1024
/** JSON text inside JSON doubles its quotes; beside it stand a topic and properties. */
export const PUBLISH_BODY_BYTES_MAX = 2 * PAYLOAD_BYTES_MAX + 2 * EVENT_DATA_BYTES_MAX
const JSON_BOUNDS = { depthMax: 64, memberCountMax: 20_000 }
const MESSAGE_ID_LENGTH = 22

export interface PublishContext {
  readonly deps: PublisherDeps
  readonly source: () => RequestSource
  readonly defaultQos: 0 | 1
}

interface Call {
  readonly request: Request
  readonly deps: PublisherDeps
  readonly source: Source
  readonly defaultQos: 0 | 1
}

interface Answered {
  readonly answer: Response
  /** The app it was for; undefined where it got to none. */
  readonly appId: string | undefined
}

export async function handlePublish(
  request: Request,
  { deps, source, defaultQos }: PublishContext,
): Promise<Response> {
  const call = { request, deps, defaultQos, source: { ...source(), protocol: 'http' } }
  const origin = request.headers.get('origin')
  if (request.method === 'OPTIONS') return answerOptions(call, origin)
  const { answer, appId } = await answerOf(call)
  const isReadable = origin !== null && mayRead(deps.directory, origin, appId)
  const shared = sharedWith(isReadable ? origin : undefined, answer)
  if (isReadable) shared.headers.append('access-control-expose-headers', READABLE)
  return shared
}

/** What a browser asks is answered for all apps together: it sends no key with it. */
function answerOptions({ deps }: Call, origin: string | null): Response {
  if (origin === null) return new Response(null, { status: 204, headers: { allow: ALLOW } })
  const isOfApp = mayRead(deps.directory, origin, undefined)
  if (!isOfApp) return sharedWith(undefined, refusedPublish({ refusal: 'origin_refused' }))
  return sharedWith(origin, allowCall(new Response(null, { status: 204 })))
}

async function answerOf(call: Call): Promise<Answered> {
  const { request, deps, source } = call
  const refuse = (refused: PublishRefusal, appId?: string): Answered => {
    deps.tally.refused(refused.refusal)
    return { answer: refusedPublish(refused), appId }
  }
  if (request.method !== 'POST') {
    return refuse({ refusal: 'method_unknown', headers: { allow: ALLOW } })
  }
  try {
    const proven = await provePublisher(request, source, deps)
    if (!proven.ok) return refuse(proven.refused, proven.appId)
    const { publisher } = proven
    const outcome = await publishAs(publisher, call)
    const told = limitsOf(publisher, deps)
    if (typeof outcome !== 'string') deps.tally.refused(outcome.refusal)
    const answer =
      typeof outcome === 'string' ? publishedAnswer(outcome, told) : refusedPublish(outcome, told)
    return { answer, appId: publisher.identity.loaded.app.id }
  } catch (error) {
    return { answer: refusedPublish({ refusal: tellFailure(error, deps) }), appId: undefined }
  }
}

/** @returns the id of the message. @throws Outage */
async function publishAs(publisher: Publisher, call: Call): Promise<string | PublishRefusal> {
  const { deps, source } = call
  const { refused } = deps.guard.charge(chargeOf(publisher), {
    owner: undefined,
    source: () => source,
  })
  if (refused !== undefined) return { refusal: 'rate_limited', reading: refused }
  const read = await readCall(publisher, call)
  if ('refusal' in read) return read
  const denied = judge(publisher, read, call)
  if (denied !== undefined) return denied
  return publish(publisher, read, deps)
}

async function readCall(
  { identity, isOfPage }: Publisher,
  { request, deps, defaultQos }: Call,
): Promise<TopicMessage | PublishRefusal> {
  if (!isMediaType(request.headers.get('content-type'), JSON_TYPE)) {
    return { refusal: 'media_type_unsupported' }
  }
  const body = await readBody(request, { bytesMax: PUBLISH_BODY_BYTES_MAX })
  if (!body.ok) return body
  const parsed = parseJsonBody(body.value, JSON_BOUNDS)
  if (!parsed.ok) return parsed
  const message = readMessage(parsed.value, { defaultQos, nowMs: deps.clock.nowMs() })
  if (!message.ok) return message
  const bytesMax = Math.min(PAYLOAD_BYTES_MAX, identity.loaded.app.settings.mqttPayloadBytesMax)
  if (message.value.payload.length <= bytesMax) {
    return isOfPage ? { ...message.value, isOfPage } : message.value
  }
  return { refusal: 'event_data_large', detail: `payload has at most ${bytesMax} bytes.` }
}

function judge(
  { identity }: Publisher,
  { topic, qos, retain, payload }: TopicMessage,
  { deps, source }: Call,
): PublishRefusal | undefined {
  const { loaded, userId } = identity
  const rules = deps.rules.rulesFor(identity, NO_CLIENT)
  if (!rules.mayPublish(topic, qos, retain)) {
    const question = { action: 'publish', topic, qos, retain } as const
    const attempt = deps.rules.denialOf(question, { rules, identity, source })
    if (attempt !== undefined) deps.recordDenial(attempt, loaded.app)
    return { refusal: 'operation_denied', detail: 'The rules do not allow to publish this here.' }
  }
  if (!deps.hub.hasRoom()) return { refusal: 'overloaded' }
  const user = userId === undefined ? undefined : ownSubject(loaded.app.id, userId)
  const asker: Asker = { user, connection: undefined, source }
  const items = [{ channels: [{ name: topic }], data: payload }]
  const { refused } = deps.guard.serverPublish(
    deps.limitBook.for(loaded, identity.limits),
    asker,
    items,
  )
  return refused && { refusal: 'rate_limited', reading: refused }
}

async function publish(
  { identity }: Publisher,
  message: TopicMessage,
  deps: PublisherDeps,
): Promise<string | PublishRefusal> {
  const { app } = identity.loaded
  const space = deps.hub.space(app)
  const writes = deps.writesOf(space)
  const { writeCount, refusedCount } = writes
  const { retained } = deps.topics.publish(space, message)
  const isLost = writes.refusedCount !== refusedCount
  // Whatever it was published at: who is told of success relies on it.
  const isDurable = writes.writeCount === writeCount || (await writes.settled())
  await deps.settle(app.id)
  if (retained === 'full') return { refusal: 'topics_full' }
  if (isLost || !isDurable) return { refusal: 'unavailable' }
  return `msg_${randomBase62(deps.random, MESSAGE_ID_LENGTH)}`
}

function limitsOf(publisher: Publisher, { guard, clock }: PublisherDeps) {
  return publishLimitHeaders(guard.readOwn(chargeOf(publisher)), clock.nowMs())
}

function chargeOf({ subject }: Publisher) {
  return [{ name: 'rest_publish.credential', subject }] as const
}

/** Placeholders that name a client stand for nobody here. */
const NO_CLIENT = ''
const ALLOW = 'POST, OPTIONS'
const READABLE = 'X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset'
