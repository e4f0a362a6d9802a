/** What each operation does: input of the checked shape in, answer or refusal out. */
import type { OPERATIONS, OperationName } from '@lockgate/admin-api/operations'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { Caller } from '../../credentials/administration/context.ts'
import { CREDENTIAL_COUNT_MAX } from '../../credentials/administration/credential-making.ts'
import { readUses } from '../../credentials/administration/readiness.ts'
import type { OperatorPrincipal } from '../../credentials/operators.ts'
import type { AdminDeps } from './deps.ts'
import { alertHandlers } from './alert-handlers.ts'
import { appHandlers } from './app-handlers.ts'
import { auditHandlers } from './audit-handlers.ts'
import { changeHandlers } from './change-handlers.ts'
import { deliveryHandlers } from './delivery-handlers.ts'
import { documentHandlers } from './document-handlers.ts'
import { eventHandlers } from './event-handlers.ts'
import { historyHandlers } from './history-handlers.ts'
import { integrationHandlers } from './integration-handlers.ts'
import { limitHandlers } from './limit-handlers.ts'
import { operatorHandlers } from './operator-handlers.ts'
import { byAge, pageOf } from './paging.ts'
import { planHandlers } from './plan-handlers.ts'
import { reportHandlers } from './report-handlers.ts'
import { ruleHandlers } from './rule-handlers.ts'
import { credentialShape, readinessShape } from './shapes.ts'
import { tenantHandlers } from './tenant-handlers.ts'
import { shownPage } from './visibility.ts'
import { tokenHandlers } from './token-handlers.ts'
import { webhookHandlers } from './webhook-handlers.ts'

type Table = typeof OPERATIONS
type Output<S> = S extends { readonly _zod: { readonly output: infer O } } ? O : undefined

export interface HandlerContext {
  readonly deps: AdminDeps
  readonly caller: Caller
  readonly principal: OperatorPrincipal
}

/** Parameters and body are of the operation's own shapes: the router has checked them. */
export interface HandlerInput<N extends OperationName> {
  readonly parameters: Output<Table[N]['parameters']>
  readonly body: Output<Table[N]['body']>
}

export type Handler<N extends OperationName> = (
  input: HandlerInput<N>,
  context: HandlerContext,
) => Promise<Result<unknown, AdminRefusalCode>>

export type Handlers = { readonly [N in OperationName]: Handler<N> }

export const HANDLERS: Handlers = {
  ...changeHandlers,
  ...limitHandlers,
  ...reportHandlers,
  ...auditHandlers,
  ...eventHandlers,
  ...deliveryHandlers,
  ...historyHandlers,
  ...documentHandlers,
  ...alertHandlers,
  ...tenantHandlers,
  ...operatorHandlers,
  ...planHandlers,
  ...appHandlers,
  ...webhookHandlers,
  ...ruleHandlers,
  ...integrationHandlers,
  ...tokenHandlers,
  async whoami(_input, { principal: { name, role, tenantId } }) {
    return ok({ name, role, tenantId })
  },
  async 'credentials.list'({ parameters }, { deps }) {
    const loaded = deps.authority.apps.findById(parameters.appId)
    if (loaded === undefined) return refuse('not_found')
    const records = loaded.credentials.map(({ record }) => record)
    // There are fewer than a page holds: who asks for no pages gets all.
    const { cursor, limit = CREDENTIAL_COUNT_MAX } = parameters
    const page = pageOf(records, { cursor, limit }, { list: 'credentials', keyOf: byAge })
    const nowMs = deps.clock.nowMs()
    return shownPage(page, (record) => credentialShape(record, nowMs))
  },
  async 'credentials.get'({ parameters }, { deps }) {
    const record = deps.authority.findCredential(parameters.credentialId)
    if (record === undefined) return refuse('not_found')
    return ok(credentialShape(record, deps.clock.nowMs()))
  },
  async 'credentials.readiness'({ parameters }, { deps }) {
    const record = deps.authority.findCredential(parameters.credentialId)
    if (record === undefined) return refuse('not_found')
    return ok(readinessShape((await readUses(record, deps.useReport)).readiness()))
  },
  async 'master-key.status'(_input, { deps }) {
    return ok(await deps.masterKeyChanges.status())
  },
}
