/** What a person is told when a call does not work: one line that says what to do next. Pure. */
import { AdminProblem, type AdminUnreachable } from '@lockgate/admin-api/problem'
import type { Field } from './field.ts'
import { boundsOf } from './flag-text.ts'
import { printable } from './show/text.ts'

/** @returns one line with its line end. */
export function problemLine(
  problem: AdminProblem | AdminUnreachable,
  fields: readonly Field[],
): string {
  const text = problem instanceof AdminProblem ? refusal(problem, fields) : unreachable(problem)
  return `lockgate: ${printable(text)}\n`
}

function refusal(problem: AdminProblem, fields: readonly Field[]): string {
  const { code, title, detail, errors, retryAfterSeconds, status } = problem
  const wrong = errors.map(({ path, message }) => wrongField(path, message, fields))
  // With the fields named, the sentence that points at them says nothing more.
  const more = wrong.length > 0 ? wrong.join('; ') : said(detail, fields)
  const wait = retryAfterSeconds === undefined ? '' : ` Try again in ${retryAfterSeconds} s.`
  const hint = HINTS[code] ?? (status === 401 ? HINTS['credential_invalid'] : undefined)
  const next = hint === undefined ? '' : ` ${hint}`
  return `${title}${more === undefined ? '' : ` ${more}`}${next}${wait} (${code})`
}

/** What only the command line knows: its own flags. */
const HINTS: Readonly<Record<string, string>> = {
  credential_invalid:
    'Name another operator key with --operator-key-file; this server may not be the one it is of.',
  operation_denied: '`lockgate whoami` says what role and tenant the operator key has.',
  not_found: 'Look at the id; a key of one tenant finds nothing of others.',
  answer_unexpected: 'Name the HTTP address of the server with --url.',
}

/** `body.overlapSeconds` -> `--overlap`, as it was typed, and its range in the unit of the flag. */
function wrongField(path: string, message: string, fields: readonly Field[]): string {
  const [where, ...names] = path.split('.')
  // A field inside an object has a flag of its own, and so has the object.
  const [field] = fields
    .filter((each) => each.where === where && each.path.every((name, at) => name === names[at]))
    .sort((a, b) => b.path.length - a.path.length)
  if (field === undefined) return `${names.join('.')}: ${message}`
  const range = /^Too (?:big|small)/.test(message) ? boundsOf(field) : ''
  return `--${field.flag}: ${range === '' ? message : range}`
}

/** A sentence of the server names fields as the wire does: `tenantId` is typed `--tenant-id`. */
function said(detail: string | undefined, fields: readonly Field[]): string | undefined {
  return detail?.replaceAll(/\b[a-z]+(?:[A-Z][a-z]+)+\b/g, (name) => {
    const field = fields.find(({ path }) => path.length === 1 && path[0] === name)
    return field === undefined ? name : `--${field.flag}`
  })
}

const START = 'start the server with `lockgate serve`, or name its address with --url'
const LOOK = 'it may have been carried out; look, then try again'

function unreachable({ url, reason }: AdminUnreachable): string {
  switch (reason) {
    case 'connection':
      return `nothing answers at ${url}: ${START}`
    case 'timeout':
      return `no answer in time from ${url}: ${LOOK} with a longer --timeout`
    case 'cut_off':
      return `the answer from ${url} broke off: ${LOOK}`
  }
}
