/** MQTT users as the configuration declares them: found again by their names. */
import { CONFIGURATION } from '../administration/callers.ts'
import { carryOutMove } from '../administration/credential-move.ts'
import type { CredentialOwner } from '../administration/issued.ts'
import { holdsUserName } from '../administration/mqtt-users.ts'
import { changeTerms } from '../engine/terms.ts'
import type { InstallationKeys } from '../installation-keys.ts'
import { fingerprintOf } from '../material.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { DeclarationDeps } from './declare.ts'
import type { DeclaredMqttUser } from './declared.ts'
import { hasValue, type Wanted } from './wanted.ts'

export function wantedMqttUser(
  { name, password, ruleSet }: DeclaredMqttUser,
  {
    owner,
    keys,
  }: { readonly owner: CredentialOwner; readonly keys: Pick<InstallationKeys, 'fingerprint'> },
): Wanted {
  const kind = 'mqtt_user' as const
  const attributes = ruleSet === undefined ? {} : { ruleSet }
  return {
    request: { ...owner, kind, name, attributes, value: password },
    // One that was revoked stays so for as long as its password is declared.
    isMeant: (record) =>
      holdsUserName(record, name) ||
      (record.kind === kind &&
        record.name === name &&
        hasValue(record, fingerprintOf(password, keys.fingerprint))),
  }
}

/** @returns how many records were written. @throws Outage */
export async function followRuleSet(
  { request }: Wanted,
  record: CredentialRecord,
  { administration, revocations }: DeclarationDeps,
): Promise<number> {
  const { ruleSet = null } = request.attributes
  if (ruleSet === (record.attributes.ruleSet ?? null)) return 0
  const moved = await carryOutMove(
    {
      credentialId: record.id,
      action: 'policy.changed',
      caller: CONFIGURATION,
      reason: 'the configuration declares another rule set',
      move: (current) => changeTerms(current, { ruleSet }, administration.policy),
    },
    administration,
    revocations,
  )
  if (!moved.ok) throw new Error(`the declared MQTT user ${record.id}: ${moved.refusal}`)
  return 1
}
