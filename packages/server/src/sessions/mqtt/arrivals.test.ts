import { expect, test } from 'bun:test'
import { MqttWorld } from '../../../../../test/support/mqtt-world.ts'
import { Arrivals } from './arrivals.ts'

test('counts those of the same app and of the same user, until they have arrived', () => {
  const { space } = new MqttWorld()
  const of = (userId: string | undefined) => ({ space, identity: { userId } })
  const arrivals = new Arrivals()
  expect(arrivals.beside(of('ann'))).toEqual({ app: 0, user: 0 })
  const [ann, again, key] = [of('ann'), of('ann'), of(undefined)].map((who) => arrivals.enter(who))
  expect(arrivals.beside(of('ann'))).toEqual({ app: 3, user: 2 })
  expect(arrivals.beside(of('bob'))).toEqual({ app: 3, user: 0 })
  expect(arrivals.beside(of(undefined))).toEqual({ app: 3, user: 0 })
  ann?.()
  key?.()
  expect(arrivals.beside(of('ann'))).toEqual({ app: 1, user: 1 })
  again?.()
  expect(arrivals.size).toBe(0)
})
