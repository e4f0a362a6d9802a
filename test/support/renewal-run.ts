/** Tokens renewed in place under load, with every message accounted for. */
import { CloudSignal, type Message } from '../../packages/client/src/client.ts'
import { loginOf, optionsOf } from './client-world.ts'
import type { LiveServer } from './server.ts'
import { until } from './wait.ts'

export interface RenewalRun {
  readonly clientCount: number
  readonly renewalsEach: number
}

export interface RenewalFigures {
  readonly renewalCount: number
  readonly sentCount: number
  readonly lostCount: number
  readonly duplicateCount: number
  readonly disorderedCount: number
  /** Connections that ended; each has to stay the one of its start. */
  readonly reconnectCount: number
}

/** Each client renews without a pause while it publishes numbers at QoS 1 and hears them. */
export async function renewUnderLoad(
  server: LiveServer,
  { clientCount, renewalsEach }: RenewalRun,
): Promise<RenewalFigures> {
  const runs = Array.from({ length: clientCount }, (_, index) =>
    oneClient(server, index, renewalsEach),
  )
  const all = await Promise.all(runs)
  const sum = (name: keyof RenewalFigures) => all.reduce((total, each) => total + each[name], 0)
  return {
    renewalCount: sum('renewalCount'),
    sentCount: sum('sentCount'),
    lostCount: sum('lostCount'),
    duplicateCount: sum('duplicateCount'),
    disorderedCount: sum('disorderedCount'),
    reconnectCount: sum('reconnectCount'),
  }
}

/** So many publishes of a client wait for their acknowledgement at once. */
const IN_FLIGHT = 8

async function oneClient(
  server: LiveServer,
  index: number,
  renewalsEach: number,
): Promise<RenewalFigures> {
  const client = new CloudSignal(optionsOf(server))
  await client.connectWithToken(loginOf({ userEmail: `load-${index}@example.com` }))
  let reconnectCount = 0
  client.onReconnecting = () => {
    reconnectCount += 1
  }
  const heard: number[] = []
  const topic = `load/${index}`
  await client.subscribe(topic, (message: Message) => heard.push(Number(message.text())))
  let sentCount = 0
  let renewalCount = 0
  const renewed = new AbortController()
  const publishing = async () => {
    while (!renewed.signal.aborted) {
      const number = sentCount
      sentCount += 1
      await client.publish(topic, String(number), { qos: 1 })
    }
  }
  const streams = Array.from({ length: IN_FLIGHT }, publishing)
  while (renewalCount < renewalsEach) {
    await client.refreshToken()
    renewalCount += 1
  }
  renewed.abort()
  await Promise.all(streams)
  await until('all are heard', () => heard.length >= sentCount)
  client.destroy()
  const distinct = new Set(heard)
  return {
    renewalCount,
    sentCount,
    lostCount: sentCount - distinct.size,
    duplicateCount: heard.length - distinct.size,
    disorderedCount: heard.filter((number, at) => at > 0 && number < (heard[at - 1] ?? 0)).length,
    reconnectCount,
  }
}
