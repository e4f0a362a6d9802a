/** Tells whoever starts the server which apps a stranger's page may act in for its visitors. */
import { featureOfTheSignedIn, isOpenToAnyOrigin } from '../config/open-apps.ts'
import type { LoadedApp } from '../credentials/app-directory.ts'
import { DEMO_TENANT_SHORT_ID } from '../credentials/demo-tenant.ts'
import type { Log } from '../ports/log.ts'

/** Our bound on the apps that are named; all are counted. */
export const NAMED_APP_COUNT_MAX = 20

/** Production refuses such apps; what an older version let in is told there too. */
export function warnOfOpenApps(apps: Iterable<LoadedApp>, log: Log): void {
  const named: string[] = []
  let count = 0
  for (const { app, tenant } of apps) {
    const isDemo = tenant.shortId === DEMO_TENANT_SHORT_ID
    const feature = featureOfTheSignedIn(app.settings)
    if (isDemo || feature === undefined || !isOpenToAnyOrigin(app.settings)) continue
    if (count++ < NAMED_APP_COUNT_MAX) named.push(`${app.id} (${feature})`)
  }
  if (count === 0) return
  const next = 'List the origins of the pages that connect in allowedOrigins.'
  log.warn('apps_open_to_any_origin', { count, apps: named, next })
}
