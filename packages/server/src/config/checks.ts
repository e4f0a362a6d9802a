/**
 * Checks that need more than one value: one function, run after every single value was checked.
 * Pure. Values that were refused already are placeholders and are skipped.
 */
import { checkWebhooks } from './app-webhooks.ts'
import { checkAlerts } from './alert-rules.ts'
import { checkIdentities, credentialsOf, refuseRepeated } from './check-identities.ts'
import { checkPlans, checkRegions } from './check-plans.ts'
import type { Config } from './config.ts'
import { featureOfTheSignedIn } from './open-apps.ts'
import type { Review } from './problem.ts'
import { isGuessableMasterKey, isWellKnown, MASK, weaknessOf } from './secrets.ts'

const DAY_MS = 86_400_000
/** RFC 7518 §3.2: a key of the size of the hash output or larger; this is that of HS256. */
const JWT_SECRET_BYTES_MIN = 32

/** Reports every contradiction between values, and in production everything that is too open. */
export function checkTogether(config: Config, review: Review): void {
  checkListeners(config, review)
  checkPairs(config, review)
  checkTimes(config, review)
  checkRegions(config, review)
  checkIdentities(config, review)
  checkPlans(config, review)
  checkMasks(config, review)
  checkAlerts(config, review)
  checkApps(config, review)
  checkWebhooks(config, review)
  if (config.mode === 'production') checkProduction(config, review)
}

/** Bound only where there is a certificate. */
const TLS_LISTENERS = ['https', 'mqtts']

function checkListeners(config: Config, review: Review): void {
  const isUsed = (name: string): boolean =>
    !TLS_LISTENERS.includes(name) || config.tls !== undefined
  const ports = Object.entries(config.listen).flatMap(([name, address]) => {
    const isBound = address !== 'none' && address.port !== 0 && isUsed(name)
    return isBound ? [{ path: `listen.${name}`, value: String(address.port) }] : []
  })
  refuseRepeated(ports, 'this port belongs to another listener', review)
}

/** Settings that come together, and settings that exclude each other. */
function checkPairs({ tls }: Config, review: Review): void {
  for (const [given, absent] of [
    ['tls.certFile', 'tls.keyFile'],
    ['tls.keyFile', 'tls.certFile'],
  ] as const) {
    if (!review.isGiven(given) || review.isGiven(absent)) continue
    const what = `\`${given}\` is given without \`${absent}\``
    review.object(given, { what, next: 'give both, or none to serve without TLS' })
  }
  if (review.isGiven('tls.clientCaFile') && !review.isGiven('tls.certFile')) {
    const what = '`tls.clientCaFile` is given without `tls.certFile`'
    review.object('tls.clientCaFile', { what, next: 'give `tls.certFile` and `tls.keyFile` too' })
  }
  if (tls?.clientCertificates === 'required' && !review.isGiven('tls.clientCaFile')) {
    const what = 'clients have to show a certificate, and no authority is named'
    review.object('tls.clientCertificates', { what, next: 'give `tls.clientCaFile`' })
  }
  if (review.isGiven('masterKey') && review.isGiven('masterKeyCommand')) {
    const what = 'the master key is given as a command and as a value or file'
    review.object('masterKeyCommand', { what, next: 'remove one of them' })
  }
}

function checkTimes({ tokens, secrets }: Config, review: Review): void {
  const refuse = (path: string, what: string, next: string): void => {
    if (review.isSound(path)) review.object(path, { what, next })
  }
  const { accessTokenMs, refreshFamilyMs, signingKeyTailMs, signingKeyDays } = tokens
  if (signingKeyTailMs < accessTokenMs) {
    const next = 'make it at least `tokens.accessTokenMs`'
    refuse('tokens.signingKeyTailMs', 'tokens would outlive the key that signed them', next)
  }
  if (signingKeyTailMs > signingKeyDays * DAY_MS) {
    const next = 'make it at most `tokens.signingKeyDays`'
    refuse('tokens.signingKeyTailMs', 'more than two keys would be published', next)
  }
  if (refreshFamilyMs !== 0 && refreshFamilyMs < accessTokenMs) {
    const next = 'use 0 for no end, or at least `tokens.accessTokenMs`'
    refuse('tokens.refreshFamilyMs', 'refresh tokens would end before access tokens', next)
  }
  if (secrets.overlapDefaultMs > secrets.overlapMaxMs) {
    const next = 'make it at most `secrets.overlapMaxMs`'
    refuse('secrets.overlapDefaultMs', 'this is longer than the longest overlap', next)
  }
}

function checkMasks(config: Config, review: Review): void {
  for (const { path, value } of credentialsOf(config, review).secrets) {
    if (value !== MASK || !review.isSound(path)) continue
    const what = `\`${MASK}\` only stands for a secret where one is printed`
    review.object(path, { what, next: 'give the secret itself' })
  }
}

function checkApps({ mode, tenants }: Config, review: Review): void {
  for (const app of tenants.flatMap(({ apps }) => apps)) {
    if (app.type === 'public' && app.clientSecret !== undefined) {
      const next = 'remove the secret, or make the app `confidential`'
      const what = 'a public app cannot keep a client secret'
      review.object(review.pathOf(app, 'clientSecret'), { what, next })
    }
    const { allowedOrigins, dangerousAnyOrigin } = app.settings
    const path = review.pathOf(app, 'allowedOrigins')
    if (!review.isSound(path)) continue
    const isListed = allowedOrigins.length > 0
    if (isListed && dangerousAnyOrigin) {
      const what = '`dangerousAnyOrigin` contradicts the list of origins'
      review.object(path, { what, next: 'remove one of them' })
    }
    const feature = featureOfTheSignedIn(app.settings)
    if (mode === 'production' && dangerousAnyOrigin && feature !== undefined) {
      const what = `production does not take \`${feature}\` in an app open to any origin`
      const next = `list the origins of the pages that connect, or turn \`${feature}\` off`
      review.object(review.pathOf(app, 'dangerousAnyOrigin'), { what, next })
    }
    if (mode === 'production' && !isListed && !dangerousAnyOrigin) {
      const next = 'list the origins of the pages that connect, or set `dangerousAnyOrigin: true`'
      review.object(path, { what: 'production does not take an app open to any origin', next })
    }
  }
}

function checkProduction(config: Config, review: Review): void {
  const { names, secrets } = credentialsOf(config, review)
  for (const { path, value } of names) {
    if (!isWellKnown(value) || !review.isSound(path)) continue
    const what = 'production does not take a well-known id or key'
    review.object(path, { what, next: 'choose a random one' })
  }
  const nameSet = new Set(names.map(({ value }) => value))
  for (const { path, value, kind } of secrets) {
    const isShort = kind === 'jwt' && Buffer.byteLength(value) < JWT_SECRET_BYTES_MIN
    const weakness = nameSet.has(value)
      ? 'the secret is also an id or a key'
      : isShort && !isWellKnown(value)
        ? `the secret is shorter than ${JWT_SECRET_BYTES_MIN} bytes`
        : weaknessOf(value)
    if (weakness === undefined || !review.isSound(path)) continue
    const next = 'make one with `openssl rand -hex 32`'
    review.object(path, { what: `production does not take it: ${weakness}`, next })
  }
  const { masterKey, publicUrl } = config
  if (masterKey !== undefined && isGuessableMasterKey(masterKey)) {
    const next = 'make one with `openssl rand -base64 32`'
    review.object('masterKey', { what: 'the key is not made of random bytes', next })
  }
  if (publicUrl?.startsWith('http:') === true) {
    const what = 'production does not take a public URL without TLS'
    review.object('publicUrl', { what, next: 'use https' })
  }
}
