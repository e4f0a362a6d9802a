import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { matchesTopic } from '@lockgate/protocol/mqtt/topic'
import { permits } from '../../core/permissions.ts'
import { permissionsOfScopes } from '../scopes.ts'
import { topicPermissions } from './topic-permissions.ts'

const of = (...scopes: string[]) => topicPermissions(permissionsOfScopes(scopes))
const published = (pattern: string) => of(`publish:${pattern}`).acl?.publish

describe('a key', () => {
  test('without scopes publishes and subscribes everywhere in its app', () => {
    const all = { mayPublish: true, maySubscribe: true, acl: undefined }
    expect(topicPermissions(permissionsOfScopes(undefined))).toEqual(all)
    expect(of('publish', 'subscribe')).toEqual(all)
    expect(of('publish:**', 'subscribe:**', 'publish:doc:1')).toEqual(all)
  })

  test('with no scopes at all, or others, does nothing', () => {
    const nothing = { mayPublish: false, maySubscribe: false }
    expect(of()).toMatchObject(nothing)
    expect(of('inspect', 'terminate')).toMatchObject(nothing)
  })

  test('does one thing without the other', () => {
    expect(of('publish')).toEqual({
      mayPublish: true,
      maySubscribe: false,
      acl: { subscribe: [] },
    })
    expect(of('subscribe:doc:*')).toEqual({
      mayPublish: false,
      maySubscribe: true,
      acl: { publish: [], subscribe: ['doc/+/#'] },
    })
  })
})

describe('a pattern', () => {
  test.each([
    ['news', 'news'],
    ['doc:1', 'doc/1'],
    ['doc:*', 'doc/+/#'],
    ['doc:**', 'doc/+/#'],
    ['*', '+/#'],
    ['doc:*:edit', 'doc/+/edit'],
    ['doc:*:*', 'doc/+/+/#'],
    ['$spaces:7:*', '$spaces/7/+/#'],
    ['rooms/+/chat', 'rooms/+/chat'],
    ['rooms/#', 'rooms/#'],
    ['a/b:c', 'a/b:c'],
  ])('%s of channels is %s of topics', (pattern, filter) => {
    expect(published(pattern)).toEqual([filter])
  })

  test.each(['private-*', 'doc:user-*', 'doc:*x:a', '#', '+', 'a+', 'doc:#', 'doc:+'])(
    '%s, which no filter says, allows nothing',
    (pattern) => {
      expect(of(`publish:${pattern}`)).toMatchObject({ mayPublish: false, acl: { publish: [] } })
    },
  )

  test.each(['rooms/*', 'rooms/#/x', 'rooms/a+', '$share/g/rooms/1', 'a/\0'])(
    '%j, which is no plain filter, allows nothing',
    (pattern) => {
      const rules = [{ pattern, actions: ['publish' as const] }]
      expect(topicPermissions({ rules })).toMatchObject({ mayPublish: false })
    },
  )

  test('that says nothing takes nothing from those beside it', () => {
    expect(of('publish:private-*', 'publish:doc:1').acl?.publish).toEqual(['doc/1'])
  })

  test('allows no topic whose levels, as segments, it would not allow as a channel', () => {
    const word = fc.constantFrom('a', 'b', 'doc', '$x')
    const segment = fc.oneof(word, fc.constantFrom('*', 'a*', '**'))
    const join = (mark: string, part: fc.Arbitrary<string>) =>
      fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(mark))
    fc.assert(
      fc.property(join(':', segment), join('/', word), (pattern, topic) => {
        const permissions = { rules: [{ pattern, actions: ['publish' as const] }] }
        const { acl } = topicPermissions(permissions)
        const isAllowed = acl === undefined || acl.publish?.some((f) => matchesTopic(f, topic))
        const channel = topic.replaceAll('/', ':')
        if (isAllowed === true) expect(permits(permissions, 'publish', channel)).toBe(true)
      }),
    )
  })
})
