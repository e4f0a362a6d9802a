import { beforeEach, describe, expect, test } from 'bun:test'
import {
  CALLER,
  type CoreWorld,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import { SETTINGS } from '../../../../../test/contract/records.ts'
import { systemRandom } from '../../adapters/system/random.ts'
import { Bearers } from '../bearers.ts'
import { applyDeclarations } from '../declaration/declare.ts'
import { BASE62 } from '../identifiers.ts'
import { generateKey } from '../key-format.ts'
import { authenticateOperator } from '../operators.ts'
import { type AuditEntry, INSTALLATION } from './entry.ts'

const TENANT = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const SOURCE = { ip: '198.51.100.4', agent: 'worker/1', protocol: 'http' }
const LIMITS = { maxConnections: 9, maxDocuments: 9, maxUsersPerDoc: 9, opsPerMinute: 9 }

const APP = {
  id: 'app',
  name: 'app',
  type: 'confidential' as const,
  region: 'local',
  plan: 'unlimited',
  clientId: 'client-app',
  clientSecret: undefined,
  signingKeys: [{ key: 'key-app', secret: 'secret-app' }],
  apiKeys: [],
  jwtSecrets: [],
  allowedDomains: [],
  settings: SETTINGS,
}

let world: CoreWorld
let bearers: Bearers
beforeEach(async () => {
  world = await openCoreWorld()
  const { administration, revocations, authority, check, recordUse, recordDenial } = world.core
  const plans = [
    { name: 'unlimited', limits: LIMITS, isOnePerTenant: false, isOpenToTenants: false },
  ]
  const tenant = {
    id: TENANT,
    shortId: 'org_k7xm4pqr2n5t',
    name: 'Acme',
    signingAlgorithm: 'ES256' as const,
    plans: [],
    apps: [APP],
  }
  const declarations = { plans, tenants: [tenant], operatorKeys: [] }
  await applyDeclarations(declarations, { administration, revocations })
  const { clock } = administration
  bearers = new Bearers({ apps: authority.apps, check, clock, recordUse, recordDenial, doors: [] })
})

/** @returns the rows of denials, of the region's or of the control database. */
async function denialsOf(tenantId: string, isRegional: boolean): Promise<AuditEntry[]> {
  await world.core.denials.flush(world.store)
  const page = { tenantId, afterSeq: 0, countMax: 200 }
  const region = world.store.regions.get('local')
  const rows = isRegional
    ? await region?.transaction((each) => each.listAudit(page))
    : await world.store.control.transaction((each) => each.listAudit(page))
  const entries = (rows ?? []).map(({ entry }) => JSON.parse(entry) as AuditEntry)
  return entries.filter(({ outcome }) => outcome === 'denied')
}

async function issueKey(tenantId: string | undefined, kind: 'api_key' | 'operator_key') {
  const made = await world.core.changes.create(
    {
      tenantId,
      appId: kind === 'api_key' ? 'app' : undefined,
      kind,
      name: 'a key',
      attributes: kind === 'api_key' ? { prefix: 'sk' } : { role: 'admin' },
    },
    CALLER,
  )
  if (!made.ok || made.value.value === undefined) throw new Error('refused')
  return { ...made.value, value: made.value.value }
}

/** The key id of one, the secret of another: well-formed, and wrong. */
function forged(value: string): string {
  const [prefix = '', keyId = ''] = value.split('_')
  let isFirst = true
  const bytes = (count: number) => {
    if (!isFirst) return systemRandom.bytes(count)
    isFirst = false
    return Uint8Array.from({ length: count }, (_, at) => BASE62.indexOf(keyId.charAt(at) || '0'))
  }
  const made = generateKey(prefix === 'op' ? 'op' : 'sk', { ...systemRandom, bytes })
  expect(made.keyId).toBe(keyId)
  return made.value
}

const keyIdOf = (value: string) => value.split('_')[1] ?? ''

describe('an API key that is refused', () => {
  test('is in the chain of the app whose key it is, named by its key id alone', async () => {
    const { value } = await issueKey(TENANT, 'api_key')
    const guess = forged(value)
    expect((await bearers.authenticate(guess, SOURCE)).ok).toBe(false)
    const rows = await denialsOf(TENANT, true)
    expect(rows).toMatchObject([
      {
        action: 'auth.failed',
        reason: 'credential_invalid',
        source: SOURCE,
        target: { kind: 'key', id: keyIdOf(value) },
      },
    ])
    expect(JSON.stringify(rows)).not.toContain(guess.split('_')[2] ?? '')
  })

  test('and is nobody`s is in that of the app that was addressed, else of the installation', async () => {
    const app = world.core.authority.apps.findById('app')?.app
    const unknown = generateKey('sk', systemRandom).value
    for (const token of [unknown, 'garbage with a secret in it', `${unknown}x`]) {
      await bearers.authenticate(token, SOURCE, app)
      await bearers.authenticate(token, SOURCE)
    }
    const rows = await denialsOf(TENANT, true)
    const targets = rows.map(({ target }) => target)
    const unnamed = { kind: 'bearer', id: 'unknown' }
    expect(targets).toEqual([{ kind: 'key', id: keyIdOf(unknown) }, unnamed, unnamed])
    expect((await denialsOf(INSTALLATION, false)).map(({ target }) => target)).toEqual(targets)
  })

  test('because its version was revoked is told as that', async () => {
    const { value, credential, versionId } = await issueKey(TENANT, 'api_key')
    await world.core.changes.revoke({ credentialId: credential.id, reason: 'leaked' }, CALLER)
    await bearers.authenticate(value, SOURCE)
    expect(await denialsOf(TENANT, true)).toMatchObject([
      {
        action: 'auth.retired_version',
        reason: 'revoked',
        target: { kind: 'version', id: versionId },
        after: { credentialId: credential.id },
      },
    ])
  })

  test('and one that is accepted leaves no denial', async () => {
    const { value } = await issueKey(TENANT, 'api_key')
    expect((await bearers.authenticate(value, SOURCE)).ok).toBe(true)
    expect(await denialsOf(TENANT, true)).toEqual([])
  })
})

describe('an operator key that is refused', () => {
  const signIn = (value: string) => {
    const { authority, check, uses, recordDenial, administration } = world.core
    const { tenants } = authority
    const { clock } = administration
    const deps = { tenants, check, clock, uses, control: world.store.control, recordDenial }
    return authenticateOperator(value, { ...SOURCE, protocol: 'admin' }, deps)
  }

  test('is in the chain of the tenant it is for, else of the installation', async () => {
    const own = await issueKey(TENANT, 'operator_key')
    expect((await signIn(own.value)).ok).toBe(true)
    expect((await signIn(forged(own.value))).ok).toBe(false)
    await signIn(generateKey('op', systemRandom).value)
    await signIn('op_x')
    expect(await denialsOf(TENANT, false)).toMatchObject([
      { action: 'auth.failed', target: { kind: 'key', id: keyIdOf(own.value) } },
    ])
    expect(await denialsOf(INSTALLATION, false)).toHaveLength(2)
  })

  test('because it was revoked is told as that', async () => {
    const { value, credential, versionId } = await issueKey(undefined, 'operator_key')
    await world.core.changes.revoke({ credentialId: credential.id, reason: 'left' }, CALLER)
    expect((await signIn(value)).ok).toBe(false)
    expect(await denialsOf(INSTALLATION, false)).toMatchObject([
      { action: 'auth.retired_version', target: { id: versionId } },
    ])
  })
})
