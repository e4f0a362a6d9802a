/** Laravel Echo 2 with both of its Pusher broadcasters, as a Laravel page uses it. */
import assert from 'node:assert/strict'
import type Echo from 'laravel-echo'
import { library } from '../support/clients.ts'
import { get } from '../support/http.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const APP = app('echo', { clientMessages: true })

const it = serving({ apps: [APP] })

/** The event name Laravel gives a notification. */
const NOTIFICATION = 'Illuminate\\Notifications\\Events\\BroadcastNotificationCreated'

async function connected(broadcaster: 'reverb' | 'pusher', userId = 'u'): Promise<Echo<'pusher'>> {
  const member = { user_id: userId, user_info: { id: userId, name: `Name of ${userId}` } }
  const echo = it.clients.echo(broadcaster, APP, { member, user: { id: userId } })
  await until('Echo is connected', () => echo.connectionStatus() === 'connected')
  return echo
}

/** What every channel of Echo's Pusher connector has; the declared types hide it. */
interface Subscription {
  readonly name: string
  readonly subscription: { readonly subscribed: boolean }
  listen(event: string, callback: (data: unknown) => void): unknown
}

/** What `bind` was called with so far, and when it is ready. */
function heardBy<T>(listen: (heard: (value: T) => void) => void): T[] {
  const values: T[] = []
  listen((value) => values.push(value))
  return values
}

async function isOccupied(channel: string): Promise<boolean> {
  const answer = await get(it.server, APP, [`/channels/${channel}`])
  return (JSON.parse(answer.body) as { occupied: boolean }).occupied
}

for (const broadcaster of ['reverb', 'pusher'] as const) {
  const room = (name: string): string => `${name}-${broadcaster}`

  test(`${broadcaster}: events of public, private and encrypted channels arrive`, async () => {
    const echo = await connected(broadcaster)
    assert.match(echo.socketId() ?? '', /^\d+\.\d+$/)
    const backend = library(it.server, APP)
    const open = [
      echo.channel(room('orders')),
      echo.private(room('orders')),
      echo.encryptedPrivate(room('orders')),
    ] as readonly Subscription[]
    for (const { name, subscription } of open) {
      await until(`${name} is subscribed`, () => subscription.subscribed)
    }
    const heard = heardBy<unknown>((hear) => {
      for (const channel of open) {
        channel.listen('OrderShipped', hear)
        channel.listen('.custom.name', hear)
      }
    })
    for (const { name } of open) {
      await backend.trigger(name, 'App\\Events\\OrderShipped', { from: name })
      await backend.trigger(name, 'custom.name', { custom: name })
    }
    await until('six events', () => heard.length === 6)
    assert.deepEqual(
      heard,
      open.flatMap(({ name }) => [{ from: name }, { custom: name }]),
    )
    echo.disconnect()
  })

  test(`${broadcaster}: presence tells who is here, who joins and who leaves`, async () => {
    const first = await connected(broadcaster, 'first')
    const here = heardBy<{ id: string }[]>((hear) => first.join(room('room')).here(hear))
    const joining = heardBy<{ id: string }>((hear) => first.join(room('room')).joining(hear))
    const leaving = heardBy<{ id: string }>((hear) => first.join(room('room')).leaving(hear))
    await until('here', () => here.length > 0)
    assert.deepEqual(here, [[{ id: 'first', name: 'Name of first' }]])

    const second = await connected(broadcaster, 'second')
    const hereToo = heardBy<{ id: string }[]>((hear) => second.join(room('room')).here(hear))
    await until('joining', () => joining.length > 0)
    await until('here for the second', () => hereToo.length > 0)
    assert.deepEqual(
      hereToo[0]?.map(({ id }) => id).sort((a, b) => a.localeCompare(b)),
      ['first', 'second'],
    )
    second.leave(room('room'))
    await until('leaving', () => leaving.length > 0)
    assert.deepEqual(
      [joining, leaving],
      [[{ id: 'second', name: 'Name of second' }], [{ id: 'second', name: 'Name of second' }]],
    )
    for (const echo of [first, second]) echo.disconnect()
  })

  test(`${broadcaster}: a whisper reaches the others on private and presence channels`, async () => {
    const [from, to] = [await connected(broadcaster, 'a'), await connected(broadcaster, 'b')]
    for (const open of [
      (echo: Echo<'pusher'>) => echo.private(room('chat')),
      (echo: Echo<'pusher'>) => echo.join(room('chat')),
    ]) {
      const whispers = heardBy<unknown>((hear) => open(to).listenForWhisper('typing', hear))
      const own = heardBy<unknown>((hear) => open(from).listenForWhisper('typing', hear))
      const ready = heardBy<true>((hear) => {
        for (const echo of [from, to]) open(echo).subscribed(() => hear(true))
      })
      await until('both are subscribed', () => ready.length === 2)
      open(from).whisper('typing', { name: 'Ada' })
      await until('the whisper', () => whispers.length > 0)
      assert.deepEqual(whispers, [{ name: 'Ada' }])
      assert.deepEqual(own, [])
    }
    for (const echo of [from, to]) echo.disconnect()
  })

  test(`${broadcaster}: a notification arrives, and nothing after leaving`, async () => {
    const echo = await connected(broadcaster)
    const channel = `private-${room('App.Models.User.1')}`
    const notices = heardBy<unknown>((hear) => {
      echo.private(room('App.Models.User.1')).notification(hear)
    })
    await until('the channel is occupied', () => isOccupied(channel))
    const backend = library(it.server, APP)
    await backend.trigger(channel, NOTIFICATION, { id: 1, type: 'invoice' })
    await until('the notification', () => notices.length > 0)
    echo.leave(room('App.Models.User.1'))
    await until('the channel is vacated', async () => !(await isOccupied(channel)))
    await backend.trigger(channel, NOTIFICATION, { id: 2 })
    assert.deepEqual(notices, [{ id: 1, type: 'invoice' }])
    echo.disconnect()
  })

  test(`${broadcaster}: a refused channel reports its error to the page`, async () => {
    const forged = it.clients.echo(broadcaster, APP, {
      options: {
        channelAuthorization: {
          customHandler: (_params, callback) => {
            callback(null, { auth: `${APP.key}:${'0'.repeat(64)}` })
          },
        },
      },
    })
    const errors = heardBy<{ status: number }>((hear) => forged.private(room('closed')).error(hear))
    await until('the error', () => errors.length > 0)
    assert.equal(errors[0]?.status, 401)
    forged.disconnect()
  })
}
