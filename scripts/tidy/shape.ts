/**
 * Rules on the shape of source files: swallowed errors, size, line length, leftovers, paths of one
 * machine, and files nothing uses. Function length is the linter's business.
 */
import { posix } from 'node:path'
import type { Finding } from './finding.ts'
import { lineAt, type SourceFile, type Tree } from './tree.ts'

export const FILE_LINES_MAX = 300
export const LINE_CHARACTERS_MAX = 100
/** The name of a test is one sentence and is not broken. */
export const TEST_LINE_CHARACTERS_MAX = 116

/** Long by nature: tables that would be harder to read in pieces. Nothing else belongs here. */
const LONG_FILES: ReadonlySet<string> = new Set(['packages/server/src/config/schema.ts'])

const EMPTY_CATCH = /\bcatch\s*(?:\([^)]*\)\s*)?\{\s*\}/g
const EMPTY_HANDLER =
  /\.catch\(\s*(?:async\s*)?\(?\w*\)?\s*=>\s*(?:\{\s*\}|undefined|null)\s*,?\s*\)/g

/** The letters are in brackets so that this file does not find itself. */
const LEFTOVER = /\b(?:[T]ODO|[F]IXME|[X]XX|[H]ACK)\b/g
const NOT_RUN = /\b(?:test|it|describe)\s*\.\s*(?:only|skip|todo)\b/g
const MACHINE_PATH = /(?<![\w.~}-])\/(?:work|root|tmp|(?:home|Users)\/\w+)\/[\w.]/g

/** @returns findings of every rule of this file, in the order of the files. */
export function checkShape(tree: Tree): Finding[] {
  return [
    ...tree.sources.flatMap(checkSource),
    ...[...tree.sources, ...tree.pages].flatMap(checkLeftovers),
    ...checkReachable(tree),
  ]
}

function checkSource(source: SourceFile): Finding[] {
  const findings: Finding[] = []
  const report = (line: number, text: Pick<Finding, 'what' | 'why' | 'remedy'>) =>
    findings.push({ file: source.path, line, ...text })
  for (const pattern of [EMPTY_CATCH, EMPTY_HANDLER]) {
    for (const match of source.codeOnly.matchAll(pattern)) {
      report(lineAt(source.text, match.index), {
        what: 'an error is caught and dropped',
        why: 'a failure nobody sees is read as success',
        remedy: 'return a refusal, log it, or let it go through',
      })
    }
  }
  for (const match of source.codeOnly.matchAll(NOT_RUN)) {
    report(lineAt(source.text, match.index), {
      what: `${match[0]} keeps tests from running`,
      why: 'the count of passed tests would promise more than was checked',
      remedy: 'run it, or delete it',
    })
  }
  const lines = source.text.split('\n')
  lines.forEach((line, index) => {
    const charactersMax = source.isTest ? TEST_LINE_CHARACTERS_MAX : LINE_CHARACTERS_MAX
    if (line.length <= charactersMax) return
    report(index + 1, {
      what: `line of ${line.length} characters`,
      why: `two files side by side show ${LINE_CHARACTERS_MAX}`,
      remedy: 'break it',
    })
  })
  const lineCount = lines.at(-1) === '' ? lines.length - 1 : lines.length
  if (lineCount > FILE_LINES_MAX && !isLongByNature(source)) {
    report(FILE_LINES_MAX + 1, {
      what: `file of ${lineCount} lines`,
      why: `more than ${FILE_LINES_MAX} lines are more than one idea`,
      remedy: 'move one idea to a file of its own',
    })
  }
  return findings
}

function isLongByNature({ path }: SourceFile): boolean {
  return LONG_FILES.has(path) || /\.test\.[a-z]+$/.test(path)
}

function checkLeftovers({ path, text }: { path: string; text: string }): Finding[] {
  const findings: Finding[] = []
  for (const match of text.matchAll(LEFTOVER)) {
    findings.push({
      file: path,
      line: lineAt(text, match.index),
      what: `leftover marker ${match[0]}`,
      why: 'nobody comes back for it',
      remedy: 'do it now, or write down in docs/status.md what is missing',
    })
  }
  for (const match of text.matchAll(MACHINE_PATH)) {
    findings.push({
      file: path,
      line: lineAt(text, match.index),
      what: `path of one machine (${match[0]}…)`,
      why: 'it exists nowhere else',
      remedy: "use a path below the checkout, or node:os's tmpdir()",
    })
  }
  return findings
}

/** Sent to browsers as they are; what loads them names them as text. */
const SERVED_FILE = /^packages\/[^/]+\/assets\//

/** Product files must be used by the product: a file only its test imports is dead too. */
function checkReachable(tree: Tree): Finding[] {
  const isEntry = ({ path, isTest }: SourceFile) =>
    isTest || entriesOf(tree).has(path) || SERVED_FILE.test(path)
  const used = reach(tree, tree.sources.filter(isEntry))
  const product = tree.sources.filter((each) => !/\.test\.[a-z]+$/.test(each.path) && isEntry(each))
  const usedByProduct = reach(tree, product)
  return tree.sources
    .filter(
      ({ path, isTest }) => !isTest && path.startsWith('packages/') && !usedByProduct.has(path),
    )
    .map(({ path }) => ({
      file: path,
      line: 1,
      what: used.has(path) ? 'only tests use this file' : 'nothing uses this file',
      why: 'it is reached from no main.ts, bin, package export, worker or script',
      remedy: used.has(path) ? 'use it, delete it, or move it to test/' : 'use it or delete it',
    }))
}

/** Where a process or another package enters: main.ts, bin, exports without a wildcard. */
function entriesOf({ manifests, files }: Tree): Set<string> {
  const entries = new Set<string>()
  for (const [folder, { main, bin, exports }] of manifests) {
    entries.add(`${folder}/src/main.ts`)
    for (const each of [main, bin, exports].flatMap(pathsIn)) {
      entries.add(posix.join(folder, each))
      // What is built keeps its place below `dist`: dist/NAME/src/x.js comes of NAME/src/x.ts.
      const built = /^\.\/dist\/(.+)\.js$/.exec(each)
      if (built !== null) entries.add(`packages/${built[1]}.ts`)
    }
  }
  return new Set([...entries].filter((each) => files.has(each)))
}

/** The paths a field of a manifest names, whatever the conditions. */
function pathsIn(field: unknown): string[] {
  if (typeof field === 'string') return [field]
  return typeof field === 'object' && field !== null ? Object.values(field).flatMap(pathsIn) : []
}

function reach({ sources }: Tree, entries: readonly SourceFile[]): Set<string> {
  const byPath = new Map(sources.map((each) => [each.path, each]))
  const reached = new Set<string>()
  const waiting = entries.map(({ path }) => path)
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    for (const { file } of byPath.get(path)?.imports ?? [])
      if (file !== undefined) waiting.push(file)
  }
  return reached
}
