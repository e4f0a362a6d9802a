/**
 * The administration over HTTP: one table of operations, each call authenticated, authorized,
 * checked and carried out in this order. Loaded when the first call comes.
 */
import type { Operation } from '@lockgate/admin-api/operation'
import { OPERATIONS, type OperationName } from '@lockgate/admin-api/operations'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { z } from 'zod'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import { type LimitRefusal, refuseByLimit } from '../../core/limits/limit-refusal.ts'
import type { Caller } from '../../credentials/administration/context.ts'
import {
  type DeniedAttempt,
  type DenialOwner,
  NO_OWNER,
} from '../../credentials/audit/denied-access.ts'
import { randomUuid } from '../../credentials/identifiers.ts'
import { authenticateOperator, type OperatorPrincipal } from '../../credentials/operators.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import { bearerToken } from '../bearer-header.ts'
import { limitSubject } from '../../core/limits/address-subject.ts'
import { BODY_BYTES_MAX, type BodyRefusal, readBody } from '../body.ts'
import { tellFailure } from '../failures.ts'
import { parseJsonBody } from '../json-body.ts'
import { isMediaType, JSON_TYPE } from '../media-type.ts'
import type { RequestTarget } from '../target.ts'
import { authorizeOperation, type Concern } from './authorize.ts'
import { isChangeOfNothing, NOTHING_TEXT } from './change-of-nothing.ts'
import type { AdminDeps, AdminSource } from './deps.ts'
import { type Handler, HANDLERS } from './handlers.ts'
import { type EventSource, eventStreamAnswer } from './event-stream.ts'
import { type Lines, lineStreamAnswer } from './line-stream.ts'
import { readIdempotencyKey, repeatedAnswer } from './idempotency-key.ts'
import { openApiText } from './openapi.ts'
import { jsonTextAnswer, type ProblemDetail, problemAnswer, resultAnswer } from './problem.ts'

export const ADMIN_PREFIX = '/admin/v1'

/** Our bound. */
const JSON_BOUNDS = { depthMax: 8, memberCountMax: 1_000 }

/** What only the change itself can tell that its caller may not do. */
const DENIALS: ReadonlySet<AdminRefusalCode> = new Set([
  'plan_closed',
  'limit_widened',
  'role_too_high',
])

interface Route {
  readonly name: OperationName
  readonly operation: Operation
  readonly pattern: RegExp
}

const ROUTES: readonly Route[] = Object.entries(OPERATIONS).map(([name, operation]) => ({
  name: name as OperationName, // the keys of the table
  operation,
  pattern: new RegExp(`^${operation.path.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]{1,100})')}$`),
}))

export async function handleAdmin(
  request: Request,
  target: RequestTarget,
  context: { readonly deps: AdminDeps; readonly source: () => AdminSource },
): Promise<Response> {
  const { deps } = context
  const source = { ...context.source(), protocol: 'admin' }
  const requestId = randomUuid(deps.random)
  const headers = { 'lockgate-request-id': requestId }
  const answer = await answerCall(request, target, { deps, source, requestId })
  for (const [name, value] of Object.entries(headers)) answer.headers.set(name, value)
  return answer
}

type Call = { readonly deps: AdminDeps } & Pick<Caller, 'source' | 'requestId'>

async function answerCall(request: Request, target: RequestTarget, call: Call): Promise<Response> {
  const path = target.path.slice(ADMIN_PREFIX.length)
  if (path === '/openapi.json' && request.method === 'GET') {
    return jsonTextAnswer(openApiText(call.deps.version), 200)
  }
  const principal = await authenticate(request, call)
  if (!principal.ok) {
    if (!('reading' in principal)) return problemAnswer(principal.refusal)
    const { refusal, detail, reading } = principal
    return problemAnswer(refusal, { detail, limit: reading })
  }
  const matching = ROUTES.filter(({ pattern }) => pattern.test(path))
  const route = matching.find(({ operation }) => operation.method === request.method)
  if (route === undefined) {
    if (matching.length === 0) return problemAnswer('path_unknown', { detail: PATH_TEXT })
    const allow = matching.map(({ operation }) => operation.method).join(', ')
    return problemAnswer('method_unknown', { headers: { allow } })
  }
  const read = await readInput(request, target, { route, path })
  if (!read.ok) return read.answer
  const actor = { kind: 'operator' as const, id: principal.value.credentialId }
  const repeatable = readIdempotencyKey(request, { route, input: read.input, operatorId: actor.id })
  if (!repeatable.ok) return problemAnswer(repeatable.refusal, repeatable)
  // Before the object is looked for: what the first call deleted is not there any more.
  const kept =
    repeatable.value === undefined
      ? ok(undefined)
      : await call.deps.repeatedCalls.find(repeatable.value)
  if (!kept.ok) return problemAnswer(kept.refusal)
  if (kept.value !== undefined) return repeatedAnswer(kept.value)
  const concern = concernOf(read.input, call.deps)
  const allowed =
    concern === undefined
      ? refuse('not_found' as const)
      : authorizeOperation(principal.value, route.operation, concern)
  const { source, requestId, deps } = call
  const deny = (reason: AdminRefusalCode): void => {
    const object = { kind: 'operation', id: route.name, ...namedObject(read.input) }
    const attempt = { action: 'auth.denied', reason, actor, target: object } as const
    deps.recordDenial({ ...attempt, source, requestId }, principal.value)
  }
  if (!allowed.ok) {
    // What is not there and what is another tenant's read the same in the audit too.
    deny(allowed.refusal)
    return problemAnswer(allowed.refusal)
  }
  // After who may: to others an object reads the same, whatever they would do to it.
  if (request.method === 'PATCH' && isChangeOfNothing(read.input.body ?? {})) {
    return problemAnswer('input_invalid', { detail: NOTHING_TEXT })
  }
  const { tenantId } = principal.value
  const caller: Caller = { actor, tenantId, source, requestId }
  // One cast where the table and its handlers meet: both are keyed by the same name.
  const handler = HANDLERS[route.name] as Handler<OperationName>
  const work = () => handler(read.input, { deps, caller, principal: principal.value })
  const { status } = route.operation
  const outcome = await (repeatable.value === undefined
    ? work()
    : deps.repeatedCalls.run(repeatable.value, status, work))
  if (!outcome.ok) {
    if (DENIALS.has(outcome.refusal)) deny(outcome.refusal)
    return problemAnswer(outcome.refusal, { detail: outcome.detail })
  }
  const tell = (error: unknown) => void tellFailure(error, deps)
  const reader = { signal: request.signal, tellFailure: tell }
  // The handlers of these give lines and events.
  if (route.operation.isStream === true) return lineStreamAnswer(outcome.value as Lines, reader)
  if (route.operation.isLive === true)
    return eventStreamAnswer(outcome.value as EventSource, reader)
  return resultAnswer(outcome.value, status)
}

async function authenticate(
  request: Request,
  { deps, source, requestId }: Call,
): Promise<Result<OperatorPrincipal, 'credential_missing' | 'credential_invalid'> | LimitRefusal> {
  const subject = limitSubject(source.ip)
  const token = bearerToken(request.headers)
  const deny = (attempt: LimitOrMissing, owner: DenialOwner) =>
    deps.recordDenial({ ...attempt, source, requestId }, owner)
  if (token === undefined) {
    const target = { kind: 'bearer', id: 'none' }
    deny({ action: 'auth.failed', reason: 'credential_missing', target }, NO_OWNER)
    return refuse('credential_missing')
  }
  const principal = await authenticateOperator(token, source, deps.operators)
  const asked = { source: () => source, requestId }
  if (!principal.ok) {
    // Guessing a key is hopeless; this keeps the guesser from costing anything.
    const charge = { name: 'admin_failures.ip', subject } as const
    const { refused } = deps.guard.charge([charge], { ...asked, owner: undefined })
    return refused === undefined ? refuse('credential_invalid') : refuseByLimit(refused)
  }
  const { credentialId, tenantId } = principal.value
  const actor = { kind: 'operator' as const, id: credentialId }
  const charge = { name: 'admin_calls.credential', subject: credentialId } as const
  const { refused } = deps.guard.charge([charge], { ...asked, owner: { tenantId }, actor })
  return refused === undefined ? principal : refuseByLimit(refused)
}

type LimitOrMissing = Pick<DeniedAttempt, 'action' | 'reason' | 'target' | 'actor'>

/** Ids of the forms we make; other text of a caller may be a secret in the wrong place. */
const OWN_ID = /^(?:[a-z]{3,4}_[0-9A-Za-z]{16,24}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** @returns the object an operation was asked about, where it can be named. */
function namedObject({ parameters, body }: Input): { readonly name?: string } {
  const { endpointId, credentialId, appId, tenantId } = { ...body, ...parameters }
  const id = endpointId ?? credentialId ?? appId ?? tenantId
  return typeof id === 'string' && OWN_ID.test(id) ? { name: id } : {}
}

interface Input {
  readonly parameters: Readonly<Record<string, unknown>>
  readonly body: Readonly<Record<string, unknown>> | undefined
}

type ReadInput =
  | { readonly ok: true; readonly input: Input }
  | { readonly ok: false; readonly answer: Response }

async function readInput(
  request: Request,
  target: RequestTarget,
  { route, path }: { readonly route: Route; readonly path: string },
): Promise<ReadInput> {
  const { operation } = route
  const inPath = decodeGroups(route.pattern.exec(path)?.groups ?? {})
  const query = Object.fromEntries(new URLSearchParams(target.query))
  // A browser that comes back asks the same URL again; where it was is in the header.
  const lastId = operation.isLive === true ? request.headers.get('last-event-id') : null
  const resumed = lastId === null || lastId === '' ? {} : { after: lastId }
  const parameters = operation.parameters.safeParse({ ...query, ...resumed, ...inPath })
  if (!parameters.success) return invalid(parameters.error, 'parameters')
  if (operation.body === undefined) {
    return { ok: true, input: { parameters: parameters.data, body: undefined } }
  }
  const body = await readObject(request)
  if (!body.ok) return { ok: false, answer: problemAnswer(body.refusal, { detail: body.detail }) }
  const checked = operation.body.safeParse(body.value)
  if (!checked.success) return invalid(checked.error, 'body')
  return { ok: true, input: { parameters: parameters.data, body: checked.data } }
}

function decodeGroups(groups: Readonly<Record<string, string>>): Record<string, string> {
  const decoded: Record<string, string> = {}
  for (const [name, text] of Object.entries(groups)) {
    // What is not decodable names nothing, and nothing is found for it.
    decoded[name] = /%(?![0-9a-f]{2})/i.test(text) ? text : safeDecode(text)
  }
  return decoded
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return text
    throw error
  }
}

async function readObject(
  request: Request,
): Promise<Result<Record<string, unknown>, BodyRefusal | 'media_type_unsupported'>> {
  const read = await readBody(request, { bytesMax: BODY_BYTES_MAX.admin })
  if (!read.ok) return read
  const bytes = read.value
  if (bytes.length === 0) return ok({})
  if (!isMediaType(request.headers.get('content-type'), JSON_TYPE)) {
    return refuse('media_type_unsupported')
  }
  return parseJsonBody(bytes, JSON_BOUNDS)
}

function invalid(error: z.ZodError, where: string): ReadInput {
  const errors = error.issues.map(({ path, message }) => ({
    path: [where, ...path.map(String)].join('.'),
    message,
  }))
  const more: ProblemDetail = { detail: 'See errors for each field.', errors }
  return { ok: false, answer: problemAnswer('input_invalid', more) }
}

/** @returns whose object the input names; undefined for one that is not there. */
function concernOf({ parameters, body }: Input, deps: AdminDeps): Concern | undefined {
  const all = { ...body, ...parameters }
  const { endpointId, credentialId, appId, tenantId } = all
  if (typeof endpointId === 'string') {
    const entry = deps.authority.apps.findEndpoint(endpointId)
    return entry && { level: 'tenant', tenantId: entry.loaded.tenant.id }
  }
  if (typeof credentialId === 'string') {
    const record = deps.authority.findCredential(credentialId)
    return record === undefined ? undefined : concernOfCredential(record)
  }
  if (typeof appId === 'string') {
    const loaded = deps.authority.apps.findById(appId)
    return loaded === undefined ? undefined : { level: 'tenant', tenantId: loaded.tenant.id }
  }
  if (typeof tenantId === 'string') {
    const isThere = deps.authority.tenants.find(tenantId) !== undefined
    return isThere ? { level: 'tenant', tenantId } : undefined
  }
  return { level: 'none' }
}

function concernOfCredential({ kind, tenantId }: CredentialRecord): Concern {
  const isWorthMore = kind === 'operator_key' || kind === 'tenant_signing_key'
  const object = isWorthMore ? { object: kind } : {}
  if (tenantId === undefined) return { level: 'installation', ...object }
  return { level: 'tenant', tenantId, ...object }
}

const PATH_TEXT = `The administration has no such path; ${ADMIN_PREFIX}/openapi.json lists them.`
