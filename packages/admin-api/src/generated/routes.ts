/**
 * Written by scripts/docs.ts from the table of operations: npm run fix. What a caller needs at run
 * time, without the schemas.
 */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
}

export const ROUTES = {
  'apps.convert': { method: 'POST', path: '/apps/{appId}/type' },
  'apps.create': { method: 'POST', path: '/apps' },
  'apps.delete': { method: 'POST', path: '/apps/{appId}/delete' },
  'apps.disable': { method: 'POST', path: '/apps/{appId}/disable' },
  'apps.enable': { method: 'POST', path: '/apps/{appId}/enable' },
  'apps.get': { method: 'GET', path: '/apps/{appId}' },
  'apps.list': { method: 'GET', path: '/apps' },
  'apps.plan': { method: 'POST', path: '/apps/{appId}/plan' },
  'apps.update': { method: 'PATCH', path: '/apps/{appId}' },
  'audit.checkpoints': { method: 'GET', path: '/audit/checkpoints' },
  'audit.export': { method: 'GET', path: '/audit/export' },
  'audit.list': { method: 'GET', path: '/audit' },
  'audit.public-key': { method: 'GET', path: '/audit/public-key' },
  'audit.verify': { method: 'GET', path: '/audit/verify' },
  'credentials.create': { method: 'POST', path: '/apps/{appId}/credentials' },
  'credentials.disable': { method: 'POST', path: '/credentials/{credentialId}/disable' },
  'credentials.discard': { method: 'POST', path: '/credentials/{credentialId}/discard' },
  'credentials.enable': { method: 'POST', path: '/credentials/{credentialId}/enable' },
  'credentials.extend': { method: 'POST', path: '/credentials/{credentialId}/extend' },
  'credentials.get': { method: 'GET', path: '/credentials/{credentialId}' },
  'credentials.list': { method: 'GET', path: '/apps/{appId}/credentials' },
  'credentials.promote': { method: 'POST', path: '/credentials/{credentialId}/promote' },
  'credentials.readiness': { method: 'GET', path: '/credentials/{credentialId}/readiness' },
  'credentials.remove': { method: 'POST', path: '/credentials/{credentialId}/remove' },
  'credentials.revoke': { method: 'POST', path: '/credentials/{credentialId}/revoke' },
  'credentials.rollback': { method: 'POST', path: '/credentials/{credentialId}/rollback' },
  'credentials.rotate': { method: 'POST', path: '/credentials/{credentialId}/rotate' },
  'credentials.stage': { method: 'POST', path: '/credentials/{credentialId}/stage' },
  'credentials.update': { method: 'PATCH', path: '/credentials/{credentialId}' },
  'master-key.rewrap': { method: 'POST', path: '/master-key/rewrap' },
  'master-key.rotate': { method: 'POST', path: '/master-key/rotate' },
  'master-key.status': { method: 'GET', path: '/master-key' },
  'members.add': { method: 'POST', path: '/tenants/{tenantId}/members' },
  'members.list': { method: 'GET', path: '/tenants/{tenantId}/members' },
  'members.remove': { method: 'DELETE', path: '/tenants/{tenantId}/members/{memberId}' },
  'members.update': { method: 'PATCH', path: '/tenants/{tenantId}/members/{memberId}' },
  'plans.list': { method: 'GET', path: '/plans' },
  'plans.remove': { method: 'DELETE', path: '/plans/{plan}' },
  'plans.save': { method: 'PUT', path: '/plans/{plan}' },
  'regions.list': { method: 'GET', path: '/regions' },
  'revocations.create': { method: 'POST', path: '/revocations' },
  'tenants.activate': { method: 'POST', path: '/tenants/{tenantId}/activate' },
  'tenants.create': { method: 'POST', path: '/tenants' },
  'tenants.get': { method: 'GET', path: '/tenants/{tenantId}' },
  'tenants.list': { method: 'GET', path: '/tenants' },
  'tenants.suspend': { method: 'POST', path: '/tenants/{tenantId}/suspend' },
  'tenants.update': { method: 'PATCH', path: '/tenants/{tenantId}' },
  'whoami': { method: 'GET', path: '/whoami' },
} as const satisfies Record<string, Route>
