/** Where MQTT is served: TCP, TLS with certificates on both sides, WebSocket; and how it ends. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { makeAuthority, makeCertificate } from '../support/certificate.ts'
import { ALICE, BOB, connect, loginOf, USERS } from '../support/mqtt-clients.ts'
import { app, startServer } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const home = mkdtempSync(join(tmpdir(), 'lockgate-mqtt-tls-'))
after(() => rmSync(home, { recursive: true, force: true }))
const [certFile, keyFile, clientCaFile] = ['cert.pem', 'key.pem', 'clients.pem'].map((name) =>
  join(home, name),
) as [string, string, string]
const devices = makeAuthority('devices')
const device = devices.issue('meter-7')
const foreign = makeAuthority('somebody else').issue('meter-7')
writeFileSync(clientCaFile, devices.cert)
writeCertificate('first')

function writeCertificate(name: string): void {
  const { cert, key } = makeCertificate(name, 'IP:127.0.0.1')
  writeFileSync(certFile, cert)
  writeFileSync(keyFile, key)
}

const APP = app('listeners', USERS)
const TLS = { certFile, keyFile, clientCaFile }
const it = serving({ apps: [APP], config: { tls: TLS } })

const trusting = () => ({ ca: readFileSync(certFile) })
const portOf = (url: string) => Number(new URL(url).port)

for (const protocolVersion of [4, 5] as const) {
  test(`MQTT ${protocolVersion} over TLS and secure WebSockets reaches each other and TCP`, async () => {
    const [tcp, tls, wss] = await Promise.all([
      connect(it.server.mqtt, { protocolVersion, ...loginOf(ALICE) }),
      connect(it.server.mqtts, { protocolVersion, ...loginOf(BOB), ...trusting() }),
      connect(`${it.server.https.replace(/^https/, 'wss')}/`, {
        ...{ protocolVersion, ...loginOf(BOB), wsOptions: trusting() },
      }),
    ])
    for (const each of [tcp, tls, wss]) await each.client.subscribeAsync('all/#', { qos: 1 })
    for (const [n, each] of [tcp, tls, wss].entries()) {
      await each.client.publishAsync(`all/${n}`, `from ${n}`, { qos: 1 })
    }
    for (const each of [tcp, tls, wss]) {
      await until('all three', () => each.received.length === 3)
      assert.deepEqual(each.texts().sort(), ['from 0', 'from 1', 'from 2'])
    }
    const metrics = await (await fetch(`${it.server.ops}/metrics`)).text()
    for (const transport of ['tcp', 'tls', 'websocket']) {
      const line = new RegExp(
        `^lockgate_transport_connections_open\\{transport="${transport}"\\} 1$`,
        'm',
      )
      assert.match(metrics, line)
    }
    assert.match(metrics, /^lockgate_stream_received_bytes_total\{transport="tls"\} [1-9]/m)
    assert.match(metrics, /^lockgate_stream_sent_bytes_total\{transport="tcp"\} [1-9]/m)
    await Promise.all([tcp, tls, wss].map((each) => each.end()))
    await until('nobody', async () => (await it.server.metric('lockgate_connections_open')) === 0)
  })
}

test('a certificate of a client is taken where it holds, and ends the connection where not', async () => {
  const good = await connect(it.server.mqtts, { ...loginOf(ALICE), ...trusting(), ...device })
  await good.end()
  await assert.rejects(connect(it.server.mqtts, { ...loginOf(ALICE), ...trusting(), ...foreign }))
  const none = await connect(it.server.mqtts, { ...loginOf(ALICE), ...trusting() })
  await none.end()
})

test('a certificate that is replaced is shown to new connections, while old ones go on', async () => {
  const old = await connect(it.server.mqtts, { ...loginOf(ALICE), ...trusting() })
  const presented = () =>
    new Promise<string | undefined>((resolve) => {
      const options = { port: portOf(it.server.mqtts), host: '127.0.0.1' }
      const socket = connectTls({ ...options, rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN))
        socket.destroy()
      })
      // Connections that wait in the queue of the listener that goes are reset by the system.
      socket.on('error', () => resolve(undefined))
    })
  assert.equal(await presented(), 'first')
  writeCertificate('second')
  await until('the new certificate', async () => (await presented()) === 'second', 60_000)
  await old.client.subscribeAsync('still', { qos: 1 })
  const fresh = await connect(it.server.mqtts, { ...loginOf(BOB), ...trusting() })
  await fresh.client.publishAsync('still', 'here', { qos: 1 })
  await until('a message', () => old.texts().includes('here'))
  await Promise.all([old.end(), fresh.end()])
})

test('who sends nothing, or something else, is closed, and the terminal says where MQTT is', async () => {
  const { hostname: host, port } = new URL(it.server.mqtt)
  const other = connectTcp({ host, port: Number(port) })
  other.write('GET / HTTP/1.1\r\n\r\n')
  other.on('error', () => {})
  await until('the close', () => other.destroyed || other.readableEnded)
  const silent = connectTcp({ host, port: Number(port) })
  silent.on('error', () => {}).resume()
  await until('the close of the silent one', () => silent.destroyed || silent.readableEnded, 30_000)
  assert.match(
    it.server.stdout,
    /mqtt {2}mqtt:\/\/127\.0\.0\.1:\d+\n {4}mqtts mqtts:\/\/127\.0\.0\.1:\d+/,
  )
})

test('a stop tells every client, over TCP and TLS too, and ends in time', async () => {
  const server = await startServer({
    apps: [APP],
    config: { tls: { certFile, keyFile }, drainMs: 300 },
  })
  const version = { protocolVersion: 5 as const }
  const clients = await Promise.all([
    connect(server.mqtt, { ...version, ...loginOf(ALICE), clientId: 'a' }),
    connect(server.mqtts, { ...version, ...loginOf(BOB), clientId: 'b', ...trusting() }),
  ])
  const reasons: (number | undefined)[] = []
  for (const { client } of clients) {
    client.on('disconnect', ({ reasonCode }) => reasons.push(reasonCode))
  }
  await server.stop()
  assert.deepEqual(reasons, [0x8b, 0x8b]) // Server shutting down, MQTT 5 §3.14.2.1
  for (const { client } of clients) client.end(true)
})

test('with `none` MQTT is served over WebSocket alone', async () => {
  const listen = { http: '127.0.0.1:0', https: '127.0.0.1:0', ops: '127.0.0.1:0' }
  const config = { tls: { certFile, keyFile }, listen: { ...listen, mqtt: 'none', mqtts: 'none' } }
  const server = await startServer({ apps: [APP], config })
  try {
    assert.deepEqual([server.mqtt, server.mqtts], ['', ''])
    const client = await connect(server.http.replace(/^http/, 'ws'), loginOf(ALICE))
    await client.end()
  } finally {
    await server.stop()
  }
})
