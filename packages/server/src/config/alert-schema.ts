/**
 * The rows of `alertRules[]`, with the rules that are there when the file names none: same kinds as
 * `schema.ts`, file only.
 */
import type { AlertRuleDeclaration } from './config.ts'
import { deepFreeze, type Setting } from './settings.ts'

/** Our bound. */
export const ALERT_RULE_COUNT_MAX = 50

export const ALERT_RULE_FIELDS = {
  name: {
    type: 'text',
    shape: '1 to 64 of `a-z 0-9 _ -`, beginning with a letter or digit',
    pattern: /^[a-z0-9][a-z0-9_-]{0,63}$/,
    default: undefined,
    does: 'Names the rule in alerts; one of the name of a built-in rule replaces it.',
    prevents: 'Unique, so that an alert says which rule raised it.',
  },
  watch: {
    type: 'choice',
    values: [
      'auth_failures',
      'signature_failures',
      'provider_errors',
      'webhook_failures',
      'rotations_overdue',
      'limit_saturation',
    ],
    default: undefined,
    does: 'What is counted.',
    prevents: 'There is no default: a rule says what it is for.',
  },
  threshold: {
    type: 'integer',
    unit: 'count',
    min: 1,
    max: 1_000_000,
    default: undefined,
    does: 'How many within the window raise the alert; of rotations, how many are overdue.',
    prevents: 'Single mistakes wake nobody up.',
  },
  windowSeconds: {
    type: 'integer',
    unit: 'seconds',
    min: 1,
    max: 86_400,
    default: 60,
    does: 'The window; below the threshold for as long again, the alert is resolved.',
    prevents: 'One alert stays one while it lasts.',
  },
  per: {
    type: 'choice',
    values: ['app', 'installation'],
    default: 'app',
    does: 'Whether each app is counted by itself, or all together.',
    prevents: 'One noisy app does not hide what happens to another.',
  },
  to: {
    type: 'list',
    of: 'destinations',
    countMax: 3,
    default: undefined,
    does: 'Where alerts of the rule go; left out, where `alerts.to` says.',
    prevents: 'Empty, they are in the list, the event stream and the metrics only.',
  },
  enabled: {
    type: 'boolean',
    default: true,
    does: 'Whether the rule counts.',
    prevents: 'A built-in rule can be turned off by its name.',
  },
} as const satisfies Record<string, Setting>

const rule = (
  name: string,
  watch: AlertRuleDeclaration['watch'],
  [threshold, windowMs]: readonly [number, number],
): AlertRuleDeclaration => ({
  name,
  watch,
  threshold,
  windowMs,
  per: 'app',
  to: undefined,
  isEnabled: true,
})

const MINUTE_MS = 60_000

/** Rules that exist without being declared. */
export const BUILT_IN_ALERT_RULES: readonly AlertRuleDeclaration[] = deepFreeze([
  rule('auth-failures', 'auth_failures', [100, MINUTE_MS]),
  rule('signature-failures', 'signature_failures', [20, MINUTE_MS]),
  rule('provider-errors', 'provider_errors', [1, 5 * MINUTE_MS]),
  rule('webhook-failures', 'webhook_failures', [10, 5 * MINUTE_MS]),
  rule('rotations-overdue', 'rotations_overdue', [1, MINUTE_MS]),
  rule('limit-saturation', 'limit_saturation', [100, MINUTE_MS]),
])
