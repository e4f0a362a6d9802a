/** One who follows the events of a server as a program does, and keeps what came. */
import {
  type AdminClient,
  createAdminClient,
  type ParametersOf,
  type ResultOf,
} from '../../packages/admin-api/src/client.ts'
import { until } from './wait.ts'

export type Followed = ResultOf<'events.watch'>

export interface Following {
  readonly events: readonly Followed[]
  /** What it ended with, once it did. */
  readonly ended: () => unknown
  /** Waits for an event. */
  readonly heard: (what: string, is: (event: Followed) => boolean) => Promise<Followed>
  readonly stop: () => Promise<void>
}

export function clientOf(url: string, key: string): AdminClient {
  return createAdminClient({ url, key, timeoutMs: 12_000 })
}

const running = new Set<() => Promise<void>>()

/** For the end of a file: one that a failed test left behind would keep it from ending. */
export async function stopFollowing(): Promise<void> {
  await Promise.all([...running].map((stop) => stop()))
}

/** Starts to follow, and waits until the server has it among those who watch. */
export async function follow(
  client: AdminClient,
  parameters: ParametersOf<'events.watch'> = {},
): Promise<Following> {
  const events: Followed[] = []
  const controller = new AbortController()
  let ending: unknown
  // From the newest on, so that it is known when it has begun.
  const [newest] = (await pageOf(client, parameters)).slice(0, 1)
  // An id of no start is answered with a gap, which is nobody's here, and all that comes after it.
  const from = { after: newest?.id ?? 'none' }
  const stream = client.watch(
    'events.watch',
    { parameters: { ...from, ...parameters } },
    { signal: controller.signal },
  )
  const done = (async () => {
    try {
      for await (const event of stream) {
        const isOurs = event.type === 'gap' && event.details.after === 'none'
        if (!isOurs) events.push(event)
      }
      ending = 'stopped'
    } catch (error) {
      ending = error
    }
  })()
  const stop = async () => {
    running.delete(stop)
    controller.abort()
    await done
  }
  running.add(stop)
  return {
    events,
    ended: () => ending,
    heard: (what, is) => until(what, () => events.find(is)),
    stop,
  }
}

async function pageOf(
  client: AdminClient,
  { types, tenantId, appId }: ParametersOf<'events.watch'>,
) {
  const parameters = { types, tenantId, appId, limit: 1 }
  const answer = await client.call('events.list', { parameters })
  if (!answer.ok) throw answer.problem
  return answer.value.items
}
