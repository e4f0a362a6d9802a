/** Alerts of the started server: raised once, told everywhere their rule says, and resolved. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { SMTPServer } from 'smtp-server'
import { Webhook } from 'standardwebhooks'
import { ownerKey } from '../support/administration.ts'
import { lockgate } from '../support/command.ts'
import { EventReceiver, type StandardBody } from '../support/event-receiver.ts'
import { clientOf, follow, stopFollowing } from '../support/following.ts'
import { send } from '../support/http.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const QUIET = app('quiet')
const WEBHOOK_SECRET = `whsec_${Buffer.from('a secret of the receiver, 32 byte').toString('base64')}`
/** Of the rule that is tested; a machine that does other things has to fit its calls in. */
const WINDOW_SECONDS = 3
const PASSWORD = 'the-password-of-the-mail-server'

let receiver: EventReceiver
let noisy = app('noisy')
const home = mkdtempSync(join(tmpdir(), 'lockgate-alerts-'))
const dataDir = join(home, 'data')
const mails: string[] = []
let isPasswordGood = true
let mailServer: SMTPServer
let server: LiveServer
before(async () => {
  mailServer = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true, // on this machine
    onAuth: ({ password }, _session, done) => {
      if (isPasswordGood && password === PASSWORD) return done(null, { user: 'lockgate' })
      return done(Object.assign(new Error('no'), { responseCode: 535 }))
    },
    onData: (stream, _session, done) => {
      let text = ''
      stream.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')))
      stream.on('end', () => {
        mails.push(text)
        done()
      })
    },
  })
  await new Promise<void>((resolve) => void mailServer.listen(0, '127.0.0.1', () => resolve()))
  const { port } = mailServer.server.address() as AddressInfo
  receiver = await EventReceiver.open()
  const events = ['alert.raised', 'alert.resolved']
  const webhook = { name: 'pager', url: receiver.url, events, secret: WEBHOOK_SECRET }
  noisy = { ...noisy, webhooks: [webhook] }
  server = await startServer({
    apps: [noisy, QUIET],
    dataDir,
    config: {
      outbound: { allowedNetworks: ['127.0.0.0/8'] },
      alerts: { to: ['log', 'email', 'webhook'], mailTo: ['ops@example.com'], mailEverySeconds: 1 },
      smtp: {
        url: `smtp://127.0.0.1:${port}`,
        user: 'lockgate',
        password: PASSWORD,
        from: 'lockgate@example.com',
      },
      alertRules: [
        {
          name: 'signature-failures',
          watch: 'signature_failures',
          threshold: 5,
          windowSeconds: WINDOW_SECONDS,
        },
        { name: 'auth-failures', watch: 'auth_failures', threshold: 1_000 },
      ],
    },
  })
})
after(async () => {
  await stopFollowing()
  await receiver.close()
  await server.stop()
  await new Promise<void>((resolve) => {
    mailServer.close(() => resolve())
  })
  rmSync(home, { recursive: true, force: true })
})

const owner = () => clientOf(server.http, ownerKey(dataDir))

async function forgeCall({ id, key }: { readonly id: string; readonly key: string }) {
  const query = `auth_key=${key}&auth_timestamp=1&auth_version=1.0&auth_signature=x`
  await send(server.http, { method: 'GET', target: `/apps/${id}/channels?${query}` })
}

async function listed(state: 'active' | 'resolved' | 'all') {
  const answer = await owner().call('alerts.list', { parameters: { state } })
  assert.ok(answer.ok)
  return answer.value.items
}

test('signatures that fail too often raise one alert, and it is resolved when they stop', async () => {
  const watching = await follow(owner(), { types: 'alert.*' })
  for (let count = 0; count < 20; count++) await forgeCall(noisy)
  await forgeCall(QUIET)
  const raised = await watching.heard('the alert', ({ type }) => type === 'alert.raised')
  assert.ok(raised.type !== 'gap' && raised.appId === noisy.id)
  const details = { rule: 'signature-failures', subject: 'noisy', count: 5, threshold: 5 }
  assert.deepEqual(raised.details, {
    ...details,
    windowMs: WINDOW_SECONDS * 1_000,
  })

  const [active, ...others] = await listed('active')
  assert.deepEqual(others, [])
  assert.deepEqual([active?.rule, active?.appId, active?.state], [details.rule, noisy.id, 'active'])
  assert.equal(await server.metric('lockgate_alerts_active{rule="signature-failures"}'), 1)
  const line = server.logLines().find(({ event }) => event === 'alert_raised')
  assert.deepEqual([line?.['rule'], line?.['about']], ['signature-failures', 'noisy'])
  const mail = await until('the mail', () => mails[0])
  assert.match(mail, /^Subject: \[Lockgate\] signature-failures raised for app noisy\r$/m)
  assert.match(mail, /^To: ops@example\.com\r$/m)

  const posted = await until('the webhook', () => receiver.all[0])
  const body = new Webhook(WEBHOOK_SECRET).verify(posted.rawBody, {
    ...(posted.headers as Record<string, string>),
  }) as StandardBody
  assert.equal(body.type, 'alert.raised')
  assert.deepEqual([body.data['rule'], body.data['appId']], ['signature-failures', noisy.id])

  const resolved = await until('it is resolved', () =>
    watching.events.find(({ type }) => type === 'alert.resolved'),
  )
  assert.ok(Number((resolved.details as { count?: number }).count) >= 5)
  assert.equal(watching.events.filter(({ type }) => type === 'alert.raised').length, 1)
  assert.deepEqual(await listed('active'), [])
  const [over] = await listed('resolved')
  assert.ok(over?.resolvedAt !== undefined)
  const second = await until('the second mail', () => mails[1])
  assert.match(second, /^Subject: \[Lockgate\] signature-failures resolved for app noisy\r$/m)
  await watching.stop()
})

test('a mail server that takes the password no more is an alert as well, without the password', async () => {
  isPasswordGood = false
  for (let count = 0; count < 5; count++) await forgeCall(noisy)
  const alert = await until('the alert', async () =>
    (await listed('active')).find(({ rule }) => rule === 'provider-errors'),
  )
  assert.deepEqual([alert.appId, alert.tenantId], [undefined, undefined])
  assert.equal(await server.metric('lockgate_provider_failures_total{provider="smtp"}'), 1)
  assert.ok(!server.stderr.includes(PASSWORD))
})

test('the command lists them, and whoever has no permission does not', async () => {
  const environment = { LOCKGATE_URL: server.http, LOCKGATE_OPERATOR_KEY: ownerKey(dataDir) }
  const list = await lockgate(['alerts', 'list', '--state', 'all'], { environment })
  assert.equal(list.code, 0, list.stderr)
  assert.match(list.stdout, /signature-failures[\s\S]*noisy/)
  const body = { name: 'reader', role: 'viewer' } as const
  const made = await owner().call('operators.create', { body })
  assert.ok(made.ok)
  const refused = await clientOf(server.http, String(made.value.value)).call('alerts.list', {})
  assert.ok(!refused.ok && refused.problem.code === 'operation_denied')
})
