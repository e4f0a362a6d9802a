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

/** @returns undefined where the app has no such secret: it was made by an older version. */
export function signDemoToken(
  { app, credentials }: LoadedApp,
  { nowMs, random }: { readonly nowMs: number; readonly random: Random },
): string | undefined {
  const credential = credentials.find(
    ({ record }) => record.kind === 'jwt_secret' && record.name === DEMO_JWT_SECRET,
  )
  const version = credential && currentVersion(credential.record)
  const secret = version && credential?.secrets.get(version.id)
  if (secret === undefined) return undefined
  const fresh = () => Buffer.from(random.bytes(USER_BYTES)).toString('hex')
  const iat = Math.floor(nowMs / 1000)
  const input = [
    { alg: 'HS256', typ: 'JWT' },
    {
      appId: app.id,
      sub: `guest-${fresh()}`,
      jti: fresh(),
      iat,
      exp: iat + DEMO_TOKEN_SECONDS,
      permissions: PERMISSIONS,
    },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}
