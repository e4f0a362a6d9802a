import { describe, expect, test } from 'bun:test'
import { OPERATIONS, type OperationName } from '@lockgate/admin-api/operations'
import { ROLES, type Role } from '@lockgate/admin-api/permissions'
import { authorizeOperation, type Concern } from './authorize.ts'

/**
 * Who may do what, written down by hand: a new operation is denied to everybody until it is here.
 * `o` owner, `a` admin, `d` developer, `u` auditor, `v` viewer; first with a key of the whole
 * installation, then with a key of one tenant inside that tenant.
 */
const ALLOWED: Readonly<Record<OperationName, readonly [installation: string, tenant: string]>> = {
  whoami: ['oaduv', 'oaduv'],
  'tenants.list': ['oaduv', 'oaduv'],
  'tenants.get': ['oaduv', 'oaduv'],
  'tenants.create': ['o', ''],
  'tenants.update': ['oa', 'oa'],
  'tenants.activate': ['oa', ''],
  'tenants.suspend': ['oa', ''],
  'members.list': ['oau', 'oau'],
  'members.add': ['oa', 'oa'],
  'members.update': ['oa', 'oa'],
  'members.remove': ['oa', 'oa'],
  'regions.list': ['oaduv', 'oaduv'],
  'plans.list': ['oaduv', 'oaduv'],
  'plans.save': ['oa', ''],
  'plans.remove': ['oa', ''],
  'limits.list': ['oaduv', 'oaduv'],
  'limits.reset': ['oa', 'oa'],
  'limits.unblock': ['o', ''],
  'apps.list': ['oaduv', 'oaduv'],
  'apps.get': ['oaduv', 'oaduv'],
  'apps.create': ['oad', 'oad'],
  'apps.update': ['oad', 'oad'],
  'apps.convert': ['oad', 'oad'],
  'apps.enable': ['oad', 'oad'],
  'apps.disable': ['oad', 'oad'],
  'apps.plan': ['oad', 'oad'],
  'apps.delete': ['oad', 'oad'],
  'credentials.list': ['oaduv', 'oaduv'],
  'credentials.report': ['oaduv', 'oaduv'],
  'credentials.get': ['oaduv', 'oaduv'],
  'credentials.readiness': ['oaduv', 'oaduv'],
  'credentials.create': ['oad', 'oad'],
  'credentials.update': ['oad', 'oad'],
  'credentials.rotate': ['oad', 'oad'],
  'credentials.stage': ['oad', 'oad'],
  'credentials.fetch': ['oad', 'oad'],
  'credentials.promote': ['oad', 'oad'],
  'credentials.discard': ['oad', 'oad'],
  'credentials.rollback': ['oad', 'oad'],
  'credentials.extend': ['oad', 'oad'],
  'credentials.disable': ['oad', 'oad'],
  'credentials.enable': ['oad', 'oad'],
  'credentials.remove': ['oad', 'oad'],
  'credentials.revoke': ['oad', 'oad'],
  'rules.list': ['oaduv', 'oaduv'],
  'rules.get': ['oaduv', 'oaduv'],
  'rules.create': ['oad', 'oad'],
  'rules.update': ['oad', 'oad'],
  'rules.remove': ['oad', 'oad'],
  'rules.validate': ['oaduv', 'oaduv'],
  'rules.import': ['oad', 'oad'],
  'rules.export': ['oaduv', 'oaduv'],
  'integrations.list': ['oadu', 'oadu'],
  'integrations.get': ['oadu', 'oadu'],
  'integrations.create': ['oa', 'oa'],
  'integrations.update': ['oa', 'oa'],
  'integrations.enable': ['oa', 'oa'],
  'integrations.disable': ['oa', 'oa'],
  'integrations.remove': ['oa', 'oa'],
  'rules.explain': ['oaduv', 'oaduv'],
  'documents.list': ['oaduv', 'oaduv'],
  'documents.delete': ['oad', 'oad'],
  'history.show': ['oaduv', 'oaduv'],
  'history.delete': ['oad', 'oad'],
  'webhooks.list': ['oadu', 'oadu'],
  'webhooks.get': ['oadu', 'oadu'],
  'webhooks.create': ['oad', 'oad'],
  'webhooks.update': ['oad', 'oad'],
  'webhooks.enable': ['oad', 'oad'],
  'webhooks.disable': ['oad', 'oad'],
  'webhooks.remove': ['oad', 'oad'],
  'webhooks.rotate': ['oad', 'oad'],
  'webhooks.probe': ['oad', 'oad'],
  'apps.regenerate-secret': ['oad', 'oad'],
  'tokens.families': ['oad', 'oad'],
  'tokens.revoke': ['oad', 'oad'],
  'signing-keys.list': ['oaduv', 'oaduv'],
  'signing-keys.rotate': ['oa', 'oa'],
  'signing-keys.revoke': ['oa', 'oa'],
  'operators.list': ['oau', 'oau'],
  'operators.create': ['o', 'o'],
  'operators.revoke': ['o', 'o'],
  'revocations.create': ['oad', 'oad'],
  'audit.list': ['oau', 'oau'],
  'audit.export': ['oau', 'oau'],
  'audit.verify': ['oau', 'oau'],
  'audit.checkpoints': ['oau', 'oau'],
  'audit.public-key': ['oau', 'oau'],
  'events.watch': ['oadu', 'oadu'],
  'events.list': ['oadu', 'oadu'],
  'deliveries.list': ['oadu', 'oadu'],
  'deliveries.get': ['oadu', 'oadu'],
  'deliveries.replay': ['oad', 'oad'],
  'deliveries.discard': ['oad', 'oad'],
  'alerts.list': ['oadu', 'oadu'],
  'token-keys.status': ['o', ''],
  'token-keys.rotate': ['o', ''],
  'token-keys.revoke': ['o', ''],
  'master-key.status': ['o', ''],
  'master-key.rotate': ['o', ''],
  'master-key.rewrap': ['o', ''],
}

/** Of the operations on credentials where the credential is an operator key. */
const ON_OPERATOR_KEYS: Readonly<Partial<Record<OperationName, string>>> = {
  'credentials.get': 'oau',
  'credentials.readiness': 'oau',
  'credentials.update': 'o',
  'credentials.rotate': 'o',
  'credentials.stage': 'o',
  'credentials.fetch': 'o',
  'credentials.promote': 'o',
  'credentials.discard': 'o',
  'credentials.rollback': 'o',
  'credentials.extend': 'o',
  'credentials.disable': 'o',
  'credentials.enable': 'o',
  'credentials.remove': 'o',
  'credentials.revoke': 'o',
  'operators.revoke': 'o',
}

/** The same where it is a key the tenant signs tokens with. */
const ON_SIGNING_KEYS: Readonly<Partial<Record<OperationName, string>>> = {
  'credentials.get': 'oaduv',
  'credentials.readiness': 'oaduv',
  'credentials.update': 'oa',
  'credentials.rotate': 'oa',
  'credentials.stage': 'oa',
  'credentials.fetch': 'oa',
  'credentials.promote': 'oa',
  'credentials.discard': 'oa',
  'credentials.rollback': 'oa',
  'credentials.extend': 'oa',
  'credentials.disable': 'oa',
  'credentials.enable': 'oa',
  'credentials.remove': 'oa',
  'credentials.revoke': 'oa',
}

const LETTERS: Readonly<Record<Role, string>> = {
  owner: 'o',
  admin: 'a',
  developer: 'd',
  auditor: 'u',
  viewer: 'v',
}

const OWN = { level: 'tenant', tenantId: 'own' } as const
const OTHER = { level: 'tenant', tenantId: 'other' } as const
const INSTALLATION = { level: 'installation' } as const
const NOBODY = { level: 'none' } as const

const NAMES = Object.keys(ALLOWED) as OperationName[]

/** @returns `ok` or the refusal of one cell. */
function cell(name: OperationName, concern: Concern, principal: Principal): string {
  const outcome = authorizeOperation(principal, OPERATIONS[name], concern)
  return outcome.ok ? 'ok' : outcome.refusal
}

interface Principal {
  readonly role: Role
  readonly tenantId: string | undefined
}

const fits = (letters: string, role: Role) =>
  letters.includes(LETTERS[role]) ? 'ok' : 'operation_denied'

test('the table has a row for every operation', () => {
  expect(NAMES.toSorted()).toEqual(Object.keys(OPERATIONS).toSorted() as OperationName[])
})

describe.each(ROLES.map((role) => ({ role })))('$role', ({ role }) => {
  const all = { role, tenantId: undefined }
  const own = { role, tenantId: 'own' }

  test.each(NAMES)('of the installation on %s', (name) => {
    const [letters] = ALLOWED[name]
    for (const concern of [OWN, OTHER, INSTALLATION, NOBODY]) {
      expect(cell(name, concern, all)).toBe(fits(letters, role))
    }
  })

  test.each(NAMES)('of a tenant on %s', (name) => {
    const [, letters] = ALLOWED[name]
    expect(cell(name, OWN, own)).toBe(fits(letters, role))
    expect(cell(name, NOBODY, own)).toBe(fits(letters, role))
    // Not "denied": nobody learns which ids other tenants or the installation have.
    expect(cell(name, OTHER, own)).toBe('not_found')
    expect(cell(name, INSTALLATION, own)).toBe('not_found')
  })

  test.each(Object.entries(ON_OPERATOR_KEYS) as [OperationName, string][])(
    'on operator keys: %s',
    (name, letters) => {
      const object = 'operator_key' as const
      expect(cell(name, { ...INSTALLATION, object }, all)).toBe(fits(letters, role))
      expect(cell(name, { ...OTHER, object }, all)).toBe(fits(letters, role))
      expect(cell(name, { ...OWN, object }, own)).toBe(fits(letters, role))
      expect(cell(name, { ...OTHER, object }, own)).toBe('not_found')
      expect(cell(name, { ...INSTALLATION, object }, own)).toBe('not_found')
    },
  )

  test.each(Object.entries(ON_SIGNING_KEYS) as [OperationName, string][])(
    'on the signing keys of a tenant: %s',
    (name, letters) => {
      const object = 'tenant_signing_key' as const
      expect(cell(name, { ...OTHER, object }, all)).toBe(fits(letters, role))
      expect(cell(name, { ...OWN, object }, own)).toBe(fits(letters, role))
      expect(cell(name, { ...OTHER, object }, own)).toBe('not_found')
    },
  )
})
