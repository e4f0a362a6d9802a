import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { type AddressInfo, createServer } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { makeCertificate } from '../../../../../test/support/certificate.ts'
import { Outage } from '../../ports/outage.ts'
import { createSmtpMailer, type SmtpOptions } from './mailer.ts'

const MAIL = { to: ['ops@example.com'], subject: 'An alert', text: 'What happened\n' }
const FROM = 'lockgate@example.com'

let certificate: { readonly cert: string; readonly key: string }
beforeAll(() => {
  certificate = makeCertificate('localhost', 'DNS:localhost')
})

interface Taken {
  readonly text: string
  readonly isSecure: boolean
  readonly user: string | undefined
  readonly recipients: readonly string[]
}

let taken: Taken[]
let server: SMTPServer | undefined
afterEach(async () => {
  await new Promise<void>((resolve) => {
    if (server === undefined) resolve()
    else server.close(() => resolve())
  })
  server = undefined
})

/** @returns its port. */
async function serve(options: SMTPServerOptions = {}): Promise<number> {
  taken = []
  server = new SMTPServer({
    ...certificate,
    authOptional: true,
    logger: false,
    onAuth: ({ username, password }, _session, done) => {
      if (password === 'right') done(null, { user: username })
      else done(Object.assign(new Error(`535 no ${String(password)}`), { responseCode: 535 }))
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const { secure, user, envelope } = session
        taken.push({
          text: Buffer.concat(chunks).toString('utf8'),
          isSecure: secure,
          user: user as string | undefined,
          recipients: envelope.rcptTo.map(({ address }) => address),
        })
        done()
      })
    },
    ...options,
  })
  server.on('error', () => {}) // clients that go away are the subject of these tests
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', () => resolve())
  await promise
  return (server.server.address() as AddressInfo).port
}

function mailerTo(port: number, more: Partial<SmtpOptions> = {}, scheme = 'smtp') {
  const nobody = { user: undefined, password: undefined, from: FROM, ca: certificate.cert }
  return createSmtpMailer({ url: `${scheme}://localhost:${port}`, ...nobody, ...more })
}

async function outageOf(work: Promise<unknown>): Promise<Outage> {
  const failure = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(failure instanceof Outage)) throw new Error(`no outage: ${String(failure)}`)
  return failure
}

describe('a mail', () => {
  test('arrives over TLS from the start, with the name and password', async () => {
    const port = await serve({ secure: true })
    const login = { user: 'lockgate', password: 'right', isTlsRequired: true }
    expect(await mailerTo(port, login, 'smtps').send(MAIL)).toMatchObject({ ok: true })
    expect(taken).toMatchObject([{ isSecure: true, user: 'lockgate', recipients: MAIL.to }])
    const { text } = taken[0] ?? { text: '' }
    expect(text).toMatch(/^From: lockgate@example\.com\r$/m)
    expect(text).toMatch(/^Subject: An alert\r$/m)
    expect(text).toMatch(/^Auto-Submitted: auto-generated\r$/im)
    expect(text).toEndWith('What happened\r\n')
  })

  test('arrives by STARTTLS', async () => {
    const port = await serve()
    const login = { user: 'lockgate', password: 'right', isTlsRequired: true }
    expect(await mailerTo(port, login).send(MAIL)).toMatchObject({ ok: true })
    expect(taken).toMatchObject([{ isSecure: true, user: 'lockgate' }])
  })

  test('goes in clear to this machine only', async () => {
    const port = await serve({ disabledCommands: ['STARTTLS'], hideSTARTTLS: true })
    expect(await mailerTo(port).send(MAIL)).toMatchObject({ ok: true })
    expect(taken).toMatchObject([{ isSecure: false }])
    const failure = await outageOf(mailerTo(port, { isTlsRequired: true }).send(MAIL))
    expect(failure.code).toBe('mail_unavailable')
    expect(taken).toHaveLength(1)
  })

  test('goes to no server that cannot prove its name, and neither does the password', async () => {
    const passwords: unknown[] = []
    const port = await serve({
      onAuth: ({ password }, _session, done) => {
        passwords.push(password)
        done(null, { user: 'x' })
      },
    })
    const login = { user: 'lockgate', password: 'right', from: FROM }
    const url = `smtp://localhost:${port}`
    const mailer = createSmtpMailer({ url, ...login, isTlsRequired: true })
    await outageOf(mailer.send(MAIL))
    expect(passwords).toEqual([])
    expect(taken).toEqual([])
  })
})

describe('a refusal', () => {
  test('of the password says so, and nothing of what was sent', async () => {
    const port = await serve()
    const login = { user: 'lockgate', password: 'wrong-and-secret', isTlsRequired: true }
    const outcome = await mailerTo(port, login).send(MAIL)
    expect(outcome).toMatchObject({ ok: false, refusal: 'credential_refused' })
    expect(JSON.stringify(outcome)).not.toContain('wrong-and-secret')
  })

  test('for good is a value, one for now is an outage', async () => {
    const answerWith = (responseCode: number): SMTPServerOptions => ({
      onRcptTo: (_address, _session, done) => {
        done(Object.assign(new Error('no'), { responseCode }))
      },
    })
    const forGood = await mailerTo(await serve(answerWith(550))).send(MAIL)
    expect(forGood).toMatchObject({ refusal: 'recipient_refused' })
    server?.close()
    await outageOf(mailerTo(await serve(answerWith(451))).send(MAIL))
  })

  test('of the connection is an outage that says what it was', async () => {
    const port = await serve()
    await new Promise<void>((resolve) => server?.close(() => resolve()))
    server = undefined
    const failure = await outageOf(mailerTo(port).send(MAIL))
    expect(failure.message).toMatch(/\([A-Z_]+\)$/)
  })
})

test('a server that says nothing is left after a while', async () => {
  await serve()
  const silent = createServer(() => {})
  const { promise, resolve } = Promise.withResolvers<void>()
  silent.listen(0, '127.0.0.1', () => resolve())
  await promise
  const { port } = silent.address() as AddressInfo
  const failure = await outageOf(mailerTo(port, { silentMsMax: 50 }).send(MAIL))
  expect(failure.message).toContain('ETIMEDOUT')
  silent.close()
})

test('a server that goes on talking and takes nothing is left after the time, and cut off', async () => {
  const timers: NodeJS.Timeout[] = []
  const { promise: closed, resolve: onClose } = Promise.withResolvers<void>()
  const dripping = createServer((socket) => {
    socket.write('220 hello\r\n')
    // An answer without end: never silent, and never done.
    socket.once('data', () => {
      timers.push(setInterval(() => socket.write('250-wait\r\n'), 5))
    })
    socket.on('error', () => {})
    socket.on('close', () => onClose())
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  dripping.listen(0, '127.0.0.1', () => resolve())
  await promise
  const { port } = dripping.address() as AddressInfo
  const failure = await outageOf(mailerTo(port).send(MAIL, 100))
  expect(failure.message).toContain('ETIMEDOUT')
  await closed
  for (const timer of timers) clearInterval(timer)
  dripping.close()
})

test('no text can add a header, a recipient or another mail', async () => {
  const port = await serve()
  const evil = 'x\r\nBcc: thief@example.com\r\n\r\nbody\r\n.\r\nMAIL FROM:<a@b.c>\u2028\u0000'
  await mailerTo(port).send({ to: MAIL.to, subject: evil, text: `${evil}\r\n.\r\nRCPT TO:<x@y.z>` })
  expect(taken).toHaveLength(1)
  expect(taken[0]?.recipients).toEqual(MAIL.to)
  const [head = ''] = taken[0]?.text.split('\r\n\r\n') ?? []
  const names = head.split('\r\n').flatMap((line) => /^([A-Za-z-]+):/.exec(line)?.[1] ?? [])
  expect(names.map((name) => name.toLowerCase()).sort()).toEqual([
    'auto-submitted',
    'content-transfer-encoding',
    'content-type',
    'date',
    'from',
    'message-id',
    'mime-version',
    'subject',
    'to',
  ])
})
