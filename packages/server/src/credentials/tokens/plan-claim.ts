/**
 * What the claim `limits` of an access token says of its plan (contract WireSocket 3.5). Pure.
 */
import { isJsonObject, parseJsonObject } from '@lockgate/protocol/bytes'
import type { PlanLimits } from '../../ports/records/plan.ts'

/** Four numbers and a list of texts. */
const DEPTH_MAX = 2
/** As much as a token may have altogether. */
const CHARACTERS_MAX = 8_192

/**
 * @param claim an object, or its JSON text, as older issuers write it.
 * @returns undefined unless all four numbers are there and whole.
 */
export function readPlanLimits(claim: unknown): PlanLimits | undefined {
  const said = typeof claim === 'string' ? parsed(claim) : claim
  if (!isJsonObject(said)) return undefined
  const { maxConnections, maxDocuments, maxUsersPerDoc, opsPerMinute } = said
  if (!isCount(maxConnections) || !isCount(maxDocuments)) return undefined
  if (!isCount(maxUsersPerDoc) || !isCount(opsPerMinute)) return undefined
  return { maxConnections, maxDocuments, maxUsersPerDoc, opsPerMinute }
}

function parsed(text: string): unknown {
  return text.length > CHARACTERS_MAX ? undefined : parseJsonObject(text, DEPTH_MAX)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
