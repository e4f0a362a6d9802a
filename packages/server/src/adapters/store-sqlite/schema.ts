/**
 * The tables of the control database as Kysely sees them. Only types that every supported database
 * has: text, and integers below 2^53.
 */
import type { TenantState } from '../../ports/store.ts'

export interface TenantRow {
  readonly id: string
  readonly short_id: string
  readonly name: string
  readonly state: TenantState
  readonly created_at_ms: number
}

export interface AppRow {
  readonly id: string
  readonly tenant_id: string
  readonly name: string
  readonly region: string
  readonly plan: string
  /** `AppSettings` as JSON. */
  readonly settings: string
  readonly created_at_ms: number
  readonly updated_at_ms: number
}

export interface SigningKeyRow {
  readonly key: string
  readonly app_id: string
  /** Base64 of what `credentials/sealing.ts` wrote. */
  readonly sealed_secret: string
  readonly created_at_ms: number
}

export interface ControlDatabase {
  tenants: TenantRow
  apps: AppRow
  signing_keys: SigningKeyRow
}
