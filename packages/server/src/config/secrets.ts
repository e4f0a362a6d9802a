/**
 * Secrets of the configuration: reading them from files, judging how guessable they are, and taking
 * them out of what is printed. Pure but for the given `readFile`.
 */
import { resolve } from 'node:path'
import type { Result } from '@lockgate/protocol/result'
import type { RuleRecord } from '../ports/records/rule-set.ts'
import type { AlertRuleDeclaration, AppDeclaration, Config, PlanDeclaration } from './config.ts'
import type { Objection } from './problem.ts'
import { SECRET_FILE_BYTES_MAX } from './schema.ts'
import { formatAddress } from './values.ts'

/** @returns the text of a UTF-8 file of at most `bytesMax` bytes, or why it cannot be had. */
export type ReadFile = (
  path: string,
  bytesMax: number,
) => Result<string, 'missing' | 'not_a_file' | 'denied' | 'too_large' | 'unreadable'>

/** What is printed in place of a secret. */
export const MASK = '***'
export const MASKED_QUERY = `?${MASK}`

/** Our bound for production: 16 random characters are beyond guessing over a network. */
export const SECRET_CHARACTERS_MIN = 16
const DISTINCT_CHARACTERS_MIN = 5
const DISTINCT_KEY_BYTES_MIN = 8

/** Values found in examples and documentation; anybody tries them first. Lowercase. */
const WELL_KNOWN: ReadonlySet<string> = new Set(
  [
    'app-id app-key app-secret my-app-id my-app-key my-app-secret app_id app_key app_secret',
    'your-app-id your-app-key your-app-secret your_app_id your_app_key your_app_secret',
    'demo-app demo-id demo-key demo-secret test-app test-id test-key test-secret test-app-secret',
    'default-app default-key default-secret example-key example-secret example changeme change-me',
    'change-me-please change-this-secret replace-me replace-this-secret secret supersecret',
    'super-secret super-secret-key this-is-a-secret secret-key secretkey your-secret-key my-secret',
    'my-secret-key mysecret password password123 passw0rd letmein admin administrator test demo',
    'key id app-key-1 app-secret-1 0123456789abcdef 1234567890abcdef 1234567890123456',
    '0123456789012345 abcdefghijklmnop abcdefghijklmnopqrstuvwxyz 12345678901234567890',
    'lockgate lockgate-secret lockgate-app-secret lockgate-demo-secret your-256-bit-secret',
    'a-string-secret-at-least-256-bits-long your-384-bit-secret your-512-bit-secret client-secret',
    'client-id client_id client_secret your-client-id your-client-secret my-client-secret',
  ].flatMap((line) => line.split(' ')),
)

export const isWellKnown = (value: string): boolean => WELL_KNOWN.has(value.toLowerCase())

/** @returns why production does not take this secret; undefined when it does. */
export function weaknessOf(secret: string): string | undefined {
  if (isWellKnown(secret)) return 'the secret is a well-known one'
  if (secret.length < SECRET_CHARACTERS_MIN) {
    return `the secret is shorter than ${SECRET_CHARACTERS_MIN} characters`
  }
  if (new Set(secret).size < DISTINCT_CHARACTERS_MIN) return 'the secret repeats a few characters'
  return undefined
}

/** @returns whether a version of the master key cannot have come from a random source. */
export function isGuessableMasterKey(text: string): boolean {
  const keys = text.match(/[A-Za-z0-9+/]{43}=$/gm) ?? []
  return keys.some((key) => new Set(Buffer.from(key, 'base64')).size < DISTINCT_KEY_BYTES_MIN)
}

export type SecretFile =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly objection: Objection }

/**
 * Reads a secret from a file, without the line end that editors put there.
 * @param path not shown in the objection: people put the secret itself here.
 */
export function readSecretFile(
  path: unknown,
  { readFile, folder }: { readonly readFile: ReadFile; readonly folder: string },
): SecretFile {
  const refuse = (what: string, next: string): SecretFile => {
    return { ok: false, objection: { what, next } }
  }
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    return refuse('this is not a path', 'give the path of a file that holds the secret')
  }
  const read = readFile(resolve(folder, path), SECRET_FILE_BYTES_MAX)
  if (read.ok) {
    const text = read.value.replace(/\r?\n$/, '')
    if (text !== '') return { ok: true, text }
    return refuse('the file it names is empty', 'put the secret into the file')
  }
  switch (read.refusal) {
    case 'missing':
      return refuse('the file it names does not exist', 'check the path, not the secret, is given')
    case 'denied':
      return refuse('the file it names may not be read', 'give the server read permission')
    case 'too_large':
      return refuse(
        `the file it names is larger than ${SECRET_FILE_BYTES_MAX} bytes`,
        'put only the secret into the file',
      )
    case 'not_a_file':
    case 'unreadable':
      return refuse('the file it names cannot be read as text', 'name a plain text file')
  }
}

/**
 * The effective configuration in the shape of the file, every secret replaced by {@link MASK}.
 * Putting the secrets back gives a file that loads to the same configuration.
 */
export function describeConfig(config: Config): Record<string, unknown> {
  const { mode, listen, masterKey, masterKeyFile, ...rest } = config
  const { operatorKeys, plans, alertRules, tenants, smtp, ...settings } = rest
  return withoutAbsent({
    mode,
    listen: Object.fromEntries(
      Object.entries(listen).map(([name, address]) => [name, formatAddress(address)]),
    ),
    ...settings,
    masterKey: masterKeyFile === undefined ? masked(masterKey) : undefined,
    masterKeyFile,
    smtp: { ...smtp, password: masked(smtp.password) },
    operatorKeys: operatorKeys.map((key) => withoutAbsent({ ...key, value: MASK })),
    plans: plans.map(describePlan),
    alertRules: alertRules.map(describeAlertRule),
    tenants: tenants.map((tenant) => ({
      ...tenant,
      plans: tenant.plans.map(describePlan),
      ruleSets: tenant.ruleSets.map(({ name, rules }) => ({
        name,
        rules: rules.map(describeRule),
      })),
      integrations: tenant.integrations.map(withoutAbsent),
      apps: tenant.apps.map(describeApp),
    })),
  })
}

function describePlan(plan: PlanDeclaration): object {
  const { name, limits, isOnePerTenant, isOpenToTenants } = plan
  return { name, ...limits, onePerTenant: isOnePerTenant, openToTenants: isOpenToTenants }
}

function describeRule({ retain, ...rule }: RuleRecord): object {
  return retain === undefined ? rule : { ...rule, retain: retain ? 'only' : 'never' }
}

function describeAlertRule({ windowMs, isEnabled, ...rule }: AlertRuleDeclaration): object {
  return withoutAbsent({ ...rule, windowSeconds: windowMs / 1_000, enabled: isEnabled })
}

function describeApp({ signingKeys, settings, ...app }: AppDeclaration): object {
  return withoutAbsent({
    ...app,
    clientSecret: masked(app.clientSecret),
    keys: signingKeys.map(({ key }) => ({ key, secret: MASK })),
    apiKeys: app.apiKeys.map((key) => withoutAbsent({ ...key, value: MASK })),
    jwtSecrets: app.jwtSecrets.map((secret) =>
      withoutAbsent({ ...secret, value: masked(secret.value) }),
    ),
    mqttUsers: app.mqttUsers.map((user) => withoutAbsent({ ...user, password: MASK })),
    webhooks: app.webhooks.map((webhook) =>
      withoutAbsent({
        ...webhook,
        // A query may hold a secret of the receiver.
        url: webhook.url.replace(/\?.*/, MASKED_QUERY),
        secret: masked(webhook.secret),
      }),
    ),
    ...settings,
  })
}

const masked = (secret: string | undefined): string | undefined =>
  secret === undefined ? undefined : MASK

/** @returns a copy without absent values, for which the file has no spelling; lists as they are. */
function withoutAbsent(group: object): Record<string, unknown> {
  const entries: [string, unknown][] = Object.entries(group)
  const given = entries.filter(([, value]) => value !== undefined)
  return Object.fromEntries(
    given.map(([key, value]) => {
      const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value)
      return [key, isGroup ? withoutAbsent(value) : value]
    }),
  )
}
