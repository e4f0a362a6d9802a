/**
 * What names something is unique: ids, keys, codes. Pure. Part of `checks.ts`; values that were
 * refused already are placeholders and are skipped.
 */
import type { Config } from './config.ts'
import type { Review } from './problem.ts'

/** A value with the key path it came from. */
export interface Entry {
  readonly path: string
  readonly value: string
}

/** Reports every value that stood at another path before; placeholders do not count. */
export function refuseRepeated(entries: readonly Entry[], what: string, review: Review): void {
  const firsts = new Map<string, string>()
  for (const { path, value } of entries) {
    if (!review.isSound(path)) continue
    const first = firsts.get(value)
    if (first === undefined) firsts.set(value, path)
    else review.object(path, { what, next: `change this or ${review.whereOf(first)}` })
  }
}

export function checkIdentities(config: Config, review: Review): void {
  const { tenants, regions } = config
  const entries = <T extends object>(declarations: readonly T[], name: keyof T & string) =>
    declarations.flatMap((each) => entryOf(each, name, review))
  refuseRepeated(entries(regions, 'code'), 'another region has this code', review)
  // A dbCode that was left out repeats where the code does; that is one problem.
  const distinct = regions.filter((region) => review.isSound(review.pathOf(region, 'code')))
  refuseRepeated(entries(distinct, 'dbCode'), 'another region has this dbCode', review)
  refuseRepeated(entries(tenants, 'id'), 'another tenant has this id', review)
  refuseRepeated(entries(tenants, 'shortId'), 'another tenant has this shortId', review)
  for (const { apps } of tenants) {
    refuseRepeated(entries(apps, 'name'), 'another app of the tenant has this name', review)
  }
  for (const { ruleSets, integrations } of tenants) {
    const ofTenant = 'of the tenant has this name'
    refuseRepeated(entries(ruleSets, 'name'), `another rule set ${ofTenant}`, review)
    refuseRepeated(entries(integrations, 'name'), `another integration ${ofTenant}`, review)
  }
  const apps = tenants.flatMap((tenant) => tenant.apps)
  const pairs = apps.flatMap((app) => app.signingKeys)
  refuseRepeated(entries(apps, 'id'), 'another app has this id', review)
  refuseRepeated(entries(pairs, 'key'), 'another app or pair has this key', review)
  refuseRepeated(entries(apps, 'clientId'), 'another app has this clientId', review)
  for (const { jwtSecrets } of apps) {
    refuseRepeated(entries(jwtSecrets, 'kid'), 'another secret of the app has this kid', review)
  }
  for (const { mqttUsers } of apps) {
    refuseRepeated(entries(mqttUsers, 'name'), 'another MQTT user of the app has this name', review)
  }
  for (const { webhooks } of apps) {
    refuseRepeated(entries(webhooks, 'name'), 'another webhook of the app has this name', review)
  }
  const keys = [...config.operatorKeys, ...apps.flatMap((app) => app.apiKeys)]
  const keyIds = entries<{ readonly value: string }>(keys, 'value').map(({ path, value }) => ({
    path,
    value: value.slice(0, value.lastIndexOf('_')), // Prefix and key id; the secret is behind it.
  }))
  refuseRepeated(keyIds, 'another entry has a key with this id', review)
}

/** A secret; `jwt` ones sign tokens and have a length of their own. */
export interface SecretEntry extends Entry {
  readonly kind: 'jwt' | 'other'
}

/** @returns every public name that could be guessed, and every secret. */
export function credentialsOf(
  { tenants, operatorKeys }: Config,
  review: Review,
): { readonly names: readonly Entry[]; readonly secrets: readonly SecretEntry[] } {
  const apps = tenants.flatMap((tenant) => tenant.apps)
  const pairs = apps.flatMap((app) => app.signingKeys)
  const of = <T extends object>(each: T, name: keyof T & string, kind: SecretEntry['kind']) =>
    entryOf(each, name, review).map((entry) => ({ ...entry, kind }))
  return {
    names: [
      ...apps.flatMap((app) => entryOf(app, 'id', review)),
      ...apps.flatMap((app) => entryOf(app, 'clientId', review)),
      ...pairs.flatMap((pair) => entryOf(pair, 'key', review)),
    ],
    secrets: [
      ...operatorKeys.flatMap((key) => of(key, 'value', 'other')),
      ...pairs.flatMap((pair) => of(pair, 'secret', 'other')),
      ...apps.flatMap((app) => of(app, 'clientSecret', 'other')),
      ...apps.flatMap((app) => app.apiKeys.flatMap((key) => of(key, 'value', 'other'))),
      ...apps.flatMap((app) => app.jwtSecrets.flatMap((each) => of(each, 'value', 'jwt'))),
      ...apps.flatMap((app) => app.mqttUsers.flatMap((each) => of(each, 'password', 'other'))),
      ...apps.flatMap((app) => app.webhooks.flatMap((each) => of(each, 'secret', 'other'))),
    ],
  }
}

/** @returns nothing for an absent field. */
function entryOf<T extends object>(each: T, name: keyof T & string, review: Review): Entry[] {
  const value = each[name]
  return value === undefined ? [] : [{ path: review.pathOf(each, name), value: String(value) }]
}
