import { describe, expect, test } from 'bun:test'
import { message } from '../../../../../../test/support/topic-world.ts'
import { SessionWorld } from '../../../../../../test/support/session-world.ts'
import { WAITING_WILL_COUNT_MAX, WILLS_PER_TURN, WillTurns } from './will-turns.ts'

const COUNT = 2 * WILLS_PER_TURN + 5
const KEPT = { expirySeconds: 100 }
const WILL = { message: message('will', { qos: 1 }), delaySeconds: 0, lifetimeSeconds: undefined }

/** Clients that all hear the wills of all. */
async function presence(claim: { expirySeconds: number }) {
  const world = new SessionWorld()
  const clients = []
  for (let index = 0; index < COUNT; index++) {
    const client = await world.connect({ ...claim, clientId: String(index), will: WILL })
    clients.push(client.subscribe('will'))
  }
  await world.settle()
  return { world, clients }
}

describe.each([0, 100])('clients with an expiry of %d s that go at one moment', (expirySeconds) => {
  test('have their wills heard some in a turn, each once', async () => {
    const { world, clients } = await presence({ expirySeconds })
    for (const client of clients) client.lose()
    const counts = [world.wills.length]
    for (let turn = 0; turn < 3; turn++) {
      world.turn()
      counts.push(world.wills.length)
    }
    const [one, two] = [WILLS_PER_TURN, 2 * WILLS_PER_TURN]
    expect(counts).toEqual([one, two, COUNT, COUNT])
    const authors = world.wills.map(({ author }) => author.clientId)
    expect(authors).toEqual(Array.from({ length: COUNT }, (_, index) => String(index)))
    world.states.tick()
    expect(world.wills.length).toBe(COUNT)
  })

  test('have all of them heard at the end of the server', async () => {
    const { world, clients } = await presence({ expirySeconds })
    for (const client of clients) client.lose()
    await world.states.finish()
    expect(world.wills.length).toBe(COUNT)
  })

  test('and one that is back at once had its will heard before', async () => {
    const { world, clients } = await presence({ expirySeconds })
    for (const client of clients) client.lose()
    const clientId = String(COUNT - 1)
    await world.connect({ expirySeconds, clientId })
    for (let turn = 0; turn < 3; turn++) world.turn()
    const heard = world.wills.filter(({ author }) => author.clientId === clientId)
    expect(heard.length).toBe(1)
  })
})

test('a will that waits is in the store until it is published', async () => {
  const { world, clients } = await presence(KEPT)
  for (const client of clients) client.lose()
  await world.settle()
  const next = await world.restart()
  next.states.tick()
  for (let turn = 0; turn < 3; turn++) next.turn()
  expect(next.wills.length).toBe(COUNT - WILLS_PER_TURN)
})

test('the tick goes on where the turns are not through', async () => {
  const { world, clients } = await presence(KEPT)
  for (const client of clients) client.lose()
  for (let count = 0; count < 3; count++) world.states.tick()
  expect(world.wills.length).toBe(WILLS_PER_TURN)
  for (let turn = 0; turn < 3; turn++) world.turn()
  expect(world.wills.length).toBe(COUNT)
})

test('no more wait than the bound: the oldest goes first', () => {
  const published: number[] = []
  const wills = new WillTurns({ next: () => undefined })
  const count = WAITING_WILL_COUNT_MAX + WILLS_PER_TURN + 2
  for (let index = 0; index < count; index++) wills.add({}, () => void published.push(index))
  expect(wills.waitingCount).toBe(WAITING_WILL_COUNT_MAX)
  expect(published).toEqual(Array.from({ length: WILLS_PER_TURN + 2 }, (_, index) => index))
})
