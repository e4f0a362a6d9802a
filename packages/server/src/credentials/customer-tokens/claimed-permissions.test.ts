import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  PATTERN_LENGTH_MAX,
  PERMISSION_RULE_COUNT_MAX,
  type PermissionRule,
  permits,
} from '../../core/permissions.ts'
import { claimedPermissions } from './claimed-permissions.ts'

const ROLES = [
  'editor publish:doc:* subscribe:doc:*',
  'editors terminate',
  'viewer subscribe:**',
  'twice publish:a',
  'twice publish:b',
]

function rulesOf(claims: Readonly<Record<string, unknown>>) {
  const read = claimedPermissions(claims, ROLES)
  return read.ok ? read.value.rules : read.refusal
}

test('nothing said is nothing allowed', () => {
  expect(rulesOf({})).toEqual([])
  expect(rulesOf({ permissions: [], channels: {}, scope: 'publish', admin: true })).toEqual([])
})

test.each<[string, Record<string, unknown>, readonly PermissionRule[]]>([
  [
    'a list of channels with actions',
    { permissions: [{ channel: 'chat:*', actions: ['subscribe', 'publish'] }] },
    [{ pattern: 'chat:*', actions: ['subscribe', 'publish'] }],
  ],
  [
    'a map of channels',
    { channels: { 'chat:*': ['publish'], news: [] } },
    [
      { pattern: 'chat:*', actions: ['publish'] },
      { pattern: 'news', actions: [] },
    ],
  ],
  [
    'a list of channels, for both actions',
    { channels: ['chat:1'] },
    [{ pattern: 'chat:1', actions: ['subscribe', 'publish'] }],
  ],
  [
    'presence, with looking at who is there, and history',
    { permissions: [{ channel: 'a', actions: ['presence', 'history', 'inspect', 'terminate'] }] },
    [{ pattern: 'a', actions: ['presence', 'inspect', 'history', 'inspect', 'terminate'] }],
  ],
  [
    'a role',
    { role: 'editor' },
    [
      { pattern: 'doc:*', actions: ['publish'] },
      { pattern: 'doc:*', actions: ['subscribe'] },
    ],
  ],
  [
    'a role and more, together',
    { role: 'viewer', channels: { a: ['publish'] } },
    [
      { pattern: 'a', actions: ['publish'] },
      { pattern: '**', actions: ['subscribe'] },
    ],
  ],
])('it reads %s', (_what, claims, rules) => {
  expect(rulesOf(claims)).toEqual(rules)
})

test.each<[string, Record<string, unknown>]>([
  ['an unknown role', { role: 'admin' }],
  ['the beginning of a role', { role: 'edit' }],
  ['a role with a scope', { role: 'editor publish:doc:*' }],
  ['an empty role', { role: '' }],
  ['a role that is there twice', { role: 'twice' }],
  ['roles', { role: ['editor'] }],
  ['a name of every object', { role: 'constructor' }],
  ['permissions that are a text', { permissions: 'publish' }],
  ['permissions that are null', { permissions: null }],
  ['an entry that is a text', { permissions: ['publish'] }],
  ['an entry without a channel', { permissions: [{ actions: ['publish'] }] }],
  ['an entry without actions', { permissions: [{ channel: 'a' }] }],
  ['actions that are a text', { permissions: [{ channel: 'a', actions: 'publish' }] }],
  ['an action that is not known', { permissions: [{ channel: 'a', actions: ['publsih'] }] }],
  ['an action of every object', { permissions: [{ channel: 'a', actions: ['toString'] }] }],
  ['every action', { permissions: [{ channel: 'a', actions: ['*'] }] }],
  ['actions without end', { channels: { a: Array(20).fill('publish') } }],
  ['an empty channel', { channels: [''] }],
  ['a channel that is no text', { channels: [1] }],
  ['a long channel', { channels: ['x'.repeat(PATTERN_LENGTH_MAX + 1)] }],
  ['channels that are a text', { channels: '**' }],
  ['too many channels', { channels: Array(PERMISSION_RULE_COUNT_MAX + 1).fill('a') }],
  ['too many together', { channels: Array(PERMISSION_RULE_COUNT_MAX).fill('a'), role: 'viewer' }],
])('what is not understood refuses the token: %s', (_what, claims) => {
  expect(rulesOf(claims)).toBe('malformed')
})

describe('a pattern', () => {
  const may = (pattern: string, channel: string | undefined) => {
    const read = claimedPermissions({ channels: { [pattern]: ['publish'] } }, [])
    return read.ok && permits(read.value, 'publish', channel)
  }

  test.each([
    ['chat:*', 'chat:1', true],
    ['chat:*', 'chat:1:2', true],
    ['chat:*', 'chat', false],
    ['chat:*', 'chats:1', false],
    ['chat:*:typing', 'chat:1:typing', true],
    ['chat:*:typing', 'chat:1:2:typing', false],
    ['private-*', 'private-a', true],
    ['private-*', 'presence-a', false],
    ['chat', 'chat:1', false],
  ])('%s for %s: %p', (pattern, channel, isAllowed) => {
    expect(may(pattern, channel)).toBe(isAllowed)
  })

  test('of one channel never covers the whole app, and that of all channels does', () => {
    expect(may('*', undefined)).toBe(false)
    expect(may('**', undefined)).toBe(true)
  })
})

test('whatever the claims are, nothing is thrown and no rule is more than was said', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('permissions', 'channels', 'role'), fc.jsonValue()),
      (claims) => {
        const rules = rulesOf(claims)
        if (typeof rules === 'string') return
        const said = JSON.stringify(claims)
        for (const { pattern } of rules)
          expect(said).toContain(JSON.stringify(pattern).slice(1, -1))
      },
    ),
  )
})
