/**
 * Refusals that only administrative calls can meet, beside those of `refusals.ts`. No session ever
 * ends for one of these, so protocols do not map them. Codes are never reused after removal.
 */
import { no, REFUSALS, type RefusalText } from './refusals.ts'

export const ADMIN_REFUSALS = {
  ...REFUSALS,
  not_found: no(404, 'no', 'There is nothing of this id here.'),
  input_invalid: no(400, 'no', 'The input does not fit the operation.'),
  reason_missing: no(400, 'no', 'Say why: this needs a reason.'),
  name_taken: no(409, 'no', 'This name is taken. Choose another.'),
  id_taken: no(409, 'no', 'This id or shortId is taken. Choose another, or leave it out.'),
  email_taken: no(409, 'no', 'A member of this tenant has this address already.'),
  region_unknown: no(400, 'no', 'There is no region of this code. List the regions.'),
  region_immutable: no(409, 'no', 'The region of an app is set once. Make a new app there.'),
  plan_unknown: no(400, 'no', 'There is no plan of this name. List the plans.'),
  plan_closed: no(
    403,
    'no',
    'This plan is not open to keys of a tenant. List the plans for those that are, or ask ' +
      'whoever runs the installation.',
  ),
  limit_widened: no(
    403,
    'no',
    'Keys of a tenant narrow the limits of its apps and never widen them.',
  ),
  rule_set_in_use: no(409, 'no', 'Something names this rule set. Let it name another first.'),
  plan_in_use: no(409, 'no', 'Apps are on this plan. Put them on another first.'),
  free_plan_taken: no(
    409,
    'no',
    'Another app of this tenant is on the plan that only one may have.',
  ),
  origins_missing: no(
    400,
    'no',
    'In production an app names its allowedOrigins, or says dangerousAnyOrigin: true.',
  ),
  last_owner: no(409, 'no', 'This is the last owner. Make another one first.'),
  role_too_high: no(403, 'no', 'Only an owner makes, changes or removes owners.'),
  public_client: no(409, 'no', 'A public app cannot keep a secret, so it has none. Use PKCE.'),
  too_many_active_secrets: no(409, 'no', 'Two versions are accepted already. End one, or force.'),
  last_secret: no(409, 'no', 'This is the last accepted version. Rotate, or revoke it.'),
  invalid_transition: no(409, 'no', 'The version is not in a state that allows this.'),
  still_in_use: no(
    409,
    'later',
    'The version was used lately. See readiness, or force with a reason.',
  ),
  overlap_too_long: no(400, 'no', 'The overlap is longer than the policy allows.'),
  weak_secret: no(422, 'no', 'This value is too easy to guess.'),
  custom_value_denied: no(403, 'no', 'Credentials of this kind take no values of your own.'),
  already_fetched: no(410, 'no', 'This value was fetched before, and it is given out once.'),
  fetch_expired: no(410, 'no', 'Nobody fetched this value in time. Stage a new version.'),
  policy_denied: no(403, 'no', 'The configuration allows no such policy.'),
  changed_meanwhile: no(409, 'later', 'Somebody else changed this first. Look at it, then decide.'),
  idempotency_mismatch: no(422, 'no', 'This Idempotency-Key belongs to another request.'),
  idempotency_running: no(409, 'later', 'The first request of this Idempotency-Key still runs.'),
  idempotency_interrupted: no(
    409,
    'no',
    'The first request of this Idempotency-Key ended without an answer, and may have worked. ' +
      'Look at what is there, then ask with a new key.',
  ),
  count_full: no(409, 'no', 'There are as many of these here as there may be.'),
  credentials_full: no(409, 'no', 'There are as many credentials here as there may be.'),
} as const satisfies Record<string, RefusalText>

export type AdminRefusalCode = keyof typeof ADMIN_REFUSALS
