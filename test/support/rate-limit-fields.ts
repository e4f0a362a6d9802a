/**
 * Reads `RateLimit-Policy` and `RateLimit` as a client does that knows structured fields (RFC 9651
 * §4.2): a list of strings with parameters. Strict: what such a parser refuses throws here.
 */

type Parameters = Readonly<Record<string, number | string>>
type Item = { readonly name: string } & Parameters

export function readRateLimit(headers: Readonly<Record<string, string | null>>): {
  readonly policies: readonly Item[]
  readonly limits: readonly Item[]
} {
  return {
    policies: readList(headers['ratelimit-policy'] ?? ''),
    limits: readList(headers['ratelimit'] ?? ''),
  }
}

const ITEM =
  /^"([\x20-\x21\x23-\x5b\x5d-\x7e]*)"((?:;[a-z*][a-z0-9_.*-]*=(?:-?\d{1,15}|"[^"\\]*"))*)$/

function readList(text: string): readonly Item[] {
  if (text === '') return []
  return text.split(/,[ \t]*/).map((member) => {
    const [, name, parameters] = ITEM.exec(member) ?? []
    if (name === undefined || parameters === undefined) throw new Error(`no item: ${member}`)
    return { name, ...readParameters(parameters) }
  })
}

function readParameters(text: string): Parameters {
  const pairs = text
    .split(';')
    .slice(1)
    .map((pair) => pair.split('='))
  return Object.fromEntries(
    pairs.map(([key = '', value = '']) => {
      return [key, value.startsWith('"') ? value.slice(1, -1) : Number(value)]
    }),
  )
}
