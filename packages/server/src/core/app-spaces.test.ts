import { expect, test } from 'bun:test'
import { appOf } from '../../../../test/contract/records.ts'
import { pusherWorld } from '../../../../test/support/pusher-world.ts'
import { RecordingFanout } from '../../../../test/support/recording-fanout.ts'
import { AppSpaces } from './app-spaces.ts'

test('a changed app reaches the sessions that are open', () => {
  const world = pusherWorld()
  const client = world.connect()
  client.subscribe('private-a')
  const other = world.connect()
  other.subscribe('private-a')
  const { app } = world.space
  world.hub.changed({ ...app, settings: { ...app.settings, clientMessages: false } })
  const event = { event: 'client-a', channel: 'private-a', data: 1 }
  expect(client.send(event).at(-1)).toMatchObject({ event: 'pusher:error' })
})

test('a change of an app nobody uses makes nothing live', () => {
  const spaces = new AppSpaces(new RecordingFanout())
  spaces.changed(appOf(1))
  expect([...spaces.all()]).toEqual([])
})

test('a deleted app is forgotten, at once or with its last connection', () => {
  const world = pusherWorld()
  const { app } = world.space
  const client = world.connect()
  world.hub.forget(app.id)
  expect([...world.hub.spaces()]).toEqual([world.space])
  client.session.closed()
  expect([...world.hub.spaces()]).toEqual([])
  world.hub.space(appOf(7))
  world.hub.forget(appOf(7).id)
  expect([...world.hub.spaces()]).toEqual([])
})

test('a connection that comes just after its app went is found by what ends it', () => {
  const world = pusherWorld()
  world.hub.forget(world.space.app.id)
  const late = world.connect()
  expect([...world.hub.spaces()].flatMap(({ connections }) => [...connections.keys()])).toEqual([
    late.session.id,
  ])
})
