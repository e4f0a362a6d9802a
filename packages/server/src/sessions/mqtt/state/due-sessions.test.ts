import { expect, test } from 'bun:test'
import { message } from '../../../../../../test/support/topic-world.ts'
import { SessionWorld } from '../../../../../../test/support/session-world.ts'
import { DUE_PER_TURN } from './due-sessions.ts'

const COUNT = 2 * DUE_PER_TURN + 5
const WILL = { message: message('will', { qos: 1 }), delaySeconds: 500, lifetimeSeconds: undefined }

async function lost() {
  const world = new SessionWorld()
  for (let index = 0; index < COUNT; index++) {
    const claim = { expirySeconds: 100, clientId: String(index), will: WILL }
    const client = await world.connect(claim)
    client.lose()
  }
  await world.settle()
  return world
}

test('sessions that end at one moment end some in a turn, each with its will', async () => {
  const world = await lost()
  world.clock.pass(100_000)
  world.states.tick()
  const counts = [world.wills.length]
  for (let turn = 0; turn < 3; turn++) {
    // A tick in between adds nothing to a turn.
    world.states.tick()
    world.turn()
    counts.push(world.wills.length)
  }
  expect(counts).toEqual([DUE_PER_TURN, 2 * DUE_PER_TURN, COUNT, COUNT])
  expect([world.figures.storedCount, world.figures.expiredCount]).toEqual([0, COUNT])
})

test('one that is due after the last turn is found by the next tick', async () => {
  const world = await lost()
  world.clock.pass(99_999)
  world.states.tick()
  expect(world.figures.expiredCount).toBe(0)
  world.clock.pass(1)
  for (let count = 0; count < 4; count++) {
    world.states.tick()
    world.turn()
  }
  expect(world.figures.expiredCount).toBe(COUNT)
})
