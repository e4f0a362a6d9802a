/**
 * What a query of Prometheus names: metrics, labels, functions. Enough of the language for what is
 * in `deploy/`; what it does not understand it reports.
 */

export interface NamedInQuery {
  readonly metrics: readonly string[]
  /** Each with the metrics whose label it would have to be; any one of them. */
  readonly labels: readonly { readonly name: string; readonly of: readonly string[] }[]
  readonly problems: readonly string[]
}

const FUNCTIONS: ReadonlySet<string> = new Set(
  'sum max min avg count rate increase delta histogram_quantile label_values'.split(' '),
)
const WORDS: ReadonlySet<string> = new Set(['and', 'or', 'unless', 'bool', 'offset'])

/** @param query an expression, or `label_values(...)` of a dashboard. */
export function namedInQuery(query: string): NamedInQuery {
  const problems: string[] = []
  const labels: { name: string; of: string[] }[] = []
  const texts = query.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')
  if (!isBalanced(texts)) problems.push(`brackets do not fit: ${query}`)
  const selected = texts.replaceAll(/(\w+)\{([^{}]*)\}/g, (_, metric: string, inside: string) => {
    for (const part of inside.split(',').filter((each) => each.trim() !== '')) {
      const [, name] = /^\s*(\w+)\s*(?:=~|!~|!=|=)\s*""\s*$/.exec(part) ?? []
      if (name === undefined) problems.push(`this is no matcher: ${part}`)
      else labels.push({ name, of: [metric] })
    }
    return metric
  })
  const grouped: string[] = []
  const plain = selected
    .replaceAll(/\b(?:by|without|on|ignoring)\s*\(([^()]*)\)/g, (_, inside: string) => {
      grouped.push(...inside.split(',').map((each) => each.trim()))
      return ''
    })
    .replaceAll(/\[(?:\d+[smhd]|\$__rate_interval)\]/g, '')
    .replaceAll(/\blabel_values\(\s*(\w+)\s*,\s*(\w+)\s*\)/g, (_, metric: string, name: string) => {
      grouped.push(name)
      return metric
    })
  const metrics: string[] = []
  for (const [, word = '', call] of plain.matchAll(/\b([a-z_]\w*)\b(\s*\()?/gi)) {
    if (call === undefined && !WORDS.has(word)) metrics.push(word)
    else if (call !== undefined && !FUNCTIONS.has(word)) problems.push(`no function: ${word}`)
  }
  if (/[^\w\s().*/+<>=!-]/.test(plain)) problems.push(`not understood: ${plain}`)
  labels.push(...grouped.map((name) => ({ name, of: metrics })))
  return { metrics, labels, problems }
}

function isBalanced(text: string): boolean {
  const open: string[] = []
  const pairs: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' }
  for (const character of text) {
    if ('([{'.includes(character)) open.push(character)
    const opening = pairs[character]
    if (opening !== undefined && open.pop() !== opening) return false
  }
  return open.length === 0
}
