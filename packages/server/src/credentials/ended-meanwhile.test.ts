/** What ends between the moment a caller was looked at and the answer lets nobody in. */
import { beforeEach, describe, expect, spyOn, test } from 'bun:test'
import { CALLER } from '../../../../test/support/credential-core.ts'
import {
  credentialsForm,
  openTokenWorld,
  refreshForm,
  TENANT_ID,
  type TokenWorld,
} from '../../../../test/support/token-world.ts'
import { authenticateOperator } from './operators.ts'

let world: TokenWorld
beforeEach(async () => {
  world = await openTokenWorld()
})

const SOURCE = { ip: '192.0.2.1', agent: 'test', protocol: 'http' }
const OF_APP = { tenantId: TENANT_ID, appId: 'app' }

async function outcomeOf(bearer: string): Promise<string> {
  const identity = await world.oauth.bearers.authenticate(bearer, SOURCE)
  return identity.ok ? 'in' : identity.refusal
}

function clientSecretId(): string {
  const { credentials } = world.loaded('app')
  const found = credentials.find(({ record }) => record.kind === 'client_secret')
  return found?.record.id ?? ''
}

async function made(request: Parameters<typeof world.core.changes.create>[0]) {
  const created = await world.core.changes.create(request, CALLER)
  if (!created.ok || created.value.value === undefined) throw new Error('nothing was made')
  return { id: created.value.credential.id, value: created.value.value }
}

describe('while the slow hash of its secret ran,', () => {
  /** @param end happens after the hash was right and before anybody hears of it. */
  const meanwhile = (end: () => Promise<unknown>) => {
    const { check } = world.core
    const confirm = check.confirm.bind(check)
    spyOn(check, 'confirm').mockImplementation(async (value, version) => {
      const isRight = await confirm(value, version)
      await end()
      return isRight
    })
  }
  const revoke = (credentialId: string) => () =>
    world.core.changes.revoke({ credentialId, reason: 'leaked' }, CALLER)

  const key = () =>
    made({ ...OF_APP, kind: 'api_key', name: 'key', attributes: { prefix: 'sk' }, ...NEW })

  test('an API key that was revoked lets nobody in', async () => {
    const { id, value } = await key()
    meanwhile(revoke(id))
    expect(await outcomeOf(value)).toBe('credential_invalid')
  })

  test('the app of an API key was deleted', async () => {
    const { value } = await key()
    meanwhile(async () => world.core.authority.apps.remove('app'))
    expect(await outcomeOf(value)).toBe('credential_invalid')
  })

  test('an API key to which nothing happened lets its holder in', async () => {
    const { value } = await key()
    meanwhile(async () => {})
    expect(await outcomeOf(value)).toBe('in')
  })

  test.each([
    ['regenerated', 'rotate'],
    ['revoked', 'revoke'],
  ] as const)('a client secret that was %s buys nothing', async (_what, how) => {
    const request = { credentialId: clientSecretId(), overlapMs: 0, reason: 'leaked' }
    meanwhile(() => world.core.changes[how](request, CALLER))
    const answer = await world.call('/connect/token', { form: credentialsForm('app') })
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  })

  test('an operator key that was revoked administers nothing', async () => {
    const operator = { tenantId: undefined, appId: undefined, kind: 'operator_key' } as const
    const attributes = { role: 'owner' } as const
    const { id, value } = await made({ ...operator, name: 'leaver', attributes, ...NEW })
    await made({ ...operator, name: 'stays', attributes, ...NEW })
    const { check, uses, recordDenial, authority, administration } = world.core
    const { clock } = administration
    const { control } = world.store
    const deps = { tenants: authority.tenants, check, clock, uses, control, recordDenial }
    meanwhile(revoke(id))
    const entered = await authenticateOperator(value, SOURCE, deps)
    expect(entered).toEqual({ ok: false, refusal: 'credential_invalid' })
  })
})

describe('what a refresh gives ends with its app when the app is revoked', () => {
  const revokeApp = () =>
    world.core.revocations.revoke(
      { kind: 'app', appId: 'app' },
      { ...OF_APP, reason: 'leaked' },
      CALLER,
    )
  const start = async () => {
    const answer = await world.call('/connect/token', { form: credentialsForm('app') })
    const token = String(answer.body.refresh_token)
    const region = world.core.authority.regionOf(world.loaded('app').app)
    const refresh = () => world.call('/connect/token', { form: refreshForm('app', token) })
    return { region, refresh }
  }

  test('before the revocation had its turn in the store', async () => {
    const { region, refresh } = await start()
    let given = ''
    const inTurn = region.transaction.bind(region)
    const spy = spyOn(region, 'transaction').mockImplementation(async (work) => {
      spy.mockRestore()
      world.time.ms += 1
      given = String((await refresh()).body.access_token)
      expect(await outcomeOf(given)).toBe('in')
      world.time.ms += 1
      return inTurn(work)
    })
    await revokeApp()
    expect(await outcomeOf(given)).toBe('credential_revoked')
  })

  test('between its step in the store and its answer', async () => {
    const { region, refresh } = await start()
    const advance = region.advanceFamily.bind(region)
    spyOn(region, 'advanceFamily').mockImplementation(async (step) => {
      const outcome = await advance(step)
      await revokeApp()
      world.time.ms += 1
      return outcome
    })
    const { body } = await refresh()
    expect(await outcomeOf(String(body.access_token))).toBe('credential_revoked')
  })
})

const NEW = { value: undefined, key: undefined, expiresAtMs: undefined }
