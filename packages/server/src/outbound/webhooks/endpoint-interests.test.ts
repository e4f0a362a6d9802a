import { describe, expect, test } from 'bun:test'
import { SETTINGS } from '../../../../../test/contract/records.ts'
import { loadedApp } from '../../../../../test/support/loaded-app.ts'
import { webhookEndpoint } from '../../../../../test/support/webhook-endpoint.ts'
import { AppDirectory } from '../../credentials/app-directory.ts'
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import { EndpointInterests } from './endpoint-interests.ts'

function interestsIn(...endpoints: readonly WebhookEndpointRecord[]) {
  const apps = new AppDirectory()
  const put = (webhookEndpoints: readonly WebhookEndpointRecord[]) =>
    apps.put(loadedApp({ settings: SETTINGS, signingKeys: [], webhookEndpoints }))
  put(endpoints)
  return { interests: new EndpointInterests(apps), apps, put }
}

describe('what is heard', () => {
  test('is what an endpoint asks for, and its other side where that decides', () => {
    const { interests } = interestsIn(
      webhookEndpoint({ events: ['channel.occupied', 'credential.rotated'] }),
    )
    expect(interests.hears('channel.occupied', 'app')).toBe(true)
    expect(interests.hears('channel.vacated', 'app')).toBe(true)
    expect(interests.hears('credential.changed', 'app')).toBe(true)
    expect(interests.hears('presence.enter', 'app')).toBe(false)
    expect(interests.hears('webhook.failed', 'app')).toBe(false)
    expect(interests.hears('channel.occupied', 'other')).toBe(false)
  })

  test('is nothing where there are no endpoints, or none that works', () => {
    const disabled = { reason: 'gone' as const, atMs: 1 }
    expect(interestsIn().interests.hears('channel.occupied', 'app')).toBe(false)
    const { interests } = interestsIn(webhookEndpoint({ disabled }))
    expect(interests.hears('channel.occupied', 'app')).toBe(false)
    expect(interests.wanting('channel.occupied', 'app', 'a')).toBeUndefined()
  })

  test('follows the endpoints as they change', () => {
    const { interests, apps, put } = interestsIn(webhookEndpoint())
    expect(interests.hears('cache_miss', 'app')).toBe(false)
    put([webhookEndpoint({ events: ['cache_miss'] })])
    expect(interests.hears('cache_miss', 'app')).toBe(true)
    expect(interests.hears('channel.occupied', 'app')).toBe(false)
    apps.remove('app')
    expect(interests.hears('cache_miss', 'app')).toBe(false)
  })
})

describe('an endpoint with a prefix and a suffix', () => {
  const endpoint = webhookEndpoint({
    channelPrefix: 'private-',
    channelSuffix: '-chat',
    events: ['channel.occupied', 'auth.failed'],
  })
  const { interests } = interestsIn(endpoint)

  test.each([
    ['private-room-chat', true],
    ['private--chat', true],
    ['private-chat', false],
    ['room-chat', false],
    ['private-room', false],
    ['Private-room-chat', false],
  ])('hears of %s: %p', (channel, isHeard) => {
    const wanting = interests.wanting('channel.occupied', 'app', channel)
    expect(wanting?.endpoints).toEqual(isHeard ? [endpoint] : undefined)
  })

  test('hears of what has no channel', () => {
    expect(interests.wanting('auth.failed', 'app', undefined)?.endpoints).toEqual([endpoint])
  })
})
