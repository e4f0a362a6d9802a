/** What a server can tell of itself while it runs, by name; one table for everybody who filters. */

/** Kept for a while and told to everybody who watches. */
export const KEPT_EVENT_TYPES = [
  'connection.opened',
  'connection.closed',
  'auth.failed',
  'auth.denied',
  'rate_limit.exceeded',
  'rate_limit.warned',
  'credential.changed',
  'webhook.failed',
  'webhook.disabled',
  'provider.failed',
  'alert.raised',
  'alert.resolved',
] as const

/** Told to who names them, and kept only while somebody does: there are as many as messages. */
export const NAMED_EVENT_TYPES = [
  'channel.occupied',
  'channel.vacated',
  'subscription_count',
  'presence.enter',
  'presence.leave',
  'message.published',
  'client_event',
  'cache_miss',
] as const

export type EventType = (typeof KEPT_EVENT_TYPES)[number] | (typeof NAMED_EVENT_TYPES)[number]

const ALL: readonly EventType[] = [...KEPT_EVENT_TYPES, ...NAMED_EVENT_TYPES]

/**
 * @param text names separated by commas; `auth.*` stands for every name that begins with `auth.`.
 * @returns the types it names, those that are kept where it is undefined; or the word that names
 * none.
 */
export function readEventTypes(
  text: string | undefined,
): { readonly ok: true; readonly types: ReadonlySet<EventType> } | UnknownType {
  if (text === undefined) return { ok: true, types: new Set(KEPT_EVENT_TYPES) }
  const types = new Set<EventType>()
  for (const word of text.split(',').map((each) => each.trim())) {
    const named = word.endsWith('.*')
      ? ALL.filter((type) => type.startsWith(word.slice(0, -1)))
      : ALL.filter((type) => type === word)
    if (named.length === 0) return { ok: false, word }
    for (const type of named) types.add(type)
  }
  return { ok: true, types }
}

interface UnknownType {
  readonly ok: false
  readonly word: string
}
