/** TLS, and a certificate that is replaced on disk under open connections. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { connect } from 'node:tls'
import PusherServer from 'pusher'
import { makeCertificate } from '../support/certificate.ts'
import { publish } from '../support/http.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const APP = app('tls')
const SECURE = app('secure', { requireTls: true })

const home = mkdtempSync(join(tmpdir(), 'lockgate-tls-'))
after(() => rmSync(home, { recursive: true, force: true }))
const certFile = join(home, 'cert.pem')
const keyFile = join(home, 'key.pem')
writeCertificate('first', certFile, keyFile)

const it = serving({ apps: [APP, SECURE], config: { tls: { certFile, keyFile } } })

function writeCertificate(name: string, certPath: string, keyPath: string): void {
  const { cert, key } = makeCertificate(name, 'IP:127.0.0.1')
  writeFileSync(certPath, cert)
  writeFileSync(keyPath, key)
}

function securePort(): number {
  return Number(new URL(it.server.https).port)
}

/** The name in the certificate a new connection is shown. */
function presentedName(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { port: securePort(), host: '127.0.0.1', rejectUnauthorized: false },
      () => {
        resolve(String(socket.getPeerCertificate().subject.CN))
        socket.destroy()
      },
    )
    socket.on('error', reject)
  })
}

/**
 * Connections that wait in the queue of the listener that goes are reset by the system; clients
 * connect again, and so does this.
 */
async function nameDuringHandOver(): Promise<string | undefined> {
  try {
    return await presentedName()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ECONNRESET') return undefined
    throw error
  }
}

async function openSecure(target: typeof APP): Promise<Wire> {
  const url = `${it.server.https.replace(/^https/, 'wss')}/app/${target.key}?protocol=7`
  const wire = new Wire(url, { ca: readFileSync(certFile) })
  await wire.next('pusher:connection_established')
  return wire
}

test('sockets and the HTTP API work over TLS, for an app that requires it too', async () => {
  const wire = await openSecure(SECURE)
  await wire.join(SECURE, 'private-secure')
  const backend = new PusherServer({
    appId: SECURE.id,
    key: SECURE.key,
    secret: SECURE.secret,
    host: '127.0.0.1',
    port: String(securePort()),
    useTLS: true,
    agent: new Agent({ ca: readFileSync(certFile) }),
  })
  await backend.trigger('private-secure', 'e', { a: 1 })
  assert.equal((await wire.next('e')).data, '{"a":1}')
  await wire.close()
})

test('a plain request on the TLS port and a TLS hello on the plain port harm nothing', async () => {
  const plain = it.server.https.replace(/^https/, 'ws')
  await new Wire(`${plain}/app/${APP.key}?protocol=7`).closure()
  const secure = it.server.http.replace(/^http/, 'wss')
  await new Wire(`${secure}/app/${APP.key}?protocol=7`, { rejectUnauthorized: false }).closure()
  assert.equal(await presentedName(), 'first')
})

test('TLS 1.1 is refused', async () => {
  const refused = new Promise<boolean>((resolve) => {
    const options = { port: securePort(), host: '127.0.0.1', rejectUnauthorized: false }
    const versions = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const
    const ciphers = 'DEFAULT@SECLEVEL=0'
    const socket = connect({ ...options, ...versions, ciphers }, () => {
      resolve(false)
      socket.destroy()
    })
    socket.on('error', () => resolve(true))
  })
  assert.ok(await refused)
})

test('a replaced certificate is shown to new connections while old ones go on', async () => {
  const oldSecure = await openSecure(APP)
  const oldPlain = await Wire.open(it.server, APP)
  for (const wire of [oldSecure, oldPlain]) await wire.join(APP, 'across')
  assert.equal(await presentedName(), 'first')

  writeCertificate('second', join(home, 'new-cert.pem'), join(home, 'new-key.pem'))
  renameSync(join(home, 'new-cert.pem'), certFile) // for a moment the pair does not match
  assert.ok(['first', 'second', undefined].includes(await nameDuringHandOver()))
  renameSync(join(home, 'new-key.pem'), keyFile)
  await until('the new certificate', async () => (await nameDuringHandOver()) === 'second', 60_000)

  const fresh = await openSecure(APP)
  await fresh.join(APP, 'across')
  for (let n = 0; n < 5; n++) {
    await publish(it.server, APP, { channel: 'across', name: 'n', data: `${n}` })
  }
  for (const wire of [oldSecure, oldPlain, fresh]) {
    await wire.fence()
    assert.deepEqual(
      wire.all('n').map(({ data }) => data),
      ['0', '1', '2', '3', '4'],
    )
    assert.equal(wire.closed, undefined)
  }
  for (const wire of [oldSecure, oldPlain, fresh]) await wire.close()
})

test('a broken certificate on disk changes nothing but the log', async () => {
  const before = await presentedName()
  const lineCount = it.server.logLines().length
  writeFileSync(certFile, 'no certificate')
  await until(
    'the log says so',
    () =>
      it.server
        .logLines()
        .slice(lineCount)
        .some((line) => ['warn', 'error', 40, 50].includes(line['level'] as string | number)),
    60_000,
  )
  assert.equal(await presentedName(), before)
})
