/** The key of the owner that a first start makes: without one nobody could administer anything. */
import { CONFIGURATION } from './administration/callers.ts'
import type { AdministrationDeps } from './administration/context.ts'
import { makeCredential, recordNewCredential } from './administration/credential-making.ts'
import { generateKey } from './key-format.ts'

/** Where the value is kept for the operator; only its owner can read it. */
export interface OperatorKeyPlace {
  /** @returns what a start that was cut short has left. */
  read(): string | undefined
  write(value: string): void
}

/**
 * Makes an owner key of the whole installation when there is no such key yet. The value is written
 * first: a crash in between leaves a file that the next start adopts, never a key nobody knows.
 * @returns whether one was made.
 * @throws Outage
 */
export async function ensureFirstOperator(
  place: OperatorKeyPlace,
  deps: AdministrationDeps,
): Promise<boolean> {
  const { authority, store, random } = deps
  if (authority.tenants.operators().some(({ tenantId }) => tenantId === undefined)) return false
  const left = place.read()
  const value = left ?? generateKey('op', random).value
  if (left === undefined) place.write(value)
  const request = {
    kind: 'operator_key' as const,
    tenantId: undefined,
    appId: undefined,
    name: 'first owner',
    attributes: { role: 'owner' as const },
    value,
    origin: 'declared' as const,
  }
  const made = await makeCredential(request, CONFIGURATION, deps)
  if (!made.ok) throw new Error(`the first operator key was refused: ${made.refusal}`)
  const { credential } = made.value
  await store.control.transaction((transaction) =>
    recordNewCredential(
      credential,
      { transaction, code: store.control.code, caller: CONFIGURATION },
      deps,
    ),
  )
  await authority.changed({ kind: 'operators' })
  return true
}
