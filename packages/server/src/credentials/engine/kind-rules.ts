/** What differs between the kinds of credentials, once, for every caller. */
import type { CredentialKind, Material, RotationPolicy } from '../../ports/records/credential.ts'
import type { KeyPrefix } from '../key-format.ts'

export interface KindRules {
  /**
   * Hashed: verified only. Sealed: used again to sign or to call. Public, remote: a customer's key.
   * The first is what a value of ours gets.
   */
  readonly storages: readonly Exclude<Material['storage'], 'erased'>[]
  /** Whether people may bring a value of their own. */
  readonly isCustomAllowed: boolean
  /** Made by somebody else: taken as it is and never generated; absent: ours to judge. */
  readonly isForeign?: true
  /** Used to call and to sign where nobody answers with who verified; absent: uses are counted. */
  readonly isUseUnseen?: true
  /** Of generated values; the first is the default, none: made in a form of their own. */
  readonly prefixes: readonly KeyPrefix[]
  /** `installation`: may also belong to a tenant, never to an app. */
  readonly level: 'app' | 'tenant' | 'installation'
  /** Where neither the credential nor the configuration says otherwise. */
  readonly policy: RotationPolicy
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

const POLICY: RotationPolicy = {
  overlapMaxMs: 30 * DAY_MS,
  overlapDefaultMs: DAY_MS,
  maxAgeDays: 90,
  isAutomatic: false,
}

export const KIND_RULES = {
  client_secret: {
    storages: ['hashed', 'public', 'remote'],
    isCustomAllowed: true,
    prefixes: ['cls'],
    level: 'app',
    policy: POLICY,
  },
  api_key: {
    storages: ['hashed'],
    isCustomAllowed: false,
    prefixes: ['sk', 'pk', 'rk'],
    level: 'app',
    policy: POLICY,
  },
  signing_secret: {
    storages: ['sealed'],
    isCustomAllowed: true,
    prefixes: [],
    level: 'app',
    policy: POLICY,
  },
  jwt_secret: {
    storages: ['sealed', 'public', 'remote'],
    isCustomAllowed: true,
    prefixes: [],
    level: 'app',
    policy: POLICY,
  },
  mqtt_user: {
    storages: ['hashed'],
    isCustomAllowed: true,
    prefixes: ['mqu'],
    level: 'app',
    policy: POLICY,
  },
  webhook_secret: {
    storages: ['sealed'],
    isCustomAllowed: true,
    isUseUnseen: true,
    prefixes: [],
    level: 'app',
    policy: POLICY,
  },
  // Made and aged by the provider, so nothing here knows when it is due.
  provider_credential: {
    storages: ['sealed'],
    isCustomAllowed: true,
    isForeign: true,
    isUseUnseen: true,
    prefixes: [],
    level: 'app',
    policy: { ...POLICY, maxAgeDays: undefined },
  },
  // Pending is published before use; previous is the tail in which issued tokens still verify.
  tenant_signing_key: {
    storages: ['sealed'],
    isCustomAllowed: false,
    isUseUnseen: true,
    prefixes: [],
    level: 'tenant',
    policy: { ...POLICY, maxAgeDays: 30, isAutomatic: true },
  },
  operator_key: {
    storages: ['hashed'],
    isCustomAllowed: false,
    prefixes: ['op'],
    level: 'installation',
    policy: POLICY,
  },
} as const satisfies Record<CredentialKind, KindRules>

/** @returns the rules of a kind, for callers that do not know it beforehand. */
export function rulesOf(kind: CredentialKind): KindRules {
  return KIND_RULES[kind]
}
