/** HTTP on a listener that is for one protocol: how the node is, and nothing else. */
import type { Route } from '../transports/http.ts'
import { refusedAnswer } from './answers.ts'

/** @param route of the listener for everything. */
export function ownListenerRoute(route: Route): Route {
  return (request, target, source) =>
    target.path === '/health'
      ? route(request, target, source)
      : refusedAnswer('path_unknown', 'Served here: WebSockets of one protocol, and /health.')
}
