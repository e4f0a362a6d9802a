/**
 * Channels with history over HTTP, for servers (contract wSocket 8): publish, read back, see who is
 * there. Who asks is known before a body is read; what is answered as published cannot be lost.
 */
import { parseChannelName } from '@lockgate/protocol/wsocket/channel-name'
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import { ownSubject } from '../../core/limits/charges.ts'
import type { Asker } from '../../core/limits/charge-writing.ts'
import { type Limited, refuseByLimit } from '../../core/limits/limit-refusal.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Source } from '../../core/source.ts'
import {
  ChannelAuthority,
  type ChannelAction,
} from '../../credentials/messages/channel-authority.ts'
import { jsonAnswer, limitedAnswer, refusedAnswer } from '../answers.ts'
import { readBody } from '../body.ts'
import { isPreflight, preflightAnswer, readableBy } from '../cors.ts'
import { tellFailure } from '../failures.ts'
import { isMediaType, JSON_TYPE } from '../media-type.ts'
import type { RequestSource } from '../request-source.ts'
import { historyText, membersText, publishedText } from './answers.ts'
import { type AskedPublish, readHistoryQuery, readPublish } from './asked.ts'
import { type Caller, proveCaller } from './callers.ts'
import type { MessageApiDeps } from './deps.ts'
import type { MessagePath } from './paths.ts'

/** The most an app may allow for one message, and its envelope. The same for every app. */
export const MESSAGE_BODY_BYTES_MAX = 1024 * 1024 + 16 * 1024

interface Call {
  readonly request: Request
  readonly path: MessagePath
  /** Raw, without the `?`. */
  readonly query: string
  readonly source: Source
  readonly deps: MessageApiDeps
}

/** One that may be answered. */
interface KnownCall extends Call, Caller {
  readonly channel: string
}

export async function handleMessages(
  request: Request,
  path: MessagePath,
  of: {
    readonly deps: MessageApiDeps
    readonly query: string
    readonly source: () => RequestSource
  },
): Promise<Response> {
  const { deps, query } = of
  const app = deps.directory.findById(path.appId)?.app
  if (isPreflight(request)) return preflightAnswer(request, app)
  const source = { ...of.source(), protocol: 'http' }
  const answer = await answerOf({ request, path, query, source, deps })
  return readableBy(app, request, answer)
}

async function answerOf(call: Call): Promise<Response> {
  const { request, path, deps } = call
  const allow = path.resource === 'presence' ? 'GET' : 'GET, POST'
  if (!allow.split(', ').includes(request.method)) {
    deps.tally.refused('method_unknown')
    return refusedAnswer('method_unknown', undefined, { allow })
  }
  try {
    const outcome = await operate(call)
    if (outcome.ok) return jsonAnswer(outcome.value)
    deps.tally.refused(outcome.refusal)
    if ('reading' in outcome) return limitedAnswer(outcome)
    const headers = outcome.refusal === 'credential_missing' ? CHALLENGE : {}
    return refusedAnswer(outcome.refusal, outcome.detail, headers)
  } catch (error) {
    return refusedAnswer(tellFailure(error, deps))
  }
}

/** @returns JSON text. @throws Outage */
async function operate(call: Call): Promise<Limited<string>> {
  const { request, path, source, deps } = call
  const caller = await proveCaller(request, { addressed: path.appId, source }, deps)
  if (!caller.ok) return caller
  const { identity } = caller.value
  const subject = ownSubject(identity.loaded.app.id, identity.owner)
  const charged = [{ name: 'rest_publish.credential', subject }] as const
  const { refused } = deps.guard.charge(charged, { owner: undefined, source: () => source })
  if (refused !== undefined) return refuseByLimit(refused)
  const channel = readChannel(path.channelText)
  if (!channel.ok) return channel
  const known = { ...call, ...caller.value, channel: channel.value }
  if (path.resource === 'presence') return listMembers(known)
  return request.method === 'POST' ? publish(known) : readHistory(known)
}

async function publish(call: KnownCall): Promise<Limited<string>> {
  const { request, identity, channel, source, deps } = call
  if (!isMediaType(request.headers.get('content-type'), JSON_TYPE)) {
    return refuse('media_type_unsupported')
  }
  const allowed = judge(call, 'publish')
  if (!allowed.ok) return allowed
  const space = deps.hub.space(identity.loaded.app)
  const body = await readBody(request, { bytesMax: MESSAGE_BODY_BYTES_MAX })
  if (!body.ok) return body
  const asked = readPublish(body.value)
  if (!asked.ok) return asked
  const publisherId = publisherOf(call, asked.value)
  if (!publisherId.ok) return publisherId
  const { loaded, userId } = identity
  const user = userId === undefined ? undefined : ownSubject(loaded.app.id, userId)
  const asker: Asker = { user, connection: undefined, source }
  const limits = deps.limitBook.for(loaded, identity.limits)
  const { data, id, isKept } = asked.value
  const charged = deps.guard.serverPublish(limits, asker, [{ channels: [{ name: channel }], data }])
  if (charged.refused !== undefined) return refuseByLimit(charged.refused)
  const published = await deps.messages.publish(space, {
    ...{ channel, id, data, isKept },
    publisherId: publisherId.value,
    publisherKey: identity.owner,
  })
  if (!published.ok) return published
  await published.value.durable
  await deps.settle(loaded.app.id)
  return ok(publishedText(published.value))
}

async function readHistory(call: KnownCall): Promise<Limited<string>> {
  const { identity, channel, query, deps } = call
  const allowed = judge(call, 'history')
  if (!allowed.ok) return allowed
  const asked = readHistoryQuery(query)
  if (!asked.ok) return asked
  const space = deps.hub.space(identity.loaded.app)
  const page = await deps.messages.history(space, { channel, ...asked.value })
  return page.ok ? ok(historyText(channel, page.value)) : page
}

function listMembers(call: KnownCall): Limited<string> {
  const { identity, channel, deps } = call
  const allowed = judge(call, 'presence')
  if (!allowed.ok) return allowed
  const space = deps.hub.space(identity.loaded.app)
  return ok(membersText(channel, deps.messages.members(space, channel)))
}

function judge(
  { identity, channel, source, deps }: KnownCall,
  action: ChannelAction,
): Result<true, RefusalCode> {
  const authority = new ChannelAuthority(identity, identity.clientId ?? '', deps.rules)
  if (authority.may(action, channel)) return ok(true)
  const attempt = authority.denialOf(action, channel, source)
  if (attempt !== undefined) deps.recordDenial(attempt, identity.loaded.app)
  return refuse('operation_denied', `This credential may not do that here: ${action}.`)
}

/** A server publishes for whom it says, anybody else as itself. */
function publisherOf(
  { identity, isServer }: KnownCall,
  { clientId }: AskedPublish,
): Result<string, RefusalCode> {
  const own = identity.clientId ?? identity.owner.slice(identity.owner.indexOf(':') + 1)
  if (clientId === undefined || clientId === own) return ok(own)
  return isServer ? ok(clientId) : refuse('operation_denied', PUBLISHER_TEXT)
}

function readChannel(text: string): Result<string, RefusalCode> {
  try {
    return parseChannelName(decodeURIComponent(text))
  } catch (error) {
    if (error instanceof URIError) return refuse('channel_invalid')
    throw error
  }
}

const CHALLENGE = { 'www-authenticate': 'Bearer realm="lockgate"' }
const PUBLISHER_TEXT = 'Only a server key may publish under another client id.'
