import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import vectors from '../../../../test/vectors/wsocket.json'
import { decodeClientFrame, JSON_DEPTH_MAX, JSON_KEY_COUNT_MAX } from './codec.ts'

describe('decodeClientFrame', () => {
  test.each(vectors.clientFrames)('$name', ({ text, frame }) => {
    expect(decodeClientFrame(text)).toEqual({ ok: true, value: frame as never })
  })

  test.each(vectors.refusedFrames)('refuses $name', (vector) => {
    const { refusal } = vector
    const channel = 'channel' in vector ? vector.channel : undefined
    const id = 'id' in vector ? vector.id : undefined
    expect(decodeClientFrame(vector.text)).toMatchObject({ ok: false, refusal, channel, id })
  })

  test('takes data as deep and as wide as its bounds, and no more', () => {
    const nested = (depth: number) =>
      `{"action":"publish","channel":"c","data":${'['.repeat(depth)}${']'.repeat(depth)}}`
    expect(decodeClientFrame(nested(JSON_DEPTH_MAX - 1)).ok).toBe(true)
    expect(decodeClientFrame(nested(JSON_DEPTH_MAX))).toMatchObject({ refusal: 'json_invalid' })
    const wide = (count: number) => {
      const members = Array.from({ length: count }, (_, index) => `"k${index}":1`).join()
      return `{"action":"publish","channel":"c","data":{${members}}}`
    }
    // Three names are the frame's own.
    expect(decodeClientFrame(wide(JSON_KEY_COUNT_MAX - 3)).ok).toBe(true)
    expect(decodeClientFrame(wide(JSON_KEY_COUNT_MAX - 2))).toMatchObject({
      refusal: 'json_invalid',
    })
  })

  test('sends no long name back, and takes no long id', () => {
    const long = 'a'.repeat(401)
    const decoded = decodeClientFrame(`{"action":"subscribe","channel":"${long}"}`)
    expect(decoded).toMatchObject({ ok: false, channel: undefined })
    const publish = `{"action":"publish","channel":"c","id":"${'a'.repeat(129)}"}`
    expect(decodeClientFrame(publish)).toMatchObject({ refusal: 'frame_invalid', id: undefined })
  })

  test('answers for any text, and says what to do where it refuses', () => {
    const action = fc.constantFrom('subscribe', 'publish', 'history', 'presence.enter', 'resume', 1)
    const members = fc.record(
      { action, channel: fc.anything(), data: fc.jsonValue(), id: fc.jsonValue() },
      { requiredKeys: ['action'] },
    )
    const near = members.map((each) => JSON.stringify(each) ?? '')
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json(), near), (text) => {
        const decoded = decodeClientFrame(text)
        expect(decoded.ok || decoded.detail !== '').toBe(true)
      }),
    )
  })

  test('keeps any data as it was written', () => {
    fc.assert(
      fc.property(fc.json(), (data) => {
        const decoded = decodeClientFrame(`{"action":"publish","data":${data},"channel":"c"}`)
        expect(decoded).toMatchObject({ ok: true, value: { data: data.trim() } })
      }),
    )
  })
})
