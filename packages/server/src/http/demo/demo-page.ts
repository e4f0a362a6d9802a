/**
 * The front page of a development server: a person sees events of the demo app arrive and sends
 * one. It publishes into the demo app only, so what it lets anyone do is bounded to that app.
 */
import { parseChannelName } from '@lockgate/protocol/pusher/channel-name'
import type { Hub } from '../../core/hub.ts'
import type { Guard } from '../../core/limits/guard.ts'
import type { Source } from '../../core/source.ts'
import type { LoadedApp } from '../../credentials/app-directory.ts'
import type { Asset } from '../../ports/asset.ts'
import { assetAnswer, jsonAnswer, refusedAnswer } from '../answers.ts'
import { BODY_BYTES_MAX, readBody } from '../body.ts'
import { parseJsonBody } from '../json-body.ts'
import { isMediaType, JSON_TYPE } from '../media-type.ts'
import { isSameOrigin } from '../same-origin.ts'
import type { RequestTarget } from '../target.ts'

export const DEMO_CHANNEL = 'demo'
export const DEMO_EVENT = 'message'
/** Our bounds on what the page sends. */
export const DEMO_TEXT_LENGTH_MAX = 500

export interface DemoDeps {
  readonly app: LoadedApp
  readonly hub: Hub
  readonly guard: Guard
  /** By path: `/`, `/demo/page.js`, … */
  readonly assets: ReadonlyMap<string, Asset>
}

export class DemoPage {
  readonly deps: DemoDeps

  constructor(deps: DemoDeps) {
    this.deps = deps
  }

  mayPublish(): boolean {
    const { guard, app } = this.deps
    const charge = { name: 'demo_publish.app', subject: app.app.id } as const
    return guard.charge([charge], { owner: undefined, source: () => PAGE }).isAllowed
  }
}

/** Whoever uses the page is nobody in particular. */
const PAGE: Source = { ip: '', agent: '', protocol: 'demo' }

/** @returns undefined when the path is not of the demo. */
export function handleDemo(
  request: Request,
  target: RequestTarget,
  page: DemoPage,
): Promise<Response> | Response | undefined {
  if (request.method === 'GET') {
    if (target.path === '/demo/app.json') return jsonAnswer(JSON.stringify(describeApp(page)))
    const asset = page.deps.assets.get(target.path)
    return asset === undefined ? undefined : assetAnswer(asset)
  }
  if (target.path !== '/demo/events') return undefined
  if (request.method !== 'POST') {
    return refusedAnswer('method_unknown', undefined, { allow: 'POST' })
  }
  return publish(request, page)
}

function describeApp(page: DemoPage): Record<string, string | undefined> {
  const keys = page.deps.app.credentials.flatMap(({ record }) => record.attributes.appKey ?? [])
  return { key: keys[0], channel: DEMO_CHANNEL, event: DEMO_EVENT }
}

async function publish(request: Request, page: DemoPage): Promise<Response> {
  // A form of another site can send neither this type nor an Origin that is ours.
  if (!isMediaType(request.headers.get('content-type'), JSON_TYPE)) {
    return refusedAnswer('media_type_unsupported')
  }
  if (!isSameOrigin(request)) return refusedAnswer('origin_refused', 'Send from the page itself.')
  if (!page.mayPublish())
    return refusedAnswer('rate_limited', 'The page sends too fast: wait a second.')
  const read = await readBody(request, { bytesMax: BODY_BYTES_MAX.demo })
  if (!read.ok) return refusedAnswer(read.refusal, read.detail)
  const body = parseJsonBody(read.value, { depthMax: 2, memberCountMax: 8 })
  if (!body.ok) return refusedAnswer(body.refusal, body.detail)
  const { text } = body.value
  if (typeof text !== 'string' || text === '' || text.length > DEMO_TEXT_LENGTH_MAX) {
    return refusedAnswer('request_malformed', 'Send {"text":"..."} with 1 to 500 characters.')
  }
  const channel = parseChannelName(DEMO_CHANNEL)
  if (!channel.ok) return refusedAnswer(channel.refusal)
  const { hub, app } = page.deps
  hub.publish(hub.space(app.app), {
    channel: channel.value,
    event: DEMO_EVENT,
    data: JSON.stringify({ text }),
    origin: 'server',
    userId: undefined,
    exceptConnectionId: undefined,
  })
  return jsonAnswer('{}')
}
