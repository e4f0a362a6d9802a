/** Whose chain a denial goes into, and the bound on how many of those are told apart. Pure. */
import { INSTALLATION } from './entry.ts'

/** Our bound, of tenants and databases whose denials are added up, or whose rows were dropped. */
export const DENIAL_PLACE_COUNT_MAX = 2_000
const CONTROL = 'control'

export interface DenialPlace {
  /** Of the database. */
  readonly code: string
  readonly tenantId: string
}

/** What takes the denials of places that are too many to tell apart. */
export const ANY_PLACE: DenialPlace = { code: CONTROL, tenantId: INSTALLATION }

/** Codes hold no NUL, so two places never share a key. */
export function placeKeyOf({ code, tenantId }: DenialPlace): string {
  return `${code}\0${tenantId}`
}
