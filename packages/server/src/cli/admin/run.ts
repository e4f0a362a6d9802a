/** Carries one command of the administration out and shows what came of it. */
import { type AdminClient, createAdminClient, type LooseInput } from '@lockgate/admin-api/client'
import { AdminProblem, AdminUnreachable } from '@lockgate/admin-api/problem'
import { version } from '../../../package.json'
import { EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_OK } from '../exit.ts'
import type { Variant } from './command-spec.ts'
import { type ConnectionFlags, findConnection } from './connection.ts'
import { parseDuration } from './duration.ts'
import { type Progress, startProgress } from './progress.ts'
import { problemLine } from './problem-text.ts'
import { printEvents } from './print-events.ts'
import { showAnswer } from './show/answer.ts'
import { printable, printableJson, printableLine } from './show/text.ts'
import { type Fields, isFields } from './show/value.ts'
import { isUnsound, verdictSentence } from './show/verdict.ts'

export interface CommonFlags extends ConnectionFlags {
  readonly json?: boolean
  readonly quiet?: boolean
  readonly all?: boolean
  readonly timeout?: string
  readonly idempotencyKey?: string
}

/** Reading is quick; verifying a long log or sealing everything under a new key may not be. */
const QUICK_TIMEOUT_SECONDS = 30
const LONG_TIMEOUT_SECONDS = 600
/** Our bound on --all: as many pages as 200,000 items fill. */
const PAGE_COUNT_MAX = 1_000

/** @returns the exit code. */
export async function runOperation(
  variant: Variant,
  input: LooseInput,
  flags: CommonFlags,
): Promise<number> {
  const { method, isStream } = variant.operation
  const isQuick = method === 'GET' && isStream !== true
  const fallback = isQuick ? QUICK_TIMEOUT_SECONDS : LONG_TIMEOUT_SECONDS
  const seconds = flags.timeout === undefined ? fallback : parseDuration(flags.timeout)
  if (seconds === undefined || seconds === 0) {
    process.stderr.write('lockgate: --timeout: use 30s, 10m or seconds\n')
    return EXIT_CONFIGURATION
  }
  const connection = await findConnection(flags, process.env)
  if (!connection.ok) {
    process.stderr.write(connection.text)
    return connection.exitCode
  }
  const { url, key } = connection
  if (isInClear(url)) process.stderr.write(CLEAR_TEXT)
  const agent = `lockgate-cli/${version}`
  const client = createAdminClient({ url, key, agent, timeoutMs: seconds * 1_000 })
  const isShown = process.stderr.isTTY && flags.quiet !== true
  const write = (text: string): void => void process.stderr.write(text)
  const progress = startProgress({ what: variant.operation.command, isShown, write, every })
  try {
    const call = { client, variant, input, flags, progress }
    if (variant.operation.isStream === true) return await printLines(call)
    if (variant.operation.isLive === true) return await printEvents(call)
    await printAnswer(call)
    return EXIT_OK
  } catch (error) {
    if (!(error instanceof AdminProblem || error instanceof AdminUnreachable)) throw error
    progress.end()
    process.stderr.write(problemLine(error, [...variant.positionals, ...variant.flags]))
    return EXIT_FAILURE
  } finally {
    progress.end()
  }
}

function every(ms: number, work: () => void): () => void {
  const timer = setInterval(work, ms)
  timer.unref()
  return () => clearInterval(timer)
}

/** An operator key over the network without TLS is anybody's who listens. */
function isInClear(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname)
}

const CLEAR_TEXT =
  'lockgate: warning: the operator key goes over the network in clear; use an https address\n'

export interface Call {
  readonly client: AdminClient
  readonly variant: Variant
  readonly input: LooseInput
  readonly flags: CommonFlags
  readonly progress: Progress
}

async function printAnswer(call: Call): Promise<void> {
  const answer = only(await answerOf(call), call.variant)
  call.progress.end()
  const { flags, variant } = call
  const width = process.stdout.isTTY ? process.stdout.columns : undefined
  const shown = showAnswer(answer, variant.operation, width)
  if (flags.json === true) process.stdout.write(`${printableJson(answer)}\n`)
  else if (flags.quiet === true) process.stdout.write(quietText(answer, shown.secrets))
  else process.stdout.write(shown.text)
  if (shown.secrets.length > 0 && flags.json !== true) process.stderr.write(SECRET_TEXT)
  if (shown.nextCursor !== undefined && flags.json !== true && flags.quiet !== true) {
    process.stderr.write(`There is more: --all, or --cursor ${printable(shown.nextCursor)}\n`)
  }
}

const SECRET_TEXT =
  'lockgate: a secret is shown above, this once; it is kept nowhere in clear. Store it now.\n'

async function answerOf({ client, variant, input, flags, progress }: Call): Promise<unknown> {
  const pages: unknown[] = []
  const isWhole = flags.all === true || Object.keys(variant.only).length > 0
  const { idempotencyKey } = flags
  const keyed = idempotencyKey === undefined ? {} : { idempotencyKey }
  let cursor: unknown
  do {
    const parameters = { ...input.parameters, ...(cursor === undefined ? {} : { cursor }) }
    const outcome = await client.send(variant.name, { ...input, parameters }, keyed)
    if (!outcome.ok) throw outcome.problem
    const answer = outcome.value
    if (!isWhole || !isFields(answer) || !Array.isArray(answer['items'])) return answer
    pages.push(...(answer['items'] as unknown[]))
    progress.advance(answer['items'].length)
    if (answer['nextCursor'] === cursor) break
    cursor = answer['nextCursor']
  } while (cursor !== undefined && pages.length < PAGE_COUNT_MAX * 200)
  return { items: pages, ...(cursor === undefined ? {} : { nextCursor: cursor }) }
}

/** Of a list, what the command is about. */
function only(answer: unknown, { only: wanted }: Variant): unknown {
  const entries = Object.entries(wanted)
  if (entries.length === 0 || !isFields(answer) || !Array.isArray(answer['items'])) return answer
  const items = answer['items'].filter(
    (item) => isFields(item) && entries.every(([name, value]) => item[name] === value),
  ) as readonly Fields[]
  return { ...answer, items }
}

/** What a list is known by, the first that its items have. */
const NAMES = ['id', 'kid', 'code', 'name'] as const

/** One word in each line, for scripts. */
function quietText(answer: unknown, secrets: readonly { readonly value: string }[]): string {
  const items: unknown = isFields(answer) ? answer['items'] : undefined
  const names = Array.isArray(items) ? items.flatMap(nameOf) : []
  const words = [...secrets.map(({ value }) => value), ...names.map(printable)]
  return words.map((word) => `${word}\n`).join('')
}

function nameOf(item: unknown): string[] {
  if (!isFields(item)) return []
  const values = NAMES.map((name) => item[name])
  return values.filter((value) => typeof value === 'string').slice(0, 1)
}

/**
 * Lines are for programs, so they are the same with and without --json; but a verdict is read by
 * people.
 * @returns the exit code: a log that is not sound, or was not verified to its end, is a failure.
 */
async function printLines({ client, variant, input, flags, progress }: Call): Promise<number> {
  const { stdout } = process
  let isSound = true
  let last: unknown
  for await (const line of client.stream(variant.name, input)) {
    last = line
    if (isUnsound(line)) isSound = false
    const sentence = flags.json === true ? undefined : verdictSentence(line)
    const isRoom = stdout.write(`${sentence ?? printableLine(line)}\n`)
    progress.advance(1)
    // A slow reader slows the server down, not the memory of this process.
    if (!isRoom) await new Promise((resolve) => stdout.once('drain', resolve))
  }
  if (variant.name === 'audit.verify' && !(isFields(last) && last['kind'] === 'verdict')) {
    progress.end()
    process.stderr.write('lockgate: the server ended before its verdict: try again\n')
    return EXIT_FAILURE
  }
  return isSound ? EXIT_OK : EXIT_FAILURE
}
