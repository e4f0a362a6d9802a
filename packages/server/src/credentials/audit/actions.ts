/**
 * What is audited, once: a new kind of row is one more line here. Each action names the class of
 * the Open Cybersecurity Schema Framework it is exported as: https://schema.ocsf.io, the numbers as
 * of 1.5.0. Identity and access classes are 3xxx, application activity 6xxx. Pure.
 */

export interface EventClass {
  readonly classUid: number
  readonly className: string
  /** What the class calls the activity; 99 is "other". */
  readonly activityId: number
  /** 1 informational, 2 low, 3 medium, 4 high. */
  readonly severityId: number
}

/** Of the framework: `metadata.version` of what is exported. */
export const OCSF_VERSION = '1.5.0'

const CLASS_NAMES = {
  3001: 'Account Change',
  3002: 'Authentication',
  3004: 'Entity Management',
  3005: 'User Access Management',
  6003: 'API Activity',
} as const

const OTHER = 99
/** Activities of 3001: a credential is the account, its versions are the passwords. */
const account = { create: 1, enable: 2, change: 3, disable: 5, remove: 6 } as const
/** Of 3002. */
const session = { logon: 1, logoff: 2 } as const
/** Of 3004. */
const entity = { create: 1, read: 2, update: 3, remove: 4 } as const
/** Of 3005. */
const ASSIGN_PRIVILEGES = 1

function event(
  classUid: keyof typeof CLASS_NAMES,
  activityId: number,
  severityId: number,
): EventClass {
  return { classUid, className: CLASS_NAMES[classUid], activityId, severityId }
}

export const AUDIT_ACTIONS = {
  'tenant.created': event(3004, entity.create, 1),
  'tenant.updated': event(3004, entity.update, 1),
  'tenant.activated': event(3004, entity.update, 2),
  'tenant.suspended': event(3004, entity.update, 3),
  'member.added': event(3001, account.create, 2),
  'member.updated': event(3005, ASSIGN_PRIVILEGES, 2),
  'member.removed': event(3001, account.remove, 2),
  'plan.saved': event(3004, entity.update, 1),
  'plan.removed': event(3004, entity.remove, 1),
  'app.created': event(3004, entity.create, 1),
  'app.updated': event(3004, entity.update, 1),
  'app.enabled': event(3004, entity.update, 1),
  'app.disabled': event(3004, entity.update, 2),
  'app.deleted': event(3004, entity.remove, 2),
  'app.plan_assigned': event(3004, entity.update, 1),
  'credential.created': event(3001, account.create, 2),
  'credential.removed': event(3001, account.remove, 2),
  'secret.staged': event(3001, account.change, 1),
  'secret.fetched': event(3001, OTHER, 2),
  'secret.expiring': event(3001, OTHER, 2),
  'rotation.due': event(3001, OTHER, 1),
  'rotation.overdue': event(3001, OTHER, 2),
  'secret.promoted': event(3001, account.change, 1),
  'secret.rotated': event(3001, account.change, 1),
  'secret.discarded': event(3001, OTHER, 1),
  'secret.rolled_back': event(3001, account.change, 2),
  'secret.extended': event(3001, OTHER, 2),
  'secret.disabled': event(3001, account.disable, 2),
  'secret.enabled': event(3001, account.enable, 2),
  'secret.removed': event(3001, OTHER, 1),
  'secret.revoked': event(3001, account.disable, 3),
  'secret.expired': event(3001, OTHER, 1),
  'webhook.created': event(3004, entity.create, 2),
  'webhook.updated': event(3004, entity.update, 2),
  'webhook.removed': event(3004, entity.remove, 2),
  'webhook.enabled': event(3004, entity.update, 1),
  'webhook.disabled': event(3004, entity.update, 2),
  'webhook.probed': event(3004, OTHER, 1),
  'webhook.replayed': event(3004, OTHER, 1),
  'webhook.discarded': event(3004, entity.remove, 2),
  'document.deleted': event(3004, entity.remove, 2),
  'history.deleted': event(3004, entity.remove, 2),
  'rules.created': event(3005, ASSIGN_PRIVILEGES, 2),
  'rules.updated': event(3005, ASSIGN_PRIVILEGES, 2),
  'rules.removed': event(3005, ASSIGN_PRIVILEGES, 2),
  'integration.created': event(3004, entity.create, 2),
  'integration.updated': event(3004, entity.update, 2),
  'integration.enabled': event(3004, entity.update, 1),
  'integration.disabled': event(3004, entity.update, 2),
  'integration.removed': event(3004, entity.remove, 2),
  'policy.changed': event(3004, entity.update, 2),
  'signing_key.rotated': event(3004, entity.update, 2),
  'connection_token.created': event(3002, session.logon, 1),
  'connection_token.refreshed': event(3002, session.logon, 1),
  'connection_token.replaced': event(3002, session.logoff, 1),
  'token.revoked': event(3002, session.logoff, 2),
  'revocation.made': event(3002, session.logoff, 3),
  'master_key.rotation_begun': event(3004, entity.update, 3),
  'master_key.rotated': event(3004, entity.update, 3),
  'master_key.rewrapped': event(3004, entity.update, 2),
  'connection_token_key.rotated': event(3004, entity.update, 3),
  'connection_token_key.revoked': event(3004, entity.update, 4),
  'connection_token_key.retired': event(3004, entity.remove, 2),
  'audit.exported': event(3004, entity.read, 2),
  'audit.verified': event(3004, entity.read, 1),
  'audit.dropped': event(6003, OTHER, 4),
  'auth.failed': event(3002, session.logon, 2),
  'auth.denied': event(6003, OTHER, 2),
  'auth.retired_version': event(3002, session.logon, 3),
  'auth.refresh_reused': event(3002, session.logon, 4),
  'topic.denied': event(6003, OTHER, 2),
  'limit.exceeded': event(6003, OTHER, 2),
  'limit.reset': event(6003, OTHER, 2),
} as const satisfies Record<string, EventClass>

export type AuditAction = keyof typeof AUDIT_ACTIONS

/** Of a row that a later version wrote. */
const UNKNOWN_ACTION = event(6003, OTHER, 1)

/** @returns the general class for an action that is not in the table. */
export function eventClassOf(action: string): EventClass {
  return isAuditAction(action) ? AUDIT_ACTIONS[action] : UNKNOWN_ACTION
}

export function isAuditAction(action: string): action is AuditAction {
  return Object.hasOwn(AUDIT_ACTIONS, action)
}
