/**
 * Tokens for the example pages: what a backend of the demo app would sign for one of its users, by
 * the JWT secret of the app (docs/customer-tokens.md).
 */
import { createHmac } from 'node:crypto'
import type { Random } from '../ports/random.ts'
import type { LoadedApp } from './app-directory.ts'
import { currentVersion } from './engine/reading.ts'

/** Ours: pages ask for the next one themselves. */
export const DEMO_TOKEN_SECONDS = 600

/** By this name the demo app's secret is found. */
export const DEMO_JWT_SECRET = 'examples'

/** The channel of the chat and the document of the editor, and nothing else. */
const PERMISSIONS = [
  { channel: 'chat:*', actions: ['subscribe', 'publish', 'presence', 'history'] },
  { channel: 'notes', actions: ['subscribe', 'publish'] },
]
const USER_BYTES = 8
const GUEST = /^guest-[0-9a-f]{16}$/

/** Whether a page may go on as who it was: real backends know that by their own sessions. */
export function isGuest(text: string): boolean {
  return GUEST.test(text)
}

/**
 * @param guest who the page was before, as {@link isGuest} has it; undefined: somebody new.
 * @returns undefined where the app has no such secret: it was made by an older version.
 */
export function signDemoToken(
  { app, credentials }: LoadedApp,
  of: { readonly guest: string | undefined; readonly nowMs: number; readonly random: Random },
): { readonly token: string; readonly guest: string } | undefined {
  const { nowMs, random } = of
  const credential = credentials.find(
    ({ record }) => record.kind === 'jwt_secret' && record.name === DEMO_JWT_SECRET,
  )
  const version = credential && currentVersion(credential.record)
  const secret = version && credential?.secrets.get(version.id)
  if (secret === undefined) return undefined
  const fresh = () => Buffer.from(random.bytes(USER_BYTES)).toString('hex')
  const guest = of.guest ?? `guest-${fresh()}`
  const iat = Math.floor(nowMs / 1000)
  const input = [
    { alg: 'HS256', typ: 'JWT' },
    {
      appId: app.id,
      sub: guest,
      jti: fresh(),
      iat,
      exp: iat + DEMO_TOKEN_SECONDS,
      permissions: PERMISSIONS,
    },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const signature = createHmac('sha256', secret).update(input).digest('base64url')
  return { token: `${input}.${signature}`, guest }
}
