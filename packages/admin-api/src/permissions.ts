/** What a role may do: one table, asked by the server and shown by every client. */

export const ROLES = ['owner', 'admin', 'developer', 'auditor', 'viewer'] as const
export type Role = (typeof ROLES)[number]

export const PERMISSIONS = [
  'tenants:read',
  'tenants:create',
  'tenants:write',
  'tenants:state',
  'members:read',
  'members:write',
  'plans:read',
  'plans:write',
  'apps:read',
  'apps:write',
  'credentials:read',
  'credentials:write',
  'credentials:revoke',
  'tokens:read',
  'operators:read',
  'operators:write',
  'audit:read',
  'webhooks:read',
  'webhooks:write',
  'limits:read',
  'limits:write',
  'rules:read',
  'rules:write',
  'integrations:read',
  'integrations:write',
  'events:read',
  'alerts:read',
  'installation:write',
] as const
export type Permission = (typeof PERMISSIONS)[number]

const READS = ['tenants:read', 'plans:read', 'apps:read'] as const

/**
 * What no key of a single tenant may do, whatever its role: the installation decides which tenants
 * there are, whether they work, and what they may use.
 */
export const INSTALLATION_PERMISSIONS: ReadonlySet<Permission> = new Set([
  'tenants:create',
  'tenants:state',
  'plans:write',
  'installation:write',
])

/** A key that names a tenant has these inside that tenant only. */
export const ROLE_PERMISSIONS: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  owner: new Set(PERMISSIONS),
  admin: new Set<Permission>([
    ...READS,
    'tenants:write',
    'tenants:state',
    'members:read',
    'members:write',
    'plans:write',
    'apps:write',
    'credentials:read',
    'credentials:write',
    'credentials:revoke',
    'tokens:read',
    'operators:read',
    'audit:read',
    'webhooks:read',
    'webhooks:write',
    'limits:read',
    'limits:write',
    'rules:read',
    'rules:write',
    'integrations:read',
    'integrations:write',
    'events:read',
    'alerts:read',
  ]),
  developer: new Set<Permission>([
    ...READS,
    'apps:write',
    'credentials:read',
    'credentials:write',
    'credentials:revoke',
    'tokens:read',
    'webhooks:read',
    'webhooks:write',
    'limits:read',
    'rules:read',
    'rules:write',
    'integrations:read',
    'events:read',
    'alerts:read',
  ]),
  auditor: new Set<Permission>([
    ...READS,
    'members:read',
    'credentials:read',
    'operators:read',
    'audit:read',
    'webhooks:read',
    'limits:read',
    'rules:read',
    'integrations:read',
    'events:read',
    'alerts:read',
  ]),
  viewer: new Set<Permission>([...READS, 'credentials:read', 'limits:read', 'rules:read']),
}
