import { beforeEach, describe, expect, test } from 'bun:test'
import {
  type CoreWorld,
  CALLER,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import { declareTenant, TENANT_ID } from '../../../../../test/support/declared-tenant.ts'
import type { Connection } from '../../core/connection.ts'
import { relianceOn } from '../../core/reliance.ts'

let world: CoreWorld
/** Version ids in the order in which the connections that rest on them were closed. */
let closed: string[]
beforeEach(async () => {
  world = await openCoreWorld()
  await declareTenant(world)
  closed = []
})

/** A connection that came by an access token which a version of a client secret has bought. */
function connectBy(versionId: string): void {
  const loaded = world.core.authority.apps.findById('app')
  if (loaded === undefined) throw new Error('no app')
  let endedBy: Connection['endedBy']
  const connection: Connection = {
    id: versionId,
    protocol: 'pusher',
    source: CALLER.source,
    openedAtMs: 0,
    get endedBy() {
      return endedBy
    },
    openedBy: [relianceOn({ kind: 'version', versionId })],
    subscriptions: new Map(),
    user: undefined,
    end(refusal) {
      if (endedBy !== undefined) return false
      endedBy = refusal
      closed.push(versionId)
      return true
    },
  }
  world.hub.connect(world.hub.space(loaded.app), connection)
}

/** A client secret that was regenerated: its first version ended, and its second is accepted. */
async function regenerated() {
  const { changes } = world.core
  const request = { tenantId: TENANT_ID, appId: 'app', kind: 'client_secret' as const }
  const made = await changes.create({ ...request, name: 'backend', attributes: {} }, CALLER)
  if (!made.ok) throw new Error(made.refusal)
  const credentialId = made.value.credential.id
  const rotate = async (overlapMs: number) => {
    const rotated = await changes.rotate({ credentialId, overlapMs }, CALLER)
    if (!rotated.ok) throw new Error(rotated.refusal)
    return rotated.value.versionId
  }
  const [older, accepted] = [made.value.versionId, await rotate(0)]
  // The older one first, so that the order of connections tells nothing.
  for (const versionId of [older, accepted]) connectBy(versionId)
  return { credentialId, older, accepted, rotate }
}

describe('an emergency closes what was accepted until now before it looks for older versions', () => {
  test('where the whole credential is revoked', async () => {
    const { credentialId, older, accepted } = await regenerated()
    const revoked = await world.core.changes.revoke({ credentialId, reason: 'leaked' }, CALLER)
    expect(revoked).toMatchObject({ ok: true, value: { receipt: { closedCount: 2 } } })
    expect(closed).toEqual([accepted, older])
  })

  test('where one version is revoked and another stays', async () => {
    const { credentialId, older, accepted, rotate } = await regenerated()
    connectBy(await rotate(3_600_000))
    const request = { credentialId, versionId: accepted, reason: 'leaked' }
    const revoked = await world.core.changes.revoke(request, CALLER)
    expect(revoked).toMatchObject({ ok: true, value: { receipt: { closedCount: 2 } } })
    expect(closed).toEqual([accepted, older])
  })
})
