import { beforeEach, describe, expect, test } from 'bun:test'
import {
  letIn,
  type MessageDoorWorld,
  openMessageDoorWorld,
  SOURCE,
} from '../../../../../test/support/message-door-world.ts'
import { CHANNEL_ACTIONS, type ChannelAction, ChannelAuthority } from './channel-authority.ts'

let world: MessageDoorWorld
beforeEach(async () => {
  world = await openMessageDoorWorld()
})

async function authorityOf(query: Readonly<Record<string, string>>) {
  const identity = letIn(await world.show(query))
  return new ChannelAuthority(identity, identity.clientId ?? 'nobody', world.rules)
}

function allowed(authority: ChannelAuthority, channel: string): readonly ChannelAction[] {
  return CHANNEL_ACTIONS.filter((action) => authority.may(action, channel))
}

/** The table of docs/protocols/wsocket.md. */
describe('what a credential allows', () => {
  test.each<[string, readonly string[] | undefined, readonly ChannelAction[]]>([
    ['no scopes', undefined, ['subscribe', 'publish', 'presence', 'history']],
    ['subscribe', ['subscribe'], ['subscribe']],
    ['publish', ['publish'], ['publish']],
    ['subscribe and presence', ['subscribe', 'presence'], ['subscribe', 'presence']],
    ['history without subscribe', ['history', 'publish'], ['publish']],
    ['presence without subscribe', ['presence', 'publish'], ['publish']],
    ['history of other channels', ['subscribe', 'history:news:*'], ['subscribe']],
    ['all of this channel', ['subscribe:chat:*', 'history:chat:1'], ['subscribe', 'history']],
  ])('a key with %s', async (_what, scopes, actions) => {
    const authority = await authorityOf({ key: await world.keyOf(scopes) })
    expect(allowed(authority, 'chat:1')).toEqual(actions)
  })

  test.each<[string, object, readonly ChannelAction[]]>([
    ['a list of channels', { channels: ['chat:1'] }, ['subscribe', 'publish']],
    [
      'a map of channels',
      { channels: { 'chat:*': ['subscribe', 'history'] } },
      ['subscribe', 'history'],
    ],
    [
      'permissions',
      { permissions: [{ channel: '**', actions: ['subscribe', 'presence'] }] },
      ['subscribe', 'presence'],
    ],
    [
      'a role and more, together',
      { role: 'reader', channels: { 'chat:1': ['history'] } },
      ['subscribe', 'history'],
    ],
    ['other channels', { channels: ['news'] }, []],
  ])('a token with %s', async (_what, claims, actions) => {
    const token = await world.tokenOf({ ...claims })
    world.change('app', { jwtRoles: ['reader subscribe:**'] })
    const authority = await authorityOf({ token })
    expect(allowed(authority, 'chat:1')).toEqual(actions)
  })
})

describe('what rules allow', () => {
  /** Gives the organization of the app these rules. */
  function rule(...rules: readonly [('allow' | 'deny')?, string?, ...string[]][]) {
    const { tenant } = world.loaded('app')
    const found = world.core.authority.tenants.find(tenant.id)
    if (found === undefined) throw new Error('there is no tenant')
    const records = rules.map(([effect = 'allow', filter = '#', ...actions]) => {
      return { effect, filter, actions: actions as ChannelAction[] }
    })
    const stamps = { createdAtMs: 0, updatedAtMs: 0 }
    const ruleSet = { id: 'set', tenantId: tenant.id, name: 'default', rules: records, ...stamps }
    world.core.authority.tenants.put({ ...found, ruleSets: [ruleSet as never] })
  }

  test('narrows what the credential allows, colons as slashes, each action by itself', async () => {
    rule(
      ['deny', 'chat/secret', 'subscribe', 'publish', 'presence', 'history'],
      ['allow', 'chat/+', 'subscribe', 'publish'],
      ['allow', 'chat/1', 'history'],
    )
    const authority = await authorityOf({ key: await world.keyOf() })
    expect(allowed(authority, 'chat:1')).toEqual(['subscribe', 'publish', 'history'])
    expect(allowed(authority, 'chat:2')).toEqual(['subscribe', 'publish'])
    expect(allowed(authority, 'chat:secret')).toEqual([])
    expect(allowed(authority, 'chat:1:2')).toEqual([])
  })

  test('never widens it', async () => {
    rule(['allow', '#', 'subscribe', 'publish', 'presence', 'history'])
    const authority = await authorityOf({ key: await world.keyOf(['subscribe:chat:*']) })
    expect(allowed(authority, 'chat:1')).toEqual(['subscribe'])
    expect(allowed(authority, 'news')).toEqual([])
  })

  test('may name the client', async () => {
    rule(['allow', 'inbox/${client_id}', 'subscribe'])
    const token = await world.tokenOf({ sub: 'ann', channels: ['inbox:*'] })
    const authority = await authorityOf({ token })
    expect(allowed(authority, 'inbox:ann')).toEqual(['subscribe'])
    expect(allowed(authority, 'inbox:bob')).toEqual([])
  })

  test('is asked anew once it has changed', async () => {
    const authority = await authorityOf({ key: await world.keyOf() })
    expect(authority.may('publish', 'chat')).toBe(true)
    rule(['deny', '#', 'publish'])
    expect(authority.may('publish', 'chat')).toBe(true)
    authority.rulesChanged()
    expect(authority.may('publish', 'chat')).toBe(false)
  })

  test('says to the audit log which layer refused: the rules, or the credential', async () => {
    rule(['deny', 'chat', 'subscribe'], ['allow', '#', 'subscribe', 'publish'])
    const authority = await authorityOf({ key: await world.keyOf(['subscribe']) })
    expect(authority.denialOf('subscribe', 'news', SOURCE)).toBeUndefined()
    expect(authority.denialOf('subscribe', 'chat', SOURCE)).toMatchObject({
      action: 'topic.denied',
      reason: 'rule_denies',
      target: { kind: 'rule_set', id: 'default' },
      after: { topic: 'chat', rule: 1 },
    })
    expect(authority.denialOf('history', 'news', SOURCE)).toMatchObject({
      reason: 'no_rule_allows',
      target: { kind: 'layer', id: 'scope' },
      after: { action: 'history' },
    })
  })
})
