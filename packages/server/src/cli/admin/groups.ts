/** What help says about the groups of commands that the table of operations does not. */

export interface GroupHelp {
  readonly description: string
  /** Each begins with `lockgate`; a test runs every one through the command line. */
  readonly examples: readonly string[]
}

const GROUPS: Readonly<Record<string, GroupHelp>> = {
  tenants: {
    description: 'Customers of this installation: whose apps, members and keys these are.',
    examples: [
      'lockgate tenants create --name Acme',
      'lockgate tenants list --json',
      'lockgate tenants suspend TENANT --reason "unpaid"',
    ],
  },
  apps: {
    description: 'Apps: what clients connect to, each in one region and on one plan.',
    examples: [
      'lockgate apps create --tenant-id TENANT --name chat --region eu --plan free',
      'lockgate apps list --tenant-id TENANT',
      'lockgate apps plan APP --plan unlimited',
      'lockgate apps update APP --settings-client-messages --allowed-domain shop.example',
    ],
  },
  secrets: {
    description: 'Credentials of every kind, and the life of their versions.',
    examples: [
      'lockgate secrets list APP',
      'lockgate secrets create APP --kind client_secret --name backend',
      'lockgate secrets rotate CREDENTIAL --overlap 1h',
      'lockgate secrets readiness CREDENTIAL',
      'lockgate secrets rotate CREDENTIAL --value-file - < own-value.txt',
    ],
  },
  keys: {
    description: 'API keys of apps; and well-formed values, made offline.',
    examples: [
      'lockgate keys create APP --name backend --scope publish:news',
      'lockgate keys rotate CREDENTIAL --overlap 30m',
      'lockgate keys revoke CREDENTIAL --reason "found in a repository"',
      'lockgate keys generate --type sk',
    ],
  },
  rotate: {
    description: '',
    examples: [
      'lockgate rotate CREDENTIAL --overlap 1h',
      'lockgate rotate CREDENTIAL --overlap 0 --reason "leaked"',
    ],
  },
  revoke: {
    description: '',
    examples: [
      'lockgate revoke CREDENTIAL --reason "leaked"',
      'lockgate revoke --kind user --app-id APP --user-id u42 --reason "left the company"',
      'lockgate revoke --kind app --app-id APP --reason "abuse"',
    ],
  },
  audit: {
    description: 'The audit log: who did what, and whether it was changed afterwards.',
    examples: [
      'lockgate audit list --limit 20',
      'lockgate audit list --tenant-id TENANT --database local --json',
      'lockgate audit verify',
      'lockgate audit export --from 2027-01-01T00:00:00Z > audit.ndjson',
    ],
  },
  events: {
    description: 'What happens now: connections, refused credentials, limits, webhooks, alerts.',
    examples: [
      'lockgate events',
      'lockgate events --types "auth.*,rate_limit.*" --app-id APP',
      'lockgate events --json',
      'lockgate events list --types auth.failed --limit 20',
    ],
  },
  deliveries: {
    description: 'What is posted to webhook endpoints: what waits, and dead letters.',
    examples: [
      'lockgate deliveries list ENDPOINT',
      'lockgate deliveries list ENDPOINT --state waiting --json',
      'lockgate deliveries get ENDPOINT DELIVERY',
      'lockgate deliveries replay ENDPOINT',
      'lockgate deliveries discard ENDPOINT --delivery-id DELIVERY --reason "of a test"',
    ],
  },
  alerts: {
    description: 'Alerts: what went on too often, by the rules of the configuration.',
    examples: ['lockgate alerts list', 'lockgate alerts list --state all --limit 20'],
  },
  'token-keys': {
    description: 'The key that signs connection tokens, its versions, and who still has old ones.',
    examples: [
      'lockgate token-keys status',
      'lockgate token-keys rotate',
      'lockgate token-keys revoke --reason "leaked"',
    ],
  },
  'master-key': {
    description: 'The key that seals every secret at rest, and its versions.',
    examples: ['lockgate master-key status', 'lockgate master-key rotate'],
  },
  whoami: { description: '', examples: ['lockgate whoami'] },
  members: {
    description: 'People who manage a tenant, and their roles.',
    examples: [
      'lockgate members list TENANT',
      'lockgate members add TENANT --email a@acme.example --name Ada --role developer',
    ],
  },
  regions: { description: 'Where apps live.', examples: ['lockgate regions list'] },
  plans: {
    description: 'What an app may use: connections, documents, operations.',
    examples: ['lockgate plans list', 'lockgate plans remove team'],
  },
  limits: {
    description: 'How much an app, its channels and its users may do.',
    examples: [
      'lockgate limits list APP --user-id u42',
      'lockgate limits reset APP --name publish.user --user-id u42',
      'lockgate limits unblock --ip 192.0.2.1',
    ],
  },
  rules: {
    description: 'Rule sets: what clients may publish and subscribe to.',
    examples: [
      'lockgate rules get TENANT default',
      'lockgate rules create TENANT --name web --rules-json @web.json',
      'lockgate rules update TENANT web --rules-json @web.json --revision 1',
      'lockgate rules import TENANT --dialect policy --document-json @policy.json --name web',
      'lockgate rules export TENANT web --dialect user-rules',
    ],
  },
  integrations: {
    description: 'What tokens name as integration_id: a rule set, an identity provider, or both.',
    examples: [
      'lockgate integrations create TENANT --name web --rule-set web',
      'lockgate integrations create TENANT --name app --provider-type supabase ' +
        '--provider-project abcdefgh',
      'lockgate integrations disable TENANT web --reason "provider was breached"',
    ],
  },
  explain: {
    description: '',
    examples: [
      'lockgate explain TENANT --action publish --topic orders/new --user-id u42',
      'lockgate explain TENANT --action subscribe --topic "users/+/inbox" --integration web',
    ],
  },
  operators: {
    description: 'Operator keys: who may call the administration.',
    examples: [
      'lockgate operators create --name deploy --role developer --tenant-id TENANT',
      'lockgate operators revoke CREDENTIAL --reason "left the team"',
    ],
  },
  webhooks: {
    description: 'Where the events of an app are posted to, and the secrets that sign them.',
    examples: [
      'lockgate webhooks create APP --name a --receiver-url https://a.example --event cache_miss',
      'lockgate webhooks list APP',
      'lockgate webhooks rotate ENDPOINT --overlap 24h --drop-when-adopted',
      'lockgate webhooks probe ENDPOINT',
    ],
  },
  documents: {
    description: 'Documents of editors that are kept.',
    examples: [
      'lockgate documents list APP --all --json',
      'lockgate documents delete APP --name notes --reason "asked by the customer"',
    ],
  },
  history: {
    description: 'Messages of channels that are kept.',
    examples: [
      'lockgate history show APP',
      'lockgate history delete APP --channel room:1 --reason "asked by the customer"',
      'lockgate history delete APP --before 2026-01-01T00:00:00Z --reason "end of the year"',
    ],
  },
  tokens: {
    description: 'Access and refresh tokens that were issued.',
    examples: [
      'lockgate tokens list APP',
      'lockgate tokens revoke APP --family-id FAMILY --reason "stolen laptop"',
    ],
  },
  'signing-keys': {
    description: 'The keys a tenant signs access tokens with.',
    examples: ['lockgate signing-keys list TENANT', 'lockgate signing-keys rotate TENANT'],
  },
}

/** @returns what there is to say; a group of the table alone is described by its name. */
export function groupHelp(name: string): GroupHelp {
  return (
    GROUPS[name] ?? { description: `Operations on ${name.replaceAll('-', ' ')}.`, examples: [] }
  )
}

export const EVERYWHERE = `
The operator key is read from --operator-key-file, LOCKGATE_OPERATOR_KEY_FILE,
LOCKGATE_OPERATOR_KEY or operator.key in the data directory; the address from --url, LOCKGATE_URL or
the configuration.
`
