/** What a call of the HTTP API may look like, once its signature holds. */
import assert from 'node:assert/strict'
import { get, post } from '../support/http.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'

const APP = app('forms')

const it = serving({ apps: [APP] })

test('names and fields of the wrong form get 400, fields nobody knows are ignored', async () => {
  const event = { name: 'e', data: 'x', channel: 'forms' }
  const good = [
    { ...event, tags: { a: 1 }, nobody_knows: [{}] },
    { ...event, name: 'x'.repeat(200) },
    { name: 'e', data: 'x', channels: ['forms'] },
  ]
  for (const body of good) {
    assert.equal((await post(it.server, APP, ['/events', body])).status, 200)
  }
  const bad: unknown[] = [
    { ...event, name: 'x'.repeat(201) },
    { ...event, name: '' },
    { ...event, name: 7 },
    { ...event, name: 'pusher:error' },
    { ...event, name: 'pusher_internal:member_added' },
    { ...event, data: { an: 'object' } },
    { ...event, data: 7 },
    { ...event, data: null },
    { ...event, channel: '' },
    { ...event, channel: 7 },
    { ...event, channel: 'with space' },
    { ...event, channel: 'x'.repeat(201) },
    { ...event, channel: '#server-to-user-' },
    { ...event, channel: '*' },
    { name: 'e', data: 'x' },
    { name: 'e', data: 'x', channels: [] },
    { name: 'e', data: 'x', channels: [7] },
    { name: 'e', data: 'x', channels: ['forms', 'with space'] },
    { data: 'x', channel: 'forms' },
    [],
    [event],
    'text',
    7,
    null,
  ]
  for (const body of bad) {
    const text = JSON.stringify(body)
    const answer = await post(it.server, APP, ['/events', text])
    assert.equal(answer.status, 400, `${text.slice(0, 80)}: ${answer.body}`)
  }
  const list = { batch: [{ ...event, channel: ['forms', 'forms-2'] }] }
  for (const body of [
    {},
    { batch: {} },
    { batch: [7] },
    { batch: [{}] },
    { batch: [[event]] },
    list,
  ]) {
    const answer = await post(it.server, APP, ['/batch_events', body])
    assert.equal(answer.status, 400, JSON.stringify(body))
  }
})

test('paths and methods the API does not have are refused', async () => {
  for (const path of ['/nothing', '', '/channels/a/b', '/users/u', '/users/u/delete']) {
    assert.equal((await get(it.server, APP, [path])).status, 404, path)
  }
  const wrong = await get(it.server, APP, ['/events'])
  assert.ok([404, 405].includes(wrong.status))
  assert.ok([404, 405].includes((await post(it.server, APP, ['/channels', {}])).status))
})

test('an event goes to one encrypted channel at a time, and to no other beside it', async () => {
  const [one, other] = ['private-encrypted-one', 'private-encrypted-other']
  const send = async (channels: readonly string[]) =>
    (await post(it.server, APP, ['/events', { name: 'e', data: 'x', channels }])).status
  assert.equal(await send([one]), 200)
  assert.equal(await send([one, one]), 200)
  assert.equal(await send([one, other]), 400)
  assert.equal(await send([one, 'forms']), 400)
})
