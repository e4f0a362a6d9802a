import { describe, expect, test } from 'bun:test'
import { DEFAULT_APP_SETTINGS } from '../config/app-schema.ts'
import { type Action, authorize, type ConnectionPrincipal, type Principal } from './acl.ts'
import type { ChannelKind } from './channel.ts'

const settings = { ...DEFAULT_APP_SETTINGS, clientMessages: true }
const server: Principal = { kind: 'server', settings, permissions: undefined }

function address(kind: ChannelKind) {
  return { name: 'c', kind, isCache: false, ownerId: kind === 'user' ? 'u1' : undefined }
}

function connection(has: Partial<ConnectionPrincipal> = {}): ConnectionPrincipal {
  const nobody = { userId: undefined, signedChannel: undefined, isSubscribed: () => false }
  return { kind: 'connection', settings, ...nobody, ...has }
}

const everything = connection({ userId: 'u1', signedChannel: 'c', isSubscribed: () => true })

describe('authorize', () => {
  const table: readonly [who: string, Principal, Action, ChannelKind, outcome: string][] = [
    ['anyone', connection(), 'subscribe', 'public', 'yes'],
    ['anyone', connection(), 'subscribe', 'private', 'signature_invalid'],
    ['anyone', connection(), 'subscribe', 'encrypted', 'signature_invalid'],
    ['anyone', connection(), 'subscribe', 'presence', 'signature_invalid'],
    ['anyone', connection(), 'subscribe', 'user', 'not_channel_owner'],
    ['the signed one', connection({ signedChannel: 'c' }), 'subscribe', 'private', 'yes'],
    [
      'the signed one',
      connection({ signedChannel: 'c' }),
      'subscribe',
      'user',
      'not_channel_owner',
    ],
    [
      'signed elsewhere',
      connection({ signedChannel: 'd' }),
      'subscribe',
      'presence',
      'signature_invalid',
    ],
    ['the owner', connection({ userId: 'u1' }), 'subscribe', 'user', 'yes'],
    ['another user', connection({ userId: 'u2' }), 'subscribe', 'user', 'not_channel_owner'],
    ['anyone', connection(), 'publish', 'private', 'not_subscribed'],
    ['a subscriber', everything, 'publish', 'private', 'yes'],
    ['a subscriber', everything, 'publish', 'presence', 'yes'],
    ['a subscriber', everything, 'publish', 'public', 'client_event_kind'],
    ['a subscriber', everything, 'publish', 'encrypted', 'client_event_kind'],
    ['a subscriber', everything, 'publish', 'user', 'client_event_kind'],
    ['a subscriber', everything, 'inspect', 'public', 'operation_denied'],
    ['a subscriber', everything, 'terminate', 'public', 'operation_denied'],
    ['the server', server, 'publish', 'encrypted', 'yes'],
    ['the server', server, 'inspect', 'private', 'yes'],
    ['the server', server, 'terminate', 'user', 'yes'],
    ['the server', server, 'subscribe', 'public', 'operation_denied'],
  ]
  for (const [who, principal, action, kind, outcome] of table) {
    test(`${who}: ${action} on a ${kind} channel: ${outcome}`, () => {
      const decision = authorize(principal, action, address(kind))
      expect<string>(decision.ok ? 'yes' : decision.refusal).toBe(outcome)
    })
  }

  test('denies everything where the app is disabled', () => {
    const disabled = { ...settings, enabled: false }
    for (const action of ['subscribe', 'publish', 'inspect', 'terminate'] as const) {
      for (const who of [
        { ...everything, settings: disabled },
        { ...server, settings: disabled },
      ]) {
        expect(authorize(who, action, address('public'))).toMatchObject({ refusal: 'app_disabled' })
      }
    }
  })

  test('refuses client events where the app has them off', () => {
    const off = { ...everything, settings: DEFAULT_APP_SETTINGS }
    expect(authorize(off, 'publish', address('private'))).toMatchObject({
      refusal: 'client_events_off',
    })
  })
})
