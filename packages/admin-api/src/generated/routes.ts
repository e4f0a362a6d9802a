/**
 * Written by scripts/docs.ts from the table of operations: npm run fix. What a caller needs at run
 * time, without the schemas.
 */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
}

export const ROUTES = {
  'apps.list': { method: 'GET', path: '/apps' },
  'audit.list': { method: 'GET', path: '/audit' },
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
  'revocations.create': { method: 'POST', path: '/revocations' },
  'tenants.list': { method: 'GET', path: '/tenants' },
  'whoami': { method: 'GET', path: '/whoami' },
} as const satisfies Record<string, Route>
