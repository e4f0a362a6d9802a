/** The published signature vectors, recomputed and tried on a running server. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import PusherServer from 'pusher'
import { call } from '../support/http.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { channelAuth, hmac, md5, userAuth } from '../support/signing.ts'
import { test } from '../support/test.ts'
import { errorCode, Wire } from '../support/wire.ts'
import vectors from '../vectors/pusher.json'

const SECRET = vectors.http[0]?.secret ?? ''
const APP = app('3', { name: 'vectors', key: vectors.key, secret: SECRET })

const it = serving({ apps: [APP] })

test('every channel, user and HTTP vector is the HMAC of its text', () => {
  const all = [...vectors.channels, ...vectors.users, ...vectors.http]
  assert.ok(all.length >= 10)
  for (const { name, secret, stringToSign, signature } of all) {
    assert.equal(hmac(secret, stringToSign), signature, name)
  }
})

test('every text is put together from the parts beside it', () => {
  for (const { name, secret, socketId, channel, channelData, signature } of vectors.channels) {
    const signed = channelData === undefined ? [channel] : [channel, channelData]
    const auth = channelAuth({ key: vectors.key, secret }, socketId, ...signed)
    assert.equal(auth, `${vectors.key}:${signature}`, name)
  }
  for (const { name, secret, socketId, userData, signature } of vectors.users) {
    const auth = userAuth({ key: vectors.key, secret }, socketId, userData)
    assert.equal(auth, `${vectors.key}:${signature}`, name)
  }
  for (const { name, method, path, query, body, bodyMd5, stringToSign } of vectors.http) {
    assert.equal(md5(body), bodyMd5, name)
    assert.equal(`${method}\n${path}\n${query}`, stringToSign, name)
  }
})

test('the shared secret of an encrypted channel is the hash of its name and the master key', () => {
  for (const { masterKeyBase64, channel, sharedSecretBase64 } of vectors.sharedSecrets) {
    const hash = createHash('sha256').update(channel).update(Buffer.from(masterKeyBase64, 'base64'))
    assert.equal(hash.digest('base64'), sharedSecretBase64)
    const backend = new PusherServer({
      appId: APP.id,
      key: APP.key,
      secret: APP.secret,
      host: '127.0.0.1',
      encryptionMasterKeyBase64: masterKeyBase64,
    })
    const { shared_secret: given } = backend.authorizeChannel('1.1', channel)
    assert.equal(given, sharedSecretBase64)
  }
})

test("the vectors' texts are accepted for the socket that asks and for no other", async () => {
  const wire = await Wire.open(it.server, APP)
  const usable = vectors.channels.filter(({ secret }) => secret === SECRET)
  assert.ok(usable.length >= 3)
  for (const { channel, channelData, signature } of usable) {
    wire.subscribe(channel, `${APP.key}:${signature}`, channelData)
    await wire.next('pusher:subscription_error', channel)
    await wire.join(APP, channel, channelData)
  }
  for (const { secret, userData, signature } of vectors.users) {
    if (secret !== SECRET) continue
    const auth = `${APP.key}:${signature}`
    const other = await Wire.open(it.server, APP)
    other.send({ event: 'pusher:signin', data: { auth, user_data: userData } })
    assert.equal(errorCode(await other.next('pusher:error')), 4009)
    other.cut()
    const good = userAuth(APP, wire.socketId, userData)
    wire.send({ event: 'pusher:signin', data: { auth: good, user_data: userData } })
    await wire.next('pusher:signin_success')
  }
  await wire.close()
})

test('the HTTP vector is refused for its age and accepted when signed again', async () => {
  for (const { method, path, body, query } of vectors.http) {
    const timestamp = Number(/auth_timestamp=(\d+)/.exec(query)?.[1])
    const stale = await call(it.server, APP, { method, path, body, timestamp })
    assert.equal(stale.status, 401)
    const fresh = await call(it.server, APP, { method, path, body })
    assert.equal(fresh.status, 200)
    assert.equal(fresh.body, '{}')
  }
})
