/** Limit texts of an operator, checked before they are kept. Pure. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { parseAppLimits } from '../../core/limits/installation-limits.ts'
import type { CredentialKind } from '../../ports/records/credential.ts'

/** @returns what is wrong with them, in words an operator can act on. */
export function checkLimitTexts(
  texts: readonly string[] | null | undefined,
): Result<true, 'input_invalid'> {
  const parsed = parseAppLimits(texts ?? [])
  return parsed.ok ? ok(true) : refuse('input_invalid', parsed.detail)
}

/** @param kind undefined where the credential is not known; that is found out later. */
export function checkKeyLimits(
  kind: CredentialKind | undefined,
  texts: readonly string[] | null | undefined,
): Result<true, 'input_invalid'> {
  if (texts !== undefined && kind !== undefined && kind !== 'api_key') {
    return refuse('input_invalid', 'Only API keys have limits.')
  }
  return checkLimitTexts(texts)
}
