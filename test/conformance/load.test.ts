/** An overloaded node: who comes is sent away for a while, who is there stays (WireSocket 8). */
import assert from 'node:assert/strict'
import { ALICE, connect, loginOf, USERS } from '../support/mqtt-clients.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const APP = app('loaded', USERS)
const CONNECTIONS_MAX = 20
/** 80 % of them, the default. */
const CONNECTIONS_HEALTHY = 15

const it = serving({ apps: [APP], config: { limits: { connectionCountMax: CONNECTIONS_MAX } } })

const status = () => it.server.metric('lockgate_load_status')

test('from 80 % of the connections on new ones are refused, and old ones go on', async () => {
  const wires: Wire[] = []
  while (wires.length < CONNECTIONS_HEALTHY) wires.push(await Wire.open(it.server, APP))
  const alice = await connect(it.server.mqtt, { protocolVersion: 5, ...loginOf(ALICE) })
  await until('it is overloaded', async () => (await status()) === 2)

  for (const offers of [[], ['mqtt']] as const) {
    const refused = new Wire(it.server.socketUrl(APP.key), { headers: protocolsOf(offers) })
    await refused.closure()
    assert.equal(refused.refusal?.status, 503)
    const seconds = Number(refused.refusal?.headers['retry-after'])
    assert.ok(seconds >= 30 && seconds <= 40, String(seconds))
  }
  await assert.rejects(
    connect(it.server.mqtt, { protocolVersion: 5, ...loginOf(ALICE), clientId: 'late' }),
    /Server busy/,
  )
  await assert.rejects(
    connect(it.server.mqtt, { protocolVersion: 4, ...loginOf(ALICE), clientId: 'late' }),
    /Server unavailable/,
  )

  await Promise.all(wires.map((wire) => wire.fence()))
  await alice.client.publishAsync('still/here', 'x', { qos: 1 })

  await Promise.all(wires.map((wire) => wire.close()))
  await until('there is room', async () => (await status()) === 0)
  await (await Wire.open(it.server, APP)).close()
  await alice.end()
  const told = it.server.logLines().filter(({ event }) => event === 'load_changed')
  assert.deepEqual(
    told.map(({ status: each, reasons }) => [each, reasons]),
    [
      ['overloaded', ['connections']],
      ['healthy', []],
    ],
  )
})

function protocolsOf(offers: readonly string[]): Record<string, string> {
  return offers.length === 0 ? {} : { 'Sec-WebSocket-Protocol': offers.join() }
}
