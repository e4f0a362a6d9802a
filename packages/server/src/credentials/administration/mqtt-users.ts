/** What is asked of MQTT users beside other credentials: their names are what clients send. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { CredentialKind, CredentialRecord } from '../../ports/records/credential.ts'
import { MQTT_USER_NAME, MQTT_USER_NAME_SHAPE } from '../../ports/records/mqtt-user.ts'
import type { TermsRequest } from '../engine/terms.ts'

/** Our bound on those of one app: beside its other credentials, and each is held in memory. */
export const MQTT_USER_COUNT_MAX = 1_000

type Check = Result<true, 'input_invalid'>

export function checkUserName(name: string): Check {
  return MQTT_USER_NAME.test(name) ? ok(true) : refuse('input_invalid', NAME_TEXT)
}

/** @param kind undefined where the credential is not known; that is found out later. */
export function checkUserTerms(
  kind: CredentialKind | undefined,
  { name, ruleSet }: Pick<TermsRequest, 'name' | 'ruleSet'>,
): Check {
  if (kind === 'mqtt_user' && name !== undefined) return refuse('input_invalid', RENAMING_TEXT)
  if (kind === undefined || kind === 'mqtt_user' || ruleSet === undefined) return ok(true)
  return refuse('input_invalid', 'Only MQTT users have a rule set.')
}

/** Whether `record` keeps a new MQTT user from this name: one that has ended gives it back. */
export function holdsUserName(record: CredentialRecord, name: string): boolean {
  return record.kind === 'mqtt_user' && record.name === name && !hasEnded(record)
}

function hasEnded({ versions }: Pick<CredentialRecord, 'versions'>): boolean {
  return versions.every(
    ({ state }) => state === 'revoked' || state === 'removed' || state === 'discarded',
  )
}

const NAME_TEXT = `The user name of an MQTT user has ${MQTT_USER_NAME_SHAPE.replaceAll('`', '')}.`
const RENAMING_TEXT = 'Clients send this name: make another user, and revoke this one.'
