import { describe, expect, test } from 'bun:test'
import { OPERATIONS } from '@lockgate/admin-api/operations'
import { ROLES, type Role } from '@lockgate/admin-api/permissions'
import { authorizeOperation } from './authorize.ts'

/** What each role may do, operation by operation; a new operation is not allowed until it is here. */
const ALLOWED: Readonly<Record<keyof typeof OPERATIONS, readonly Role[]>> = {
  whoami: ROLES,
  'tenants.list': ROLES,
  'tenants.get': ROLES,
  'tenants.create': ['owner'],
  'tenants.update': ['owner', 'admin'],
  'tenants.activate': ['owner', 'admin'],
  'tenants.suspend': ['owner', 'admin'],
  'members.list': ['owner', 'admin', 'auditor'],
  'members.add': ['owner', 'admin'],
  'members.update': ['owner', 'admin'],
  'members.remove': ['owner', 'admin'],
  'regions.list': ROLES,
  'plans.list': ROLES,
  'plans.save': ['owner', 'admin'],
  'plans.remove': ['owner', 'admin'],
  'apps.list': ROLES,
  'apps.get': ROLES,
  'apps.create': ['owner', 'admin', 'developer'],
  'apps.update': ['owner', 'admin', 'developer'],
  'apps.convert': ['owner', 'admin', 'developer'],
  'apps.enable': ['owner', 'admin', 'developer'],
  'apps.disable': ['owner', 'admin', 'developer'],
  'apps.plan': ['owner', 'admin', 'developer'],
  'apps.delete': ['owner', 'admin', 'developer'],
  'credentials.list': ROLES,
  'credentials.get': ROLES,
  'credentials.readiness': ROLES,
  'credentials.create': ['owner', 'admin', 'developer'],
  'credentials.update': ['owner', 'admin', 'developer'],
  'credentials.rotate': ['owner', 'admin', 'developer'],
  'credentials.stage': ['owner', 'admin', 'developer'],
  'credentials.fetch': ['owner', 'admin', 'developer'],
  'credentials.promote': ['owner', 'admin', 'developer'],
  'credentials.discard': ['owner', 'admin', 'developer'],
  'credentials.rollback': ['owner', 'admin', 'developer'],
  'credentials.extend': ['owner', 'admin', 'developer'],
  'credentials.disable': ['owner', 'admin', 'developer'],
  'credentials.enable': ['owner', 'admin', 'developer'],
  'credentials.remove': ['owner', 'admin', 'developer'],
  'credentials.revoke': ['owner', 'admin', 'developer'],
  'apps.regenerate-secret': ['owner', 'admin', 'developer'],
  'tokens.families': ['owner', 'admin', 'developer'],
  'tokens.revoke': ['owner', 'admin', 'developer'],
  'signing-keys.list': ROLES,
  'signing-keys.rotate': ['owner', 'admin'],
  'signing-keys.revoke': ['owner', 'admin'],
  'revocations.create': ['owner', 'admin', 'developer'],
  'audit.list': ['owner', 'admin', 'auditor'],
  'audit.export': ['owner', 'admin', 'auditor'],
  'audit.verify': ['owner', 'admin', 'auditor'],
  'audit.checkpoints': ['owner', 'admin', 'auditor'],
  'audit.public-key': ['owner', 'admin', 'auditor'],
  'master-key.status': ['owner'],
  'master-key.rotate': ['owner'],
  'master-key.rewrap': ['owner'],
}

/** What no key of a single tenant may do, even an owner's. */
const INSTALLATION_ONLY: ReadonlySet<string> = new Set([
  'tenants.create',
  'tenants.activate',
  'tenants.suspend',
  'plans.save',
  'plans.remove',
  'master-key.status',
  'master-key.rotate',
  'master-key.rewrap',
])

const OWN = { level: 'tenant', tenantId: 'own' } as const
const OTHER = { level: 'tenant', tenantId: 'other' } as const
const INSTALLATION = { level: 'installation' } as const

const CASES = Object.entries(OPERATIONS).flatMap(([name, operation]) =>
  ROLES.map((role) => ({ name: name as keyof typeof OPERATIONS, role, operation })),
)

describe.each(CASES)('$role on $name', ({ name, role, operation }) => {
  const isAllowed = ALLOWED[name].includes(role)

  test('of the installation follows the table', () => {
    const principal = { role, tenantId: undefined }
    for (const concern of [OWN, INSTALLATION, { level: 'none' }] as const) {
      expect(authorizeOperation(principal, operation, concern).ok).toBe(isAllowed)
    }
  })

  test('of a tenant follows it inside that tenant and reaches nothing beyond', () => {
    const principal = { role, tenantId: 'own' }
    const isOfTenant = isAllowed && !INSTALLATION_ONLY.has(name)
    expect(authorizeOperation(principal, operation, OWN).ok).toBe(isOfTenant)
    expect(authorizeOperation(principal, operation, INSTALLATION).ok).toBe(false)
    // Not "denied": nobody learns which ids other tenants have.
    expect(authorizeOperation(principal, operation, OTHER)).toEqual({
      ok: false,
      refusal: 'not_found',
    })
  })
})
