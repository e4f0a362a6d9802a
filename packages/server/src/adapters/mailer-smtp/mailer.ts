/**
 * Mail through an SMTP server, by nodemailer: one connection for each mail. TLS 1.2 or later with a
 * certificate that is verified, from the start (`smtps`) or by STARTTLS (RFC 3207), which a server
 * has to offer: without it neither the password nor the mail leaves. On this machine plain is fine.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { connect, isIP, type Socket } from 'node:net'
import { createTransport } from 'nodemailer'
import type SMTPTransport from 'nodemailer/lib/smtp-transport/index.js'
import { type Mail, MAIL_MS_MAX, type Mailer, type MailRefusal } from '../../ports/mailer.ts'
import { Outage } from '../../ports/outage.ts'

/** Our bounds on how long a server may take. */
const CONNECT_MS_MAX = 10_000
const SILENT_MS_MAX = 20_000
const SUBJECT_LENGTH_MAX = 200

export interface SmtpOptions {
  /** `smtps://host:port` or `smtp://host:port`. */
  readonly url: string
  readonly user: string | undefined
  readonly password: string | undefined
  /** An address. */
  readonly from: string
  /** Of a certification authority of one's own, in PEM. */
  readonly ca?: string
  /** Unset: unless the server is on this machine. */
  readonly isTlsRequired?: boolean
  /** How long the server may be silent; {@link SILENT_MS_MAX} if unset. */
  readonly silentMsMax?: number
}

/** @returns undefined where no server, or nobody to send as, is given. */
export function smtpMailerOf(
  options: Omit<SmtpOptions, 'url' | 'from'> & {
    readonly url: string | undefined
    readonly from: string | undefined
  },
): Mailer | undefined {
  const { url, from } = options
  return url === undefined || from === undefined
    ? undefined
    : createSmtpMailer({ ...options, url, from })
}

export function createSmtpMailer(options: SmtpOptions): Mailer {
  const { user, password, from, ca, silentMsMax = SILENT_MS_MAX } = options
  const { protocol, hostname, port } = new URL(options.url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const isTlsRequired = options.isTlsRequired ?? !isLoopback(host)
  const settings = {
    host,
    port: Number(port),
    secure: protocol === 'smtps:',
    requireTLS: isTlsRequired,
    // A server on this machine often offers a certificate that nobody vouches for.
    ignoreTLS: !isTlsRequired,
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
    tls: {
      minVersion: 'TLSv1.2' as const,
      rejectUnauthorized: true,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }),
    },
    greetingTimeout: silentMsMax,
    socketTimeout: silentMsMax,
    // Nothing in a mail is read from a file or fetched from anywhere.
    disableFileAccess: true,
    disableUrlAccess: true,
  }
  return {
    async send(
      { to, subject, text }: Mail,
      timeMsMax: number = MAIL_MS_MAX,
    ): Promise<Result<true, MailRefusal>> {
      const line = openLine({ host, port: settings.port }, timeMsMax)
      try {
        await createTransport({ ...settings, getSocket: line.getSocket }).sendMail({
          from: { name: '', address: from },
          to: to.map((address) => ({ name: '', address })),
          subject: oneLine(subject),
          text,
          // RFC 3834 §5: nobody answers by a machine.
          headers: { 'auto-submitted': 'auto-generated' },
        })
        return ok(true)
      } catch (error) {
        return refusalOf(line.isTimeOver() ? TIME_OVER : error)
      } finally {
        line.close()
      }
    },
  }
}

const TIME_OVER = { code: 'ETIMEDOUT' }

/**
 * A connection of our own, so that it can be cut off: nodemailer waits as long as a server says
 * something now and then, and a stop of ours would wait with it.
 */
function openLine(to: { readonly host: string; readonly port: number }, timeMsMax: number) {
  let socket: Socket | undefined
  let isOver = false
  const timer = setTimeout(() => {
    isOver = true
    socket?.destroy(new Error('the time is over'))
  }, timeMsMax)
  const getSocket: NonNullable<SMTPTransport.Options['getSocket']> = (_options, done) => {
    const opened = connect({ ...to, timeout: CONNECT_MS_MAX })
    socket = opened
    opened.once('timeout', () => opened.destroy(Object.assign(new Error('slow'), TIME_OVER)))
    opened.once('error', (error) => done(error, undefined))
    opened.once('connect', () => {
      opened.removeAllListeners().setTimeout(0)
      done(null, { connection: opened })
    })
  }
  const close = () => {
    clearTimeout(timer)
    socket?.destroy()
  }
  return { getSocket, isTimeOver: () => isOver, close }
}

/** @throws Outage for whatever may be better later. Nothing the server said is repeated. */
function refusalOf(error: unknown): Result<never, MailRefusal> {
  const { code, responseCode } = (error ?? {}) as { code?: unknown; responseCode?: unknown }
  const isForGood = typeof responseCode === 'number' && responseCode >= 500
  if (code === 'EAUTH' && isForGood) return refuse('credential_refused')
  if (code === 'EENVELOPE' && isForGood) return refuse('recipient_refused')
  if (code === 'EMESSAGE' && isForGood) return refuse('mail_refused')
  const reason = typeof code === 'string' && /^[A-Z_]{1,32}$/.test(code) ? code : 'unknown'
  throw new Outage('mail_unavailable', `the mail server did not take the mail (${reason})`, {
    port: 'mailer',
  })
}

/** A line end would begin another header; other control characters have no business there. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, SUBJECT_LENGTH_MAX)
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}
