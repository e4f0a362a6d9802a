/**
 * Which protocol a WebSocket speaks, on the listener for all and on listeners of their own
 * (docs/adr/0033), and what HTTP is served beside it.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { WebSocket } from 'ws'
import { makeCertificate } from '../support/certificate.ts'
import { ALICE, connect, loginOf, USERS } from '../support/mqtt-clients.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const APP = app('routed', USERS)
const ALL_LISTENERS = ['http', 'https', 'mqtt', 'mqtts', 'ops']
const OWN_LISTENERS = ['pusher', 'wsocket', 'yjs', 'mqttWebSocket'] as const
const listen = Object.fromEntries(
  [...ALL_LISTENERS, ...OWN_LISTENERS].map((name) => [name, '127.0.0.1:0']),
)
const it = serving({ apps: [APP], config: { listen } })

/** Says what became of a handshake: the subprotocol that was accepted, or the status and text. */
function knock(url: string, offers: readonly string[] = [], options: object = {}) {
  return new Promise<{ readonly status: number; readonly text: string }>((resolve) => {
    const socket = new WebSocket(url, [...offers], options)
    socket.on('open', () => {
      resolve({ status: 101, text: socket.protocol })
      socket.terminate()
    })
    socket.on('unexpected-response', (request, response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() })
        request.destroy()
      })
    })
    socket.on('error', () => {})
  })
}

const everywhere = (server: LiveServer) => server.http.replace(/^http/, 'ws')

/** What a listener of its own logged as its address. */
function ownUrl(server: LiveServer, name: string): string {
  const line = server.logLines().find(({ event }) => event === 'listening')
  return String(line?.[name])
}

const pusherPath = `/app/${APP.key}?protocol=7`

test('on the listener for all each request finds its protocol', async () => {
  const url = everywhere(it.server)
  for (const path of ['/', '/mqtt', '/app/x', '/ws', '/?key=k']) {
    const offered = await knock(`${url}${path}`, ['mqtt'])
    assert.deepEqual(offered, { status: 101, text: 'mqtt' }, path)
  }
  const pusher = new Wire(`${url}${pusherPath}`)
  await pusher.next('pusher:connection_established')
  await pusher.close()
  const misplaced = new Wire(`${url}/x/app/${APP.key}`)
  await misplaced.next('pusher:error')
  await misplaced.closure()
})

test('who says nothing is told what each protocol sends', async () => {
  const { status, text } = await knock(`${everywhere(it.server)}/`)
  assert.equal(status, 400)
  assert.match(text, /\/app\/\{key\}/)
  assert.match(text, /subprotocol mqtt/)
  assert.equal((await knock(`${everywhere(it.server)}/a/b/c`)).status, 404)
})

test('a listener of its own speaks its protocol and no other', async () => {
  const pusher = ownUrl(it.server, 'pusher')
  const mqtt = ownUrl(it.server, 'mqttWebSocket')
  const wire = new Wire(`${pusher}${pusherPath}`)
  await wire.next('pusher:connection_established')
  await wire.close()
  assert.equal((await knock(`${pusher}/`, ['mqtt'])).status, 400)
  assert.equal((await knock(`${pusher}/`)).status, 400)
  const alice = await connect(`${mqtt}/any`, loginOf(ALICE))
  await alice.end()
  const refused = await knock(`${mqtt}${pusherPath}`)
  assert.equal(refused.status, 400)
  assert.match(refused.text, /MQTT: the subprotocol mqtt/)
  assert.doesNotMatch(refused.text, /Pusher/)
  for (const name of ['wsocket', 'yjs']) {
    assert.notEqual((await knock(`${ownUrl(it.server, name)}${pusherPath}`)).status, 101, name)
    assert.notEqual((await knock(`${ownUrl(it.server, name)}/`, ['mqtt'])).status, 101, name)
  }
})

test('HTTP of a listener of its own is nothing but health', async () => {
  for (const name of OWN_LISTENERS) {
    const url = ownUrl(it.server, name).replace(/^ws/, 'http')
    for (const path of ['/', '/v1/apps', `/apps/${APP.id}/channels`, '/metrics', '/oauth/token']) {
      const answer = await fetch(`${url}${path}`)
      assert.equal(answer.status, 404, `${name} ${path}`)
      assert.match(await answer.text(), /Served here: WebSockets of one protocol/)
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    }
    const health = await fetch(`${url}/health`)
    const same = await fetch(`${it.server.http}/health`)
    assert.equal(health.status, same.status)
  }
})

test('connections are counted by what they speak', async () => {
  const wire = await Wire.open(it.server, APP)
  const alice = await connect(ownUrl(it.server, 'mqttWebSocket'), loginOf(ALICE))
  const metrics = await (await fetch(`${it.server.ops}/metrics`)).text()
  assert.match(metrics, /^lockgate_protocol_connections_open\{protocol="pusher"\} 1$/m)
  assert.match(metrics, /^lockgate_protocol_connections_open\{protocol="mqtt"\} 1$/m)
  assert.match(metrics, /^lockgate_load_percent\{resource="memory"\} \d/m)
  assert.match(metrics, /^lockgate_load_status 0$/m)
  await Promise.all([wire.close(), alice.end()])
})

test('with a certificate they speak TLS alone, are named, and drain as the others', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-own-listeners-'))
  after(() => rmSync(home, { recursive: true, force: true }))
  const [certFile, keyFile] = [join(home, 'cert.pem'), join(home, 'key.pem')]
  const { cert, key } = makeCertificate('own', 'IP:127.0.0.1')
  writeFileSync(certFile, cert)
  writeFileSync(keyFile, key)
  const server = await startServer({ apps: [APP], config: { listen, tls: { certFile, keyFile } } })
  const pusher = ownUrl(server, 'pusher')
  assert.match(pusher, /^wss:/)
  await until('the banner', () => server.stdout.includes(`${pusher}  (pusher only)`))
  const trusting = { ca: readFileSync(certFile) }
  const wire = new Wire(`${pusher}${pusherPath}`, trusting)
  await wire.next('pusher:connection_established')
  const plain = new Wire(`${pusher.replace(/^wss/, 'ws')}${pusherPath}`)
  assert.equal((await plain.closure()).code, 1006)
  await server.stop()
  assert.equal((await wire.closure()).code, 4200)
})

test('an address that is taken stops the start, and says which setting it was', async () => {
  const taken = new URL(ownUrl(it.server, 'yjs')).host
  await assert.rejects(
    startServer({ apps: [APP], config: { listen: { ...listen, wsocket: taken } } }),
    /listen\.wsocket; with `none` nothing listens there/,
  )
})
