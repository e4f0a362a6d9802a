import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { encodePublish } from '@lockgate/protocol/mqtt/encode'
import { NO_PROPERTIES } from '@lockgate/protocol/mqtt/properties'
import { message } from '../../../../../test/support/topic-world.ts'
import { PublishFrames, type PublishShape } from './publish-frames.ts'

const SHAPE: PublishShape = {
  level: 5,
  packetId: 0,
  isDuplicate: false,
  expirySeconds: undefined,
  alias: 0,
  isAliasKnown: false,
}

function delivery(topic: string, qos: 0 | 1 | 2 = 0, retain = false) {
  return { message: message(topic), qos, retain, subscriptionIds: [] }
}

describe('frames of one message', () => {
  test('are made once for each variant, and shared', () => {
    const frames = new PublishFrames()
    const one = delivery('a/b')
    const first = frames.frame(one, SHAPE)
    expect(frames.frame(one, SHAPE)).toBe(first)
    expect(frames.frame(one, { ...SHAPE, level: 4 })).not.toBe(first)
    expect(frames.frame({ ...one, retain: true }, SHAPE)).not.toBe(first)
  })

  test('are not those of another message, or of another moment', () => {
    const frames = new PublishFrames()
    const one = delivery('a')
    const first = frames.frame(one, { ...SHAPE, expirySeconds: 9 })
    expect(frames.frame(one, { ...SHAPE, expirySeconds: 8 })).not.toEqual(first)
    expect(frames.frame(delivery('b'), { ...SHAPE, expirySeconds: 8 })).not.toEqual(first)
  })

  test('with identifiers of a subscription are nobody else’s', () => {
    const frames = new PublishFrames()
    const one = delivery('a')
    const plain = frames.frame(one, SHAPE)
    expect(frames.frame({ ...one, subscriptionIds: [7] }, SHAPE)).not.toEqual(plain)
    expect(frames.frame(one, SHAPE)).toBe(plain)
  })

  test('are what the codec writes for that receiver alone, in any order', () => {
    const receiver = fc.record({
      level: fc.constantFrom(4 as const, 5 as const),
      qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
      retain: fc.boolean(),
      isDuplicate: fc.boolean(),
      packetId: fc.integer({ min: 1, max: 65_535 }),
      alias: fc.integer({ min: 0, max: 3 }),
      isAliasKnown: fc.boolean(),
      message: fc.nat(2),
    })
    const topics = ['a', 'x'.repeat(200), 'ü/ß']
    const messages = topics.map((topic) =>
      message(topic, { payload: new Uint8Array(topic.length * 90) }),
    )
    fc.assert(
      fc.property(fc.array(receiver, { maxLength: 30 }), (receivers) => {
        const frames = new PublishFrames()
        for (const each of receivers) {
          const { level, qos, retain } = each
          const packetId = qos === 0 ? 0 : each.packetId
          const isDuplicate = qos > 0 && each.isDuplicate
          const alias = level === 5 ? each.alias : 0
          const isAliasKnown = alias > 0 && each.isAliasKnown
          const sent = messages[each.message]
          if (sent === undefined) throw new Error('no such message')
          const made = frames.frame(
            { message: sent, qos, retain, subscriptionIds: [] },
            { level, packetId, isDuplicate, expirySeconds: undefined, alias, isAliasKnown },
          )
          const expected = encodePublish(
            {
              kind: 'publish',
              topic: isAliasKnown ? '' : sent.topic,
              payload: sent.payload,
              qos,
              retain,
              duplicate: isDuplicate,
              packetId,
              properties: alias === 0 ? NO_PROPERTIES : { topicAlias: alias },
            },
            level,
          )
          expect(made).toEqual(expected)
        }
      }),
    )
  })
})
