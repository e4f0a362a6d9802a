/**
 * What the public listener serves besides upgrades: the Pusher HTTP API, the front page, health.
 */
import type { Route } from '../transports/http.ts'
import { jsonAnswer, refusedAnswer } from './answers.ts'
import { type DemoPage, handleDemo } from './demo/demo-page.ts'
import { handlePusherApi, type PusherApiDeps } from './pusher-api/router.ts'

export interface PublicDeps extends PusherApiDeps {
  /** Undefined when the demo is off. */
  readonly demo: DemoPage | undefined
}

export function publicRoute(deps: PublicDeps): Route {
  return (request, target) => {
    const api = handlePusherApi(request, target, deps)
    if (api !== undefined) return api
    const wantsPage = request.headers.get('accept')?.includes('text/html') === true
    if (deps.demo !== undefined && (target.path !== '/' || wantsPage)) {
      const page = handleDemo(request, target, deps.demo)
      if (page !== undefined) return page
    }
    if (target.path === '/' && request.method === 'GET') return jsonAnswer('{"status":"live"}')
    if (target.path.startsWith('/app/')) return refusedAnswer('path_unknown', UPGRADE_TEXT)
    return refusedAnswer('path_unknown')
  }
}

const UPGRADE_TEXT =
  'This is a WebSocket address. Connect with ws:// or wss://, for example pusher-js.'
