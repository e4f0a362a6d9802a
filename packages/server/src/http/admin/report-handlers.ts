/** The report on credentials, page by page. */
import { ROLE_PERMISSIONS } from '@lockgate/admin-api/permissions'
import { ok } from '@lockgate/protocol/result'
import {
  readReportLine,
  type ReportLine,
} from '../../credentials/administration/credential-report.ts'
import type { OperatorPrincipal } from '../../credentials/operators.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { AdminDeps } from './deps.ts'
import type { Handlers } from './handlers.ts'
import { byAge, pageOf } from './paging.ts'
import { dueShape, timeText } from './shapes.ts'
import { maySee } from './visibility.ts'

export const reportHandlers: Pick<Handlers, 'credentials.report'> = {
  async 'credentials.report'({ parameters }, { deps, principal }) {
    const { tenantId } = parameters
    const records = [...deps.authority.credentials()].filter(
      (record) =>
        isVisible(record, principal) && (tenantId === undefined || record.tenantId === tenantId),
    )
    const page = pageOf(records, parameters, { list: 'credentials.report', keyOf: byAge })
    if (!page.ok) return page
    const lines: ReportLine[] = []
    for (const record of page.value.items) lines.push(await readReportLine(record, deps.useReport))
    return ok({ ...page.value, items: lines.map((line) => lineShape(line, deps)) })
  },
}

/** As when it is asked for by its id: operator keys have a permission of their own. */
function isVisible(record: CredentialRecord, principal: OperatorPrincipal): boolean {
  if (record.kind === 'operator_key' && !ROLE_PERMISSIONS[principal.role].has('operators:read')) {
    return false
  }
  if (record.tenantId === undefined) return principal.tenantId === undefined
  return maySee(principal, record.tenantId)
}

function lineShape(line: ReportLine, { authority }: Pick<AdminDeps, 'authority'>) {
  const { record, current, lastRotatedAtMs, overlapUntilMs, lastUsedAtMs } = line
  const { id, tenantId, appId, kind, name } = record
  const { ageDays, isWaiting, isNeverUsed, isUnused90Days, endedCount } = line
  return {
    tenantId,
    appId,
    appName: appId === undefined ? undefined : authority.apps.findById(appId)?.app.name,
    credentialId: id,
    kind,
    name,
    version: current?.number,
    ageDays,
    due: dueShape(line.due),
    lastRotatedAt: optionalTime(lastRotatedAtMs),
    overlapUntil: optionalTime(overlapUntilMs),
    isWaiting,
    lastUsedAt: optionalTime(lastUsedAtMs),
    isNeverUsed,
    isUnused90Days,
    endedCount,
    isCustom: current?.origin === 'custom' || current?.origin === 'declared',
  }
}

function optionalTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : timeText(ms)
}
