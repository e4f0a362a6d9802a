/** The operation on alerts: those that last, and the latest that are over. */
import { ok } from '@lockgate/protocol/result'
import type { Alert } from '../../outbound/alerts/alert-list.ts'
import type { Handlers } from './handlers.ts'
import { pageOf } from './paging.ts'
import { timeText } from './shapes.ts'
import { shownPage } from './visibility.ts'

export const alertHandlers: Pick<Handlers, 'alerts.list'> = {
  async 'alerts.list'({ parameters }, { deps, principal }) {
    const { state = 'active', appId } = parameters
    const tenantId = principal.tenantId ?? parameters.tenantId
    const { list } = deps.alerts
    const all = {
      active: () => list.active(),
      resolved: () => list.resolved(),
      all: () => [...list.active(), ...list.resolved()],
    }[state]()
    const visible = all.filter(
      ({ subject }) =>
        (tenantId === undefined || subject.tenantId === tenantId) &&
        (appId === undefined || subject.appId === appId),
    )
    // Newest first.
    const keyOf = ({ number }: Alert) => [-number]
    const page = pageOf(visible, parameters, { list: `alerts.list ${state}`, keyOf })
    return page.ok ? shownPage(ok(page.value), alertShape) : page
  },
}

function alertShape({ rule, subject, raisedAtMs, resolvedAtMs, count }: Alert) {
  return {
    rule: rule.name,
    watch: rule.watch,
    state: resolvedAtMs === undefined ? 'active' : 'resolved',
    tenantId: subject.tenantId,
    appId: subject.appId,
    count,
    threshold: rule.threshold,
    windowSeconds: rule.windowMs / 1_000,
    raisedAt: timeText(raisedAtMs),
    ...(resolvedAtMs === undefined ? {} : { resolvedAt: timeText(resolvedAtMs) }),
  }
}
