/**
 * Names that are unique over all regions, in the control database: they are taken before what they
 * name is made in its region, and confirmed after. What is still `reserved` at a start is finished
 * or given back.
 */
export type NameKind = 'app_id' | 'app_name' | 'client_id' | 'app_key' | 'key_id' | 'free_app'

export interface DirectoryEntry {
  readonly kind: NameKind
  /** `app_name`: tenant id, `/`, name. `free_app`: the tenant id. */
  readonly value: string
  readonly tenantId: string
  readonly appId: string
  readonly region: string
  readonly state: 'reserved' | 'confirmed'
  readonly createdAtMs: number
}
