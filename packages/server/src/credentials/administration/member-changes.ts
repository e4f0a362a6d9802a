/**
 * The people who manage a tenant, each change in one transaction with its audit row. A tenant that
 * has an owner keeps one, and only owners decide who is one.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { MemberRecord, Role } from '../../ports/records/tenant.ts'
import { Conflict, type ControlTransaction } from '../../ports/store.ts'
import type { AuditAction } from '../audit/actions.ts'
import type { AuditDetail } from '../audit/entry.ts'
import { newId } from '../identifiers.ts'
import { changeEntry } from './change-entry.ts'
import type { AdministrationDeps, Caller } from './context.ts'

/** Our bound on the members of one tenant. */
export const MEMBER_COUNT_MAX = 1_000

/** Whose members, and what whoever asks may do. */
export interface MemberPlace {
  readonly tenantId: string
  /** Of the caller. */
  readonly callerRole: Role
}

export interface NewMember extends MemberPlace {
  readonly email: string
  readonly name: string
  readonly role: Role
}

export interface MemberUpdate extends MemberPlace {
  readonly memberId: string
  readonly name?: string | undefined
  readonly role?: Role | undefined
}

type Changed = Promise<Result<MemberRecord, AdminRefusalCode>>
type Step = (members: readonly MemberRecord[]) => Result<Change, AdminRefusalCode>

interface Change {
  readonly before: MemberRecord | undefined
  /** Undefined: the member is removed. */
  readonly after: MemberRecord | undefined
}

export class MemberChanges {
  readonly #deps: AdministrationDeps

  constructor(deps: AdministrationDeps) {
    this.#deps = deps
  }

  async add(request: NewMember, caller: Caller): Changed {
    const { tenantId, name, role } = request
    const member: MemberRecord = {
      id: newId('mem', this.#deps.random),
      tenantId,
      email: request.email.toLowerCase(),
      name,
      role,
      createdAtMs: this.#deps.clock.nowMs(),
    }
    return this.#change(request, { action: 'member.added', caller }, (members) => {
      if (members.length >= MEMBER_COUNT_MAX) return refuse('count_full')
      if (members.some(({ email }) => email === member.email)) return refuse('email_taken')
      return ok({ before: undefined, after: member })
    })
  }

  async update(request: MemberUpdate, caller: Caller): Changed {
    return this.#change(request, { action: 'member.updated', caller }, (members) => {
      const before = members.find(({ id }) => id === request.memberId)
      if (before === undefined) return refuse('not_found')
      const { name = before.name, role = before.role } = request
      return ok({ before, after: { ...before, name, role } })
    })
  }

  async remove(request: MemberPlace & { readonly memberId: string }, caller: Caller): Changed {
    return this.#change(request, { action: 'member.removed', caller }, (members) => {
      const before = members.find(({ id }) => id === request.memberId)
      return before === undefined ? refuse('not_found') : ok({ before, after: undefined })
    })
  }

  async #change(
    { tenantId, callerRole }: MemberPlace,
    { action, caller }: { readonly action: AuditAction; readonly caller: Caller },
    step: Step,
  ): Changed {
    const { authority, store, audit } = this.#deps
    const { control } = store
    const changed = await orTaken(() =>
      control.transaction(async (transaction) => {
        const members = await transaction.listMembers(tenantId)
        const stepped = step(members)
        if (!stepped.ok) return stepped
        const allowed = checkOwners(members, stepped.value, callerRole)
        if (!allowed.ok) return allowed
        const { before, after } = stepped.value
        const member = await write(stepped.value, transaction)
        const target = { kind: 'member', id: member.id, name: member.name }
        const details = {
          ...(before === undefined ? {} : { before: describe(before) }),
          ...(after === undefined ? {} : { after: describe(after) }),
        }
        await audit.record(
          { code: control.code, transaction },
          changeEntry(caller, { tenantId, action, target, ...details }),
        )
        return ok(member)
      }),
    )
    if (changed.ok) await authority.changed({ kind: 'tenant', tenantId })
    return changed
  }
}

function checkOwners(
  members: readonly MemberRecord[],
  { before, after }: Change,
  callerRole: Role,
): Result<true, AdminRefusalCode> {
  const concernsOwner = before?.role === 'owner' || after?.role === 'owner'
  if (concernsOwner && callerRole !== 'owner') return refuse('role_too_high')
  const endsOwner = before?.role === 'owner' && after?.role !== 'owner'
  const others = members.filter(({ id, role }) => role === 'owner' && id !== before?.id)
  return endsOwner && others.length === 0 ? refuse('last_owner') : ok(true)
}

async function write(
  { before, after }: Change,
  transaction: ControlTransaction,
): Promise<MemberRecord> {
  if (after !== undefined) {
    await transaction.saveMember(after)
    return after
  }
  if (before === undefined) throw new Error('a change of no member')
  await transaction.removeMember(before.id)
  return before
}

function describe({ email, name, role }: MemberRecord): AuditDetail {
  return { email, name, role }
}

async function orTaken(work: () => Changed): Changed {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Conflict && error.rule === 'member_email') return refuse('email_taken')
    if (error instanceof Conflict && error.rule === 'unknown_parent') return refuse('not_found')
    throw error
  }
}
