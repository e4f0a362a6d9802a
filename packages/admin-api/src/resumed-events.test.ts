import { expect, test } from 'bun:test'
import { AdminProblem, AdminUnreachable } from './problem.ts'
import { resumedEvents } from './resumed-events.ts'

const cutOff = () => new AdminUnreachable('x', { url: 'u', reason: 'cut_off', cause: undefined })
const problem = (status: number) => new AdminProblem('x', { status, code: 'c', title: 't' })

/** Connections in their order: what each gives, then how it ends. */
function following(connections: readonly (readonly [texts: string[], ending?: Error])[]) {
  const asked: (string | undefined)[] = []
  const pauses: number[] = []
  const controller = new AbortController()
  const open = async (after: string | undefined) => {
    const [texts, ending] = connections[asked.length] ?? [[]]
    asked.push(after)
    if (texts.length === 0 && ending !== undefined) throw ending
    return (async function* () {
      for (const text of texts) yield new TextEncoder().encode(text)
      if (ending !== undefined) throw ending
    })()
  }
  const pause = async (ms: number) => {
    pauses.push(ms)
    if (asked.length === connections.length) controller.abort()
  }
  const events = resumedEvents({ open, pause, random: () => 0.5, signal: controller.signal })
  return { events, asked, pauses }
}

async function all(events: AsyncGenerator): Promise<unknown[]> {
  const got: unknown[] = []
  for await (const event of events) got.push(event)
  return got
}

const at = (id: string) => `id: ${id}\n\n`
const event = (id: string) => `event: x\nid: ${id}\ndata: {"id":"${id}"}\n\n`

test('it goes on after the last id, that of a sign of life included, however a connection ends', async () => {
  const { events, asked } = following([
    [[at('1'), event('2')], cutOff()],
    [[event('3'), at('7')]],
    [[event('8'), 'event: end\ndata: {"reason":"draining"}\n\n']],
  ])
  expect(await all(events)).toEqual([{ id: '2' }, { id: '3' }, { id: '8' }])
  expect(asked).toEqual([undefined, '2', '7'])
})

test('waits grow to a bound while nothing comes, and begin anew after something came', async () => {
  const failing = Array.from({ length: 8 }, () => [[], cutOff()] as const)
  const { events, pauses } = following([
    [[at('1')]],
    ...failing.map(([, ending]) => [[] as string[], ending] as const),
    [[at('2')], cutOff()],
  ])
  await all(events)
  const longest = Math.max(...pauses)
  expect(longest).toBe(pauses[7] ?? 0)
  expect(longest).toBeLessThanOrEqual(5_000)
  expect(pauses.at(-1)).toBe(pauses[0] ?? 0)
})

test('what no waiting mends ends it: a refusal, or no server at the beginning', async () => {
  expect(all(following([[[], cutOff()]]).events)).rejects.toThrow(AdminUnreachable)
  expect(all(following([[[], problem(503)]]).events)).rejects.toThrow(AdminProblem)
  expect(all(following([[[at('1')]], [[], problem(401)]]).events)).rejects.toThrow(AdminProblem)
  expect(await all(following([[[at('1')]], [[], problem(503)]]).events)).toEqual([])
})
