import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { readServerSentEvents } from './server-sent-events.ts'

const encoder = new TextEncoder()

async function read(texts: readonly (string | Uint8Array)[]) {
  async function* chunks() {
    for (const each of texts) yield typeof each === 'string' ? encoder.encode(each) : each
  }
  const events = []
  for await (const { id, event, data } of readServerSentEvents(chunks())) {
    events.push([id, event, data])
  }
  return events
}

const STREAM =
  'retry: 1000\nid: a-1\n\n: a comment\nevent: auth.failed\nid: a-2\ndata: {"é":"1"}\n\n' +
  'data: one\ndata: two\n\nevent: end\ndata: {}\n\nid: lost\ndata: cut short'

test('events come with their name, their data and the last id, and comments are passed over', async () => {
  expect(await read([STREAM])).toEqual([
    ['a-1', 'message', undefined],
    ['a-2', 'auth.failed', '{"é":"1"}'],
    ['a-2', 'message', 'one\ntwo'],
    ['a-2', 'end', '{}'],
  ])
})

test('where the chunks end makes no difference', async () => {
  const bytes = encoder.encode(STREAM)
  const whole = await read([STREAM])
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 8 }), async (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length]
      const parts = places.slice(1).map((place, index) => bytes.subarray(places[index], place))
      expect(await read(parts)).toEqual(whole)
    }),
  )
})

test('any bytes end in events or a refusal, and one event is bounded', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 })), async (chunks) => {
      await read(chunks)
    }),
  )
  const endless = Array.from({ length: 20 }, () => 'x'.repeat(100_000))
  expect(read(endless)).rejects.toThrow(RangeError)
})
