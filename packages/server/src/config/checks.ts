/**
 * Checks that need more than one value: one function, run after every single value was checked.
 * Pure. Values that were refused already are placeholders and are skipped.
 */
import type { Config } from './config.ts'
import type { Review } from './problem.ts'
import { isGuessableMasterKey, isWellKnown, MASK, weaknessOf } from './secrets.ts'

/** A value with the key path it came from. */
interface Entry {
  readonly path: string
  readonly value: string
}

/** Reports every contradiction between values, and in production everything that is too open. */
export function checkTogether(config: Config, review: Review): void {
  checkListeners(config, review)
  checkTls(review)
  checkIdentities(config, review)
  checkMasks(config, review)
  checkOrigins(config, review)
  if (config.mode === 'production') checkCredentials(config, review)
}

function checkListeners(config: Config, review: Review): void {
  const isUsed = (name: string): boolean => name !== 'https' || config.tls !== undefined
  const ports = Object.entries(config.listen)
    .filter(([name, { port }]) => port !== 0 && isUsed(name))
    .map(([name, { port }]) => ({ path: `listen.${name}`, value: String(port) }))
  refuseRepeated(ports, 'this port belongs to another listener', review)
}

function checkTls(review: Review): void {
  for (const [given, absent] of [
    ['tls.certFile', 'tls.keyFile'],
    ['tls.keyFile', 'tls.certFile'],
  ] as const) {
    if (!review.isGiven(given) || review.isGiven(absent)) continue
    const what = `\`${given}\` is given without \`${absent}\``
    review.object(given, { what, next: 'give both, or none to serve without TLS' })
  }
}

function checkIdentities(config: Config, review: Review): void {
  const { tenants } = config
  const entries = <T extends object>(declarations: readonly T[], name: keyof T & string): Entry[] =>
    declarations.map((each) => ({ path: review.pathOf(each, name), value: String(each[name]) }))
  refuseRepeated(entries(tenants, 'id'), 'another tenant has this id', review)
  refuseRepeated(entries(tenants, 'shortId'), 'another tenant has this shortId', review)
  for (const { apps } of tenants) {
    refuseRepeated(entries(apps, 'name'), 'another app of the tenant has this name', review)
  }
  const { ids, keys } = credentialsOf(config, review)
  refuseRepeated(ids, 'another app has this id', review)
  refuseRepeated(keys, 'another app or pair has this key', review)
}

/** Reports every value that stood at another path before; placeholders do not count. */
function refuseRepeated(entries: readonly Entry[], what: string, review: Review): void {
  const firsts = new Map<string, string>()
  for (const { path, value } of entries) {
    if (!review.isSound(path)) continue
    const first = firsts.get(value)
    if (first === undefined) firsts.set(value, path)
    else review.object(path, { what, next: `change this or ${review.whereOf(first)}` })
  }
}

function checkMasks(config: Config, review: Review): void {
  for (const { path, value } of credentialsOf(config, review).secrets) {
    if (value !== MASK || !review.isSound(path)) continue
    const what = `\`${MASK}\` only stands for a secret where one is printed`
    review.object(path, { what, next: 'give the secret itself' })
  }
}

function checkOrigins({ mode, tenants }: Config, review: Review): void {
  for (const app of tenants.flatMap(({ apps }) => apps)) {
    const { allowedOrigins, dangerousAnyOrigin } = app.settings
    const path = review.pathOf(app, 'allowedOrigins')
    if (!review.isSound(path)) continue
    const isListed = allowedOrigins.length > 0
    if (isListed && dangerousAnyOrigin) {
      const what = '`dangerousAnyOrigin` contradicts the list of origins'
      review.object(path, { what, next: 'remove one of them' })
    }
    if (mode === 'production' && !isListed && !dangerousAnyOrigin) {
      const next = 'list the origins of the pages that connect, or set `dangerousAnyOrigin: true`'
      review.object(path, { what: 'production does not take an app open to any origin', next })
    }
  }
}

function checkCredentials(config: Config, review: Review): void {
  const { ids, keys, secrets } = credentialsOf(config, review)
  for (const { path, value } of [...ids, ...keys]) {
    if (!isWellKnown(value) || !review.isSound(path)) continue
    const what = 'production does not take a well-known id or key'
    review.object(path, { what, next: 'choose a random one' })
  }
  const names = new Set([...ids, ...keys].map(({ value }) => value))
  for (const { path, value } of secrets) {
    const weakness = names.has(value) ? 'the secret is also an id or a key' : weaknessOf(value)
    if (weakness === undefined || !review.isSound(path)) continue
    const next = 'make one with `openssl rand -hex 32`'
    review.object(path, { what: `production does not take it: ${weakness}`, next })
  }
  const { masterKey } = config
  if (masterKey !== undefined && isGuessableMasterKey(masterKey)) {
    const next = 'make one with `openssl rand -base64 32`'
    review.object('masterKey', { what: 'the key is not made of random bytes', next })
  }
}

function credentialsOf(
  { tenants }: Config,
  review: Review,
): Readonly<Record<'ids' | 'keys' | 'secrets', readonly Entry[]>> {
  const apps = tenants.flatMap((tenant) => tenant.apps)
  const pairs = apps.flatMap((app) => app.signingKeys)
  return {
    ids: apps.map((app) => ({ path: review.pathOf(app, 'id'), value: app.id })),
    keys: pairs.map((pair) => ({ path: review.pathOf(pair, 'key'), value: pair.key })),
    secrets: pairs.map((pair) => ({ path: review.pathOf(pair, 'secret'), value: pair.secret })),
  }
}
