/**
 * The example pages, and the token they come with: what an application's own backend would sign for
 * one of its users. Served with the demo app only, so what a page may do is bounded to that app.
 */
import type { Guard } from '../../core/limits/guard.ts'
import type { AppDirectory } from '../../credentials/app-directory.ts'
import { isGuest, signDemoToken } from '../../credentials/demo-token.ts'
import type { AssetSource } from '../../ports/asset.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { assetAnswer, jsonAnswer, refusedAnswer } from '../answers.ts'
import { isSameOrigin } from '../same-origin.ts'
import type { RequestTarget } from '../target.ts'

export interface ExamplesDeps {
  readonly appId: string
  readonly directory: Pick<AppDirectory, 'findById'>
  readonly pages: AssetSource
  readonly guard: Guard
  readonly clock: Clock
  readonly random: Random
}

const FOLDER = '/examples'
const TOKEN = `${FOLDER}/token`

/** @returns undefined when the path is none of an example. */
export function handleExamples(
  request: Request,
  { path, query }: RequestTarget,
  deps: ExamplesDeps,
): Promise<Response> | Response | undefined {
  if (path !== FOLDER && !path.startsWith(`${FOLDER}/`)) return undefined
  if (path === TOKEN) return token(request, query, deps)
  if (request.method !== 'GET') {
    return refusedAnswer('method_unknown', undefined, { allow: 'GET' })
  }
  return deps.pages.find(path.replace(/(?<=.)\/$/, ''))?.then(assetAnswer)
}

function token(request: Request, query: string, { appId, ...deps }: ExamplesDeps): Response {
  if (request.method !== 'POST') {
    return refusedAnswer('method_unknown', undefined, { allow: 'POST' })
  }
  if (!isSameOrigin(request)) return refusedAnswer('origin_refused', 'Ask from the page itself.')
  const charge = { name: 'demo_publish.app', subject: appId } as const
  const source = () => ({ ip: '', agent: '', protocol: 'examples' })
  if (!deps.guard.charge([charge], { owner: undefined, source }).isAllowed) {
    return refusedAnswer('rate_limited', 'The page asks too often: wait a second.')
  }
  const loaded = deps.directory.findById(appId)
  const guest = new URLSearchParams(query).get('guest') ?? undefined
  if (guest !== undefined && !isGuest(guest)) return refusedAnswer('request_malformed')
  const { clock, random } = deps
  const signed = loaded && signDemoToken(loaded, { guest, nowMs: clock.nowMs(), random })
  return signed === undefined
    ? refusedAnswer('credential_missing', NO_SECRET)
    : jsonAnswer(JSON.stringify(signed))
}

const NO_SECRET =
  'The demo app has no JWT secret for the examples: it was made by an older version. Start with ' +
  'an empty data directory.'
