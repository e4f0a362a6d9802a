import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  BRIDGE_CHARACTERS_MAX,
  channelOfTopic,
  overlappingBridge,
  parseBridge,
  type TopicBridge,
  topicOfChannel,
} from './topic-bridge.ts'

function bridge(text: string): TopicBridge {
  const parsed = parseBridge(text)
  if (!parsed.ok) throw new Error(`${text}: ${parsed.detail}`)
  return parsed.value
}

const nameOf = (one: TopicBridge, topic: string) => {
  const channel = channelOfTopic(one, topic)
  return typeof channel === 'object' ? channel.name : channel
}

describe('a declaration', () => {
  test('says which way messages go, and at which QoS', () => {
    const ways = (text: string) => {
      const { isToPusher, isToMqtt, qos, event } = bridge(text)
      return [isToPusher, isToMqtt, qos, event]
    }
    expect(ways('rooms/+/chat <-> private-room-$1 message')).toEqual([true, true, 1, 'message'])
    expect(ways('a -> b client-x qos=0')).toEqual([true, false, 0, 'client-x'])
    expect(ways('a b/+ <- presence-$1 x qos=2')).toEqual([false, true, 2, 'x'])
  })

  test.each([
    ['', 'not a topic'],
    ['a <-> b', 'not a topic'],
    ['a <-> b c d', 'not a topic'],
    ['a <-> b c qos=3', 'not a topic'],
    [`a <-> b ${'c'.repeat(BRIDGE_CHARACTERS_MAX)}`, 'not a topic'],
    ['a/# <-> b c', 'no wildcard but'],
    ['a/b+ <-> b c', 'no wildcard but'],
    ['$share/g/a <-> b c', 'no wildcard but'],
    ['$SYS/+ <-> b-$1 c', 'no wildcard but'],
    ['a <-> b pusher:c', 'only the server'],
    ['a <-> b pusher_internal:c', 'only the server'],
    ['a/+ <-> b c', 'stands once'],
    ['a <-> b-$1 c', 'stands once'],
    ['a/+ <-> b-$1-$1 c', 'stands once'],
    ['a/+/+ <-> b-$1-$3 c', 'stands once'],
    ['a/+ <-> b-$0 c', 'stands once'],
    [`${Array(10).fill('+').join('/')} <-> b c`, 'stands once'],
    ['a/+/+ <-> b-$1$2 c', 'between placeholders'],
    ['a/+ <-> b:$1 c', 'no such characters'],
    ['a <-> private-encrypted-b c', 'public, private or presence'],
    ['a/+ <-> private-encrypted-$1 c', 'public, private or presence'],
    ['a/+ <-> #server-to-user-$1 c', 'public, private or presence'],
  ])('%s is none', (text, reason) => {
    const parsed = parseBridge(text)
    expect(parsed.ok ? '' : parsed.detail).toContain(reason)
  })
})

describe('a topic', () => {
  test('has the channel that its levels name', () => {
    const rooms = bridge('rooms/+/chat <-> private-room-$1 message')
    expect(channelOfTopic(rooms, 'rooms/42/chat')).toMatchObject({
      name: 'private-room-42',
      kind: 'private',
    })
    expect(nameOf(bridge('a/+/b/+ <-> $2=to=$1 e'), 'a/1/b/2')).toBe('2=to=1')
    expect(nameOf(bridge('a/b <-> presence-ab e'), 'a/b')).toBe('presence-ab')
  })

  test('that the filter does not match has none', () => {
    const rooms = bridge('rooms/+/chat <-> private-room-$1 message')
    for (const topic of ['rooms/1', 'rooms/1/chat/2', 'Rooms/1/chat', '/rooms/1/chat']) {
      expect(channelOfTopic(rooms, topic)).toBeUndefined()
    }
    expect(channelOfTopic(bridge('+/a <-> x-$1 e'), '$spaces/a')).toBeUndefined()
  })

  test.each([
    ['a/+ <-> private-$1 e', 'a/encrypted-x'],
    ['a/+ <-> private-$1 e', 'a/cache-x'],
    ['a/+ <-> $1 e', 'a/private-x'],
    ['a/+ <-> $1 e', 'a/presence-x'],
    ['a/+ <-> $1 e', 'a/#server-to-user-x'],
    ['a/+ <-> x-$1 e', 'a/'],
    ['a/+ <-> x-$1 e', 'a/ '],
    ['a/+ <-> x-$1 e', 'a/ü'],
    ['a/+ <-> x-$1 e', 'a/b:c'],
    ['a/+ <-> x-$1 e', 'a/"}'],
    ['a/+ <-> x-$1 e', `a/${'b'.repeat(200)}`],
    ['a/+/+ <-> x-$1-$2 e', 'a/b-c/d'],
  ])('of %s such as %s has none that is its alone', (text, topic) => {
    expect(channelOfTopic(bridge(text), topic)).toBe('unfit')
  })
})

describe('a channel', () => {
  test('has the topic that its name fills in', () => {
    const rooms = bridge('rooms/+/chat <-> private-room-$1 message')
    expect(topicOfChannel(rooms, 'private-room-42')).toBe('rooms/42/chat')
    for (const name of ['private-room-', 'private-roo-1', 'room-1', 'private-room-a b']) {
      expect(topicOfChannel(rooms, name)).toBeUndefined()
    }
    expect(topicOfChannel(bridge('a/+ <-> private-$1 e'), 'private-encrypted-x')).toBeUndefined()
    expect(topicOfChannel(bridge('a/+/+ <-> x-$1-$2 e'), 'x-a-b-c')).toBe('a/a/b-c')
    expect(topicOfChannel(bridge('a/+ <-> $1-end e'), '-end')).toBeUndefined()
    expect(topicOfChannel(bridge('a <-> fixed e'), 'fixed')).toBe('a')
  })
})

const BRIDGES = [
  'rooms/+/chat <-> private-room-$1 message',
  'a/+/b/+ <-> presence-$2-at-$1 e',
  '+/+/+ <-> $3-$1=$2 e',
  'x/+ <-> $1 e',
].map(bridge)
const level = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_\-=@,.;]{1,8}$/),
  fc.constantFrom('-', '-at-', '=', 'private-', 'private-encrypted-', 'cache-', '', 'ü', '$1', ' '),
  fc.string({ maxLength: 5 }).filter((text) => !/[+#/\0]/.test(text)),
)

test('what is mapped comes back as it was, and never as another kind of channel', () => {
  fc.assert(
    fc.property(fc.constantFrom(...BRIDGES), fc.array(level, { maxLength: 3 }), (one, texts) => {
      const given = [...texts]
      const topic = one.levels.map((text) => (text === '+' ? (given.pop() ?? 'z') : text)).join('/')
      const channel = channelOfTopic(one, topic)
      if (typeof channel !== 'object') return
      expect(topicOfChannel(one, channel.name)).toBe(topic)
      expect([channel.kind, channel.isCache]).toEqual([one.kind, one.isCache])
    }),
    { numRuns: 2_000 },
  )
})

test('every channel that has a topic is the channel of that topic', () => {
  const name = fc.stringMatching(/^(private-room-|presence-|private-)?[a-c\-=@t]{0,12}$/)
  fc.assert(
    fc.property(fc.constantFrom(...BRIDGES), name, (one, channel) => {
      const topic = topicOfChannel(one, channel)
      if (topic !== undefined) expect(nameOf(one, topic)).toBe(channel)
    }),
    { numRuns: 2_000 },
  )
})

describe('bridges beside each other', () => {
  const at = (...texts: string[]) => overlappingBridge(texts.map(bridge))

  test('may not take the same message', () => {
    expect(at('a/+ -> x-$1 e', 'a/b -> y e')).toBe(1)
    expect(at('a <- x-b e', 'c <- d e', 'a/+ <- x-$1 e')).toBe(2)
    expect(at('a/+ <- x-$1 e', 'b/+ <- $1-y e')).toBe(1)
    expect(at('a/+/+ <- x-$1-$2 e', 'b/+ <- x-$1 e')).toBe(1)
  })

  test('may share what goes the other way, or has another name', () => {
    expect(at('a/+ -> x-$1 e', 'a/+ <- x-$1 e')).toBeUndefined()
    expect(at('a/+ <- x-$1 e', 'a/+ <- x-$1 f')).toBeUndefined()
    expect(at('a/+ -> x-$1 e', 'a/+/b -> x-$1 e')).toBeUndefined()
    expect(at('a/+ <- x-$1-end e', 'b/+ <- x-$1-other e')).toBeUndefined()
    expect(at('a <- x e', 'b/+ <- x$1 e')).toBeUndefined()
  })

  test('overlap exactly where some channel is of both', () => {
    const pattern = fc.stringMatching(/^[ab]{0,2}$/)
    const text = fc.tuple(pattern, pattern).map(([head, tail]) => `${head}$1${tail}`)
    const names = namesUpTo(6)
    fc.assert(
      fc.property(text, text, (one, other) => {
        const both = [bridge(`x/+ <- ${one} e`), bridge(`y/+ <- ${other} e`)] as const
        const isShared = names.some((name) =>
          both.every((each) => topicOfChannel(each, name) !== undefined),
        )
        expect(overlappingBridge(both)).toBe(isShared ? 1 : undefined)
      }),
    )
  })
})

/** @returns every text of `a` and `b` of that length, and shorter. */
function namesUpTo(length: number): readonly string[] {
  if (length === 0) return []
  const shorter = namesUpTo(length - 1)
  const longer =
    shorter.length === 0 ? ['a', 'b'] : shorter.flatMap((name) => [`${name}a`, `${name}b`])
  return [...new Set([...shorter, ...longer])]
}
