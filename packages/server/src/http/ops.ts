/** The operations listener: is the process alive, may it get traffic, what does it count. */
import type { MetricsExporter } from '../ports/metrics.ts'
import type { Route } from '../transports/http.ts'
import { jsonAnswer, refusedAnswer } from './answers.ts'

export interface OpsDeps {
  /** False before the first load and from the start of a drain. */
  readonly isReady: () => boolean
  /** Whether the store answers; a failing one makes a ready server unready, not dead. */
  readonly pingStore: () => Promise<void>
  /** Called once, at the first scrape. */
  readonly metrics: () => Promise<MetricsExporter>
}

export function opsRoute(deps: OpsDeps): Route {
  let exporter: Promise<MetricsExporter> | undefined
  return async (request, { path }) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return refusedAnswer('method_unknown', undefined, { allow: 'GET, HEAD' })
    }
    switch (path) {
      case '/live':
        return jsonAnswer('{"status":"live"}')
      case '/ready':
        return readiness(deps)
      case '/metrics': {
        exporter ??= deps.metrics()
        const { contentType, read } = await exporter
        const headers = { 'content-type': contentType, 'cache-control': 'no-store' }
        return new Response(await read(), { headers })
      }
      default:
        return refusedAnswer('path_unknown', 'Served here: /live, /ready and /metrics.')
    }
  }
}

async function readiness(deps: OpsDeps): Promise<Response> {
  if (!deps.isReady()) return jsonAnswer('{"status":"not ready"}', 503)
  try {
    await deps.pingStore()
  } catch {
    return jsonAnswer('{"status":"not ready","failing":"store"}', 503)
  }
  return jsonAnswer('{"status":"ready"}')
}
