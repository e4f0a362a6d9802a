/**
 * Changes that a killed process must leave whole or absent: what is there before each, how it is
 * made, and how one sees that it was made.
 */
import { appRules } from '../../packages/server/src/assembly/app-rules.ts'
import { AppLimitBook } from '../../packages/server/src/credentials/app-limits.ts'
import { AppChanges } from '../../packages/server/src/credentials/administration/app-changes.ts'
import type { CredentialKind } from '../../packages/server/src/ports/records/credential.ts'
import { CALLER, type CoreWorld } from '../support/credential-core.ts'
import { declareTenant, TENANT_ID } from '../support/declared-tenant.ts'

const HOUR_MS = 3_600_000
const FAMILY_LIFE_MS = 24 * HOUR_MS
export const NEW_APP_NAME = 'made while killed'

/** Credential ids by what is about to happen to them; all of the app `app`. */
export interface Prepared {
  readonly plain: string
  readonly client: string
  readonly staged: string
  readonly overlapping: string
  readonly waiting: string
}

export interface Scenario {
  readonly name: string
  /** @returns whether the change was accepted. */
  readonly change: (world: CoreWorld, prepared: Prepared) => Promise<boolean>
  /** Audit action of the change, and what its row names. */
  readonly action: string
  readonly target: (prepared: Prepared) => string | undefined
}

export async function prepare(world: CoreWorld): Promise<Prepared> {
  await declareTenant(world)
  const { changes } = world.core
  const made = async (kind: CredentialKind) => {
    const owner = { tenantId: TENANT_ID, appId: 'app' }
    const issued = await changes.create({ ...owner, kind, name: kind, attributes: {} }, CALLER)
    if (!issued.ok) throw new Error(issued.refusal)
    return issued.value.credential.id
  }
  const prepared = {
    plain: await made('api_key'),
    client: await made('client_secret'),
    staged: await made('jwt_secret'),
    overlapping: await made('api_key'),
    waiting: await made('client_secret'),
  }
  const waitsUntilMs = world.time.ms + HOUR_MS
  await changes.stage({ credentialId: prepared.staged }, CALLER)
  await changes.rotate({ credentialId: prepared.overlapping, overlapMs: HOUR_MS }, CALLER)
  await changes.stage({ credentialId: prepared.waiting, waitsUntilMs }, CALLER)
  const version = world.core.authority.findCredential(prepared.client)?.versions[0]
  await world.store.regions.get('local')?.startFamily({
    id: 'family-of-the-client-0',
    tenantId: TENANT_ID,
    appId: 'app',
    clientId: 'client-app',
    versionId: version?.id ?? '',
    scope: '',
    generation: 1,
    rotatedAtMs: world.time.ms,
    expiresAtMs: world.time.ms + FAMILY_LIFE_MS,
    endsAtMs: undefined,
    revokedAtMs: undefined,
    createdAtMs: world.time.ms,
  })
  return prepared
}

const versionOf = (world: CoreWorld, id: string, state: string) =>
  world.core.authority.findCredential(id)?.versions.find((each) => each.state === state)?.id ?? ''

const appChanges = ({ core: { administration, revocations } }: CoreWorld) =>
  new AppChanges(administration, {
    revocations,
    rules: appRules({ mode: 'development' }),
    limitBook: new AppLimitBook([]),
  })

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a rotation with an overlap',
    action: 'secret.rotated',
    target: ({ plain }) => plain,
    change: async ({ core }, { plain }) =>
      (await core.changes.rotate({ credentialId: plain, overlapMs: HOUR_MS }, CALLER)).ok,
  },
  {
    name: 'a regeneration that ends refresh families',
    action: 'secret.rotated',
    target: ({ client }) => client,
    change: async ({ core }, { client }) =>
      (await core.changes.rotate({ credentialId: client, overlapMs: 0 }, CALLER)).ok,
  },
  {
    name: 'a staging',
    action: 'secret.staged',
    target: ({ plain }) => plain,
    change: async ({ core }, { plain }) =>
      (await core.changes.stage({ credentialId: plain }, CALLER)).ok,
  },
  {
    name: 'a promotion',
    action: 'secret.promoted',
    target: ({ staged }) => staged,
    change: async ({ core }, { staged }) =>
      (await core.changes.promote({ credentialId: staged }, CALLER)).ok,
  },
  {
    name: 'the fetch of a waiting value',
    action: 'secret.fetched',
    target: ({ waiting }) => waiting,
    change: async (world, { waiting }) => {
      const place = { credentialId: waiting, versionId: versionOf(world, waiting, 'pending') }
      return (await world.core.deliveries.fetch(place, CALLER)).ok
    },
  },
  {
    name: 'a disabling',
    action: 'secret.disabled',
    target: ({ overlapping }) => overlapping,
    change: async (world, { overlapping }) => {
      const place = {
        credentialId: overlapping,
        versionId: versionOf(world, overlapping, 'previous'),
      }
      return (await world.core.changes.disable(place, CALLER)).ok
    },
  },
  {
    name: 'an emergency that ends families and tokens',
    action: 'secret.revoked',
    target: ({ client }) => client,
    change: async ({ core }, { client }) =>
      (await core.changes.revoke({ credentialId: client, reason: 'leaked' }, CALLER)).ok,
  },
  {
    name: 'the making of a further app key',
    action: 'credential.created',
    target: () => undefined,
    change: async ({ core }) => {
      const owner = { tenantId: TENANT_ID, appId: 'app', kind: 'signing_secret' as const }
      const request = { ...owner, name: 'further', attributes: { appKey: 'further-key' } }
      return (await core.changes.create(request, CALLER)).ok
    },
  },
  {
    name: 'the making of an app',
    action: 'app.created',
    target: () => undefined,
    change: async (world) => {
      const app = { tenantId: TENANT_ID, name: NEW_APP_NAME, type: 'confidential' as const }
      const request = { ...app, plan: 'unlimited', allowedDomains: [], settings: {} }
      return (await appChanges(world).create(request, CALLER)).ok
    },
  },
  {
    name: 'the deletion of an app',
    action: 'app.deleted',
    target: () => 'spa',
    change: async (world) =>
      (await appChanges(world).delete({ appId: 'spa', reason: 'over' }, CALLER)).ok,
  },
  {
    name: 'a rotation of the master key',
    action: 'master_key.rotated',
    target: () => '2',
    change: async ({ core }) => (await core.masterKeyChanges.rotate(CALLER)).ok,
  },
]
