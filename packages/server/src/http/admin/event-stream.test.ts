import { expect, test } from 'bun:test'
import { readServerSentEvents } from '@lockgate/admin-api/server-sent-events'
import { type EventSource, eventStreamAnswer, eventText } from './event-stream.ts'

/** Gives what it is told to, one text for each `next`, and counts them. */
function scripted(texts: readonly (string | Error)[]) {
  const state = { madeCount: 0, isClosed: false }
  const source: EventSource = {
    async next() {
      const text = texts[state.madeCount++]
      if (text instanceof Error) throw text
      return text
    },
    close: () => {
      state.isClosed = true
    },
  }
  return { source, state }
}

function answerTo(source: EventSource, signal = new AbortController().signal) {
  const failures: unknown[] = []
  const tellFailure = (error: unknown) => void failures.push(error)
  return { answer: eventStreamAnswer(source, { signal, tellFailure }), failures }
}

test('an answer is server-sent events that nobody keeps or gathers', async () => {
  const { answer } = answerTo(scripted(['id: 1\n\n', 'id: 2\n\n']).source)
  expect(answer.headers.get('content-type')).toBe('text/event-stream')
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.headers.get('x-accel-buffering')).toBe('no')
  expect(await answer.text()).toBe('id: 1\n\nid: 2\n\n')
})

test('nothing is made before it is read', async () => {
  const { source, state } = scripted(Array.from({ length: 100 }, () => ': \n\n'))
  const reader = answerTo(source).answer.body?.getReader()
  await Promise.resolve()
  expect(state.madeCount).toBe(0)
  await reader?.read()
  await reader?.read()
  expect(state.madeCount).toBe(2)
  await reader?.cancel()
  expect(state.isClosed).toBe(true)
})

test('who has gone is noticed, before the answer as well as while nothing happens', () => {
  for (const isEarly of [true, false]) {
    const controller = new AbortController()
    const { source, state } = scripted([])
    if (isEarly) controller.abort()
    answerTo(source, controller.signal)
    controller.abort()
    expect(state.isClosed).toBe(true)
  }
})

test('a failure on the way is told once and cuts the answer short', async () => {
  const { source, state } = scripted(['id: 1\n\n', new Error('a bug')])
  const { answer, failures } = answerTo(source)
  const reader = answer.body?.getReader()
  await reader?.read()
  let isCut = false
  await reader?.read().catch(() => {
    isCut = true
  })
  expect([isCut, failures.length, state.isClosed]).toEqual([true, 1, true])
})

test('no value can end its field: what was sent is what is read', async () => {
  const data = { text: 'a\nb\r\nevent: forged\n\ndata: {}\u2028' }
  const text = eventText({ id: 'a-1', event: 'auth.failed', data })
  const chunks = (async function* () {
    yield new TextEncoder().encode(text)
  })()
  const events = await Array.fromAsync(readServerSentEvents(chunks))
  const whole = { id: 'a-1', event: 'auth.failed', data: JSON.stringify(data) }
  expect(events).toEqual([whole])
})
