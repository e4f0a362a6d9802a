/** What ends with the password of an MQTT user: the connections that it has opened, and no others. */
import { beforeEach, describe, expect, test } from 'bun:test'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import {
  type DoorWorld,
  openDoorWorld,
  SHORT_ID,
} from '../../../../../test/support/mqtt-door-world.ts'
import type { Connection } from '../../core/connection.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import { readUses } from '../administration/readiness.ts'

const OVERLAP_MS = 3_600_000

let world: DoorWorld
beforeEach(async () => {
  world = await openDoorWorld()
})

/** A client that came in by the door, in the hub as a session puts it there. */
async function connect(id: string, password: string, name = 'alice') {
  const outcome = await world.come(`${name}@${SHORT_ID}`, password)
  if (!outcome.ok) throw new Error(outcome.refusal)
  const { loaded, reliances } = outcome.value
  const ended: RefusalCode[] = []
  const connection: Connection = {
    id,
    protocol: 'mqtt',
    source: { ip: '192.0.2.9', agent: '', protocol: 'mqtt' },
    openedAtMs: 0,
    endedBy: undefined,
    openedBy: reliances,
    subscriptions: new Map(),
    user: undefined,
    end(refusal) {
      if (ended.length > 0) return false
      world.hub.disconnect(world.hub.space(loaded.app), connection)
      return ended.push(refusal) > 0
    },
  }
  world.hub.connect(world.hub.space(loaded.app), connection)
  return ended
}

async function rotated(credentialId: string, overlapMs: number): Promise<string> {
  const outcome = await world.core.changes.rotate({ credentialId, overlapMs }, CALLER)
  if (!outcome.ok) throw new Error(outcome.refusal)
  return outcome.value.value ?? ''
}

describe('a rotation with an overlap', () => {
  test('leaves who is connected, names the late ones, and closes them at its end', async () => {
    const { credential, value = '' } = await world.make('mqtt_user', { name: 'alice' })
    const late = await connect('late', value)
    const fresh = await rotated(credential.id, OVERLAP_MS)
    const moved = await connect('moved', fresh)
    const bob = await world.make('mqtt_user', { name: 'bob' })
    const other = await connect('other', bob.value ?? '', 'bob')
    expect([late, moved, other]).toEqual([[], [], []])
    const current = world.core.authority.findCredential(credential.id) ?? credential
    const readiness = (await readUses(current, world.core.useReport)).readiness()
    expect(readiness.canDisable).toBe(false)
    expect(readiness.versions.map(({ openConnectionCount }) => openConnectionCount)).toEqual([1, 1])
    expect(readiness.blockers.join(' ')).toContain('192.0.2.9')
    await world.core.deadlines.start()
    world.time.ms += OVERLAP_MS
    await world.core.deadlines.check()
    expect(late).toHaveLength(1)
    expect([moved, other]).toEqual([[], []])
  })

  test('of none ends the old connections with it, and counts them', async () => {
    const { credential, value = '' } = await world.make('mqtt_user', { name: 'alice' })
    const old = [await connect('1', value), await connect('2', value)]
    const rotation = { credentialId: credential.id, overlapMs: 0 }
    const outcome = await world.core.changes.rotate(rotation, CALLER)
    expect(outcome).toMatchObject({ ok: true, value: { receipt: { closedCount: 2 } } })
    expect(old.map((each) => each.length)).toEqual([1, 1])
  })
})

test('a revocation ends every connection of the user, by whichever password', async () => {
  const { credential, value = '' } = await world.make('mqtt_user', { name: 'alice' })
  const first = await connect('1', value)
  const second = await connect('2', await rotated(credential.id, OVERLAP_MS))
  const request = { credentialId: credential.id, reason: 'stolen' }
  const outcome = await world.core.changes.revoke(request, CALLER)
  expect(outcome).toMatchObject({ ok: true, value: { receipt: { closedCount: 2 } } })
  expect([first.length, second.length]).toEqual([1, 1])
})

test('a user that is due gets a new password by itself, which takes over once it is used', async () => {
  const { credential } = await world.make('mqtt_user', { name: 'alice' })
  const request = { credentialId: credential.id, policy: { isAutomatic: true, maxAgeDays: 1 } }
  expect(await world.core.changes.update(request, CALLER)).toMatchObject({ ok: true })
  world.time.ms += 2 * 86_400_000
  await world.core.schedule.run()
  const staged = world.core.authority.findCredential(credential.id)?.versions.at(-1)
  expect(staged).toMatchObject({ state: 'pending' })
  const place = { credentialId: credential.id, versionId: staged?.id ?? '' }
  const fetched = await world.core.deliveries.fetch(place, CALLER)
  if (!fetched.ok) throw new Error(fetched.refusal)
  await connect('new', fetched.value.value ?? '')
  await world.core.uses.flush()
  await world.core.schedule.run()
  const after = world.core.authority.findCredential(credential.id)?.versions
  expect(after?.map(({ state }) => state)).toEqual(['previous', 'current'])
})
