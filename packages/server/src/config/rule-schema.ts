/** The rows of `tenants[].ruleSets[]`, their rules, and `tenants[].integrations[]`; file only. */
import { RULE_SET_NAME } from '../ports/records/mqtt-user.ts'
import type { Setting } from './settings.ts'

/** Our bounds, those of the administration too. */
export const RULE_SET_COUNT_MAX = 100
export const RULE_COUNT_MAX = 200
export const INTEGRATION_COUNT_MAX = 100

const ruleSetName = {
  type: 'text',
  shape: '1 to 64 of `A-Z a-z 0-9 _ -`',
  pattern: RULE_SET_NAME,
  default: undefined,
} as const

const optionalText = {
  type: 'text',
  shape: '1 to 2048 printable characters without spaces',
  pattern: /^[!-~]{1,2048}$/,
  default: undefined,
  isOptional: true,
} as const

export const RULE_SET_FIELDS = {
  name: {
    ...ruleSetName,
    does: 'What integrations and MQTT users name; `default` is for every client of the tenant.',
    prevents: 'Unique inside the tenant.',
  },
} as const satisfies Record<string, Setting>

export const RULE_FIELDS = {
  effect: {
    type: 'choice',
    values: ['allow', 'deny'],
    default: undefined,
    does: 'What is decided where the rule matches; the first that does decides.',
    prevents: 'What no rule allows is denied.',
  },
  actions: {
    type: 'list',
    of: 'rule actions',
    countMax: 4,
    default: [],
    does: 'What it is for: `publish`, `subscribe`, `presence`, `history`.',
    prevents: 'A rule for reading lets nobody write.',
  },
  filter: {
    type: 'text',
    shape: 'a topic filter of up to 512 characters',
    pattern: /^[^\p{Cc}\p{Cs}]{1,512}$/u,
    default: undefined,
    does: 'Which topics: `+` and `#` as in MQTT, and placeholders such as `${user_id}`.',
    prevents: 'A placeholder stands for one level, whatever its value is.',
  },
  qosMax: {
    type: 'integer',
    unit: 'count',
    min: 0,
    max: 2,
    default: 2,
    does: 'The highest QoS a rule that allows is for.',
    prevents: 'Clients of one topic cannot make the server keep and repeat messages.',
  },
  retain: {
    type: 'choice',
    values: ['any', 'only', 'never'],
    default: 'any',
    does: 'Which messages a rule for `publish` is for, by their retain flag.',
    prevents: 'Clients leave nothing behind where only messages of the moment belong.',
  },
  users: {
    type: 'list',
    of: 'user patterns',
    countMax: 20,
    default: undefined,
    does: 'Only for user names that match; `*` stands for any characters. Left out, for everybody.',
    prevents: 'Devices of one kind share a rule without a rule set of their own.',
  },
} as const satisfies Record<string, Setting>

export const INTEGRATION_FIELDS = {
  name: {
    type: 'text',
    shape: '1 to 64 of `A-Z a-z 0-9 _ . : -`',
    pattern: /^[A-Za-z0-9_.:-]{1,64}$/,
    default: undefined,
    does: 'What clients send as `integration_id`.',
    prevents: 'Unique inside the tenant.',
  },
  app: {
    type: 'text',
    shape: '1 to 64 of `A-Z a-z 0-9 _ -`',
    pattern: /^[A-Za-z0-9_-]{1,64}$/,
    default: undefined,
    isOptional: true,
    does: 'Id of the app its tokens are for; left out, the one that was made first.',
    prevents: 'Tokens of one app are of no use in another.',
  },
  ruleSet: {
    ...ruleSetName,
    isOptional: true,
    does: 'The rule set that narrows its tokens; left out, nothing does.',
    prevents: 'A rule set that is not there allows nothing.',
  },
  provider: {
    type: 'choice',
    values: ['none', 'supabase', 'firebase', 'auth0', 'clerk', 'oidc'],
    default: 'none',
    does: 'Whose signed tokens are exchanged.',
    prevents: 'Only tokens of this one issuer are taken.',
  },
  project: {
    ...optionalText,
    does: 'Reference, project id or domain at the provider; the rest follows from it.',
    prevents: 'Issuer and keys that were typed wrong.',
  },
  issuer: {
    ...optionalText,
    does: 'What `iss` of its tokens is, where no `project` says it.',
    prevents: 'Compared as a whole, with its slash at the end if it has one.',
  },
  jwksUrl: {
    ...optionalText,
    does: 'Where the provider publishes its keys, where no `project` says it.',
    prevents: 'A token never names the key it is verified with.',
  },
  jwtSecret: {
    ...optionalText,
    does: 'Name of a JWT secret of the app, for providers that sign with a shared one.',
    prevents: 'The value itself stands in `jwtSecrets`.',
  },
  audience: {
    type: 'list',
    of: 'audiences',
    countMax: 16,
    default: undefined,
    does: 'One of these must be in `aud` of its tokens; left out, what the provider is known for.',
    prevents: 'Tokens for another application of the same provider are refused.',
  },
  authorizedParties: {
    type: 'list',
    of: 'audiences',
    countMax: 16,
    default: undefined,
    does: 'What `azp` of its tokens may be; left out, it is not checked.',
    prevents: 'The same, for providers without `aud`.',
  },
  requiredClaims: {
    type: 'list',
    of: 'audiences',
    countMax: 16,
    default: undefined,
    does: 'Claims a token has to bring; left out, the one with the address.',
    prevents: 'A rule never meets a token without what it names.',
  },
  emailClaim: {
    ...optionalText,
    does: 'Where the address of the user stands; left out, `email`.',
    prevents: 'Providers that put it under a name of yours.',
  },
  userIdClaim: {
    ...optionalText,
    does: 'Where the id of the user stands; left out, `sub`.',
    prevents: 'The same.',
  },
  capToIdpExpiry: {
    type: 'boolean',
    default: false,
    does: 'Whether tokens end with the one they were exchanged for.',
    prevents: 'Left off, since some providers make tokens of a minute.',
  },
} as const satisfies Record<string, Setting>
