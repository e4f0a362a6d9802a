/** Who makes changes that no request asked for, as the audit log names them. */
import type { Caller } from './context.ts'

export const CONFIGURATION: Caller = {
  actor: { kind: 'configuration', id: 'configuration' },
  tenantId: undefined,
  source: { ip: '', agent: '', protocol: 'configuration' },
  requestId: 'configuration',
}

/** Time and schedules. */
export const SYSTEM: Caller = {
  actor: { kind: 'system', id: 'lockgate' },
  tenantId: undefined,
  source: { ip: '', agent: '', protocol: 'system' },
  requestId: 'system',
}
