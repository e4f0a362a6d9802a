/**
 * The rows of `operatorKeys[]`, `regions[]` and `plans[]`, with what is there when the file names
 * none: same kinds as `schema.ts`, file only.
 */
import { UNLIMITED } from '../ports/records/plan.ts'
import type { PlanDeclaration, RegionDeclaration } from './config.ts'
import { deepFreeze, type IntegerSetting, type Setting } from './settings.ts'
import { label, UUID } from './tenant-schema.ts'

/** Our bounds. */
export const OPERATOR_KEY_COUNT_MAX = 100
export const REGION_COUNT_MAX = 16
export const PLAN_COUNT_MAX = 100

const code = {
  type: 'text',
  shape: '1 to 40 of `a-z 0-9 -`, not beginning with `-`',
  pattern: /^[a-z0-9][a-z0-9-]{0,39}$/,
  default: undefined,
} as const
const bound = {
  type: 'integer',
  unit: 'count',
  min: 0,
  max: UNLIMITED,
  default: undefined,
} as const satisfies Partial<IntegerSetting>

export const OPERATOR_KEY_FIELDS = {
  value: {
    type: 'text',
    shape: 'a key as `lockgate keys generate --type op` prints it',
    pattern: /^op_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}$/,
    default: undefined,
    isSecret: true,
    does: 'The operator key; it is hashed when the file is loaded.',
    prevents: 'Only generated keys are taken, so none can be guessed.',
  },
  role: {
    type: 'choice',
    values: ['owner', 'admin', 'developer', 'auditor', 'viewer'],
    default: undefined,
    does: 'What the key may do.',
    prevents: 'There is no default: nobody becomes an owner by leaving it out.',
  },
  tenant: {
    type: 'text',
    shape: 'a UUID',
    pattern: UUID,
    default: undefined,
    isOptional: true,
    does: 'The id of the one tenant the key is for; left out, the whole installation.',
    prevents: 'A key of one tenant sees nothing of another.',
  },
} as const satisfies Record<string, Setting>

export const REGION_FIELDS = {
  code: {
    ...code,
    does: 'Names the region in apps and tokens.',
    prevents: 'An app stays in its region for ever, so a code is never given to another place.',
  },
  label: {
    ...label,
    does: 'What people call the region.',
    prevents: 'Has no meaning to the server.',
  },
  dbCode: {
    ...code,
    isOptional: true,
    does: 'Names the database of the region; left out, the same as `code`.',
    prevents: 'Each region has a database of its own; records of one are not in another.',
  },
} as const satisfies Record<string, Setting>

export const PLAN_FIELDS = {
  name: {
    type: 'text',
    shape: '1 to 64 of `a-z 0-9 _ -`, beginning with a letter or digit',
    pattern: /^[a-z0-9][a-z0-9_-]{0,63}$/,
    default: undefined,
    does: 'Names the plan in apps; `free` and `unlimited` replace the built-in ones.',
    prevents: 'Unique in its list; a plan of a tenant goes before one of the installation.',
  },
  maxConnections: {
    ...bound,
    does: `The most connections of an app at a time; ${UNLIMITED} stands for no bound.`,
    prevents: 'Given for every plan, so that no plan is unlimited by omission.',
  },
  maxDocuments: {
    ...bound,
    does: 'The most documents of an app.',
    prevents: 'A tenant cannot fill the database with documents.',
  },
  maxUsersPerDoc: {
    ...bound,
    does: 'The most users in one document.',
    prevents: 'One document cannot take the work of the whole server.',
  },
  opsPerMinute: {
    ...bound,
    unit: 'per minute',
    does: 'The most operations of an app in a minute.',
    prevents: 'One app cannot crowd out the others.',
  },
  rateLimits: {
    type: 'list',
    of: 'app limits',
    countMax: 50,
    default: undefined,
    does: 'Further limits of the apps that are on it, such as `publish.channel 100/1m`.',
    prevents: 'An app and its keys can narrow them and never widen them.',
  },
  onePerTenant: {
    type: 'boolean',
    default: false,
    does: 'Whether at most one app of a tenant may be on plans of this kind.',
    prevents: 'A plan that costs nothing cannot be had many times over.',
  },
  openToTenants: {
    type: 'boolean',
    default: false,
    does:
      'Whether operator keys of a tenant may put its apps on it; keys of the installation may ' +
      'anyway, and a plan of a tenant is open to that tenant whatever this says.',
    prevents: 'A tenant does not choose its own limits; the built-in `free` is open.',
  },
} as const satisfies Record<string, Setting>

export const DEFAULT_REGIONS: readonly RegionDeclaration[] = deepFreeze([
  { code: 'local', label: 'This machine', dbCode: 'local' },
])

/** Plans that exist without being declared. */
export const BUILT_IN_PLANS: readonly PlanDeclaration[] = deepFreeze([
  {
    name: 'free',
    limits: { maxConnections: 40, maxDocuments: 10, maxUsersPerDoc: 3, opsPerMinute: 500 },
    isOnePerTenant: true,
    isOpenToTenants: true,
  },
  {
    name: 'unlimited',
    limits: {
      maxConnections: UNLIMITED,
      maxDocuments: UNLIMITED,
      maxUsersPerDoc: UNLIMITED,
      opsPerMinute: UNLIMITED,
    },
    isOnePerTenant: false,
    isOpenToTenants: false,
  },
])
