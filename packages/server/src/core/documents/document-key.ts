/** What names a document over all tenants (contract WireSocket 5). Pure. */
import type { AppRecord } from '../../ports/records/app.ts'

/** @param name as it was checked: it has no colon. */
export function documentKey(app: Pick<AppRecord, 'id' | 'tenantId'>, name: string): string {
  return `${app.tenantId}::${app.id}::${name}`
}
