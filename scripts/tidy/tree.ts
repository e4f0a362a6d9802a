/**
 * The checkout as the tidy rules see it: every source file and page, read once, with its imports
 * resolved. Reads files; the rules that take a {@link Tree} are pure.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { type BlankedSource, blank } from './lexer.ts'

export interface Import {
  readonly specifier: string
  readonly line: number
  /** Path from the root of the file meant, when it is one of the checkout; else undefined. */
  readonly file: string | undefined
}

export interface SourceFile extends BlankedSource {
  readonly path: string
  readonly text: string
  readonly imports: readonly Import[]
  readonly isTest: boolean
}

export interface Page {
  readonly path: string
  readonly text: string
}

export interface Tree {
  readonly sources: readonly SourceFile[]
  /** Markdown. */
  readonly pages: readonly Page[]
  /** Every file of the checkout, kept to resolve links and imports. */
  readonly files: ReadonlySet<string>
  /** `package.json` of each workspace by its folder: `packages/server` -> parsed JSON. */
  readonly manifests: ReadonlyMap<string, Manifest>
}

export interface Manifest {
  readonly name?: string
  readonly main?: string
  readonly bin?: string | Readonly<Record<string, string>>
  readonly exports?: string | Readonly<Record<string, unknown>>
}

const IGNORED_FOLDERS = new Set(['node_modules', '.git', '.cache', 'data', 'generated', 'dist'])
const SOURCE_ENDING = /\.(?:ts|mts|tsx|js|mjs|cjs)$/
const IMPORT_START = /\bfrom\s*(?=['"])|\bimport\s*(?:\(\s*)?(?=['"])|\bnew\s+URL\(\s*(?=['"])/g

/** Reads the checkout below `root`. */
export function readTree(root: string): Tree {
  const files = new Set(listFiles(root, ''))
  const manifests = new Map<string, Manifest>()
  for (const path of files) {
    if (!/^packages\/[^/]+\/package\.json$/.test(path)) continue
    manifests.set(
      posix.dirname(path),
      JSON.parse(readFileSync(join(root, path), 'utf8')) as Manifest,
    )
  }
  const sources: SourceFile[] = []
  const pages: Page[] = []
  for (const path of [...files].sort()) {
    if (SOURCE_ENDING.test(path)) {
      const text = readFileSync(join(root, path), 'utf8')
      const blanked = blank(text)
      const imports = findImports(text, blanked.codeOnly).map(({ specifier, line }) => ({
        specifier,
        line,
        file: resolveImport({ files, manifests }, path, specifier),
      }))
      sources.push({ path, text, ...blanked, imports, isTest: isTestPath(path) })
    } else if (path.endsWith('.md')) {
      pages.push({ path, text: readFileSync(join(root, path), 'utf8') })
    }
  }
  return { sources, pages, files, manifests }
}

/** From 1. */
export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1))
    line += 1
  return line
}

/**
 * Tests beside code, and everything that exists only for tests, benches and the project's own
 * tools.
 */
function isTestPath(path: string): boolean {
  return /\.test\.[a-z]+$/.test(path) || /^(?:test|bench|scripts)\//.test(path)
}

function listFiles(root: string, folder: string): string[] {
  const found: string[] = []
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = posix.join(folder, entry.name)
    if (entry.isDirectory() && !IGNORED_FOLDERS.has(entry.name))
      found.push(...listFiles(root, path))
    else if (entry.isFile()) found.push(path)
  }
  return found
}

function findImports(text: string, codeOnly: string): { specifier: string; line: number }[] {
  const found: { specifier: string; line: number }[] = []
  for (const match of codeOnly.matchAll(IMPORT_START)) {
    const start = match.index + match[0].length + 1
    const quote = text.charAt(start - 1)
    const specifier = text.slice(start, codeOnly.indexOf(quote, start))
    // A worker is code; a URL of anything else only names a file to read.
    const isUrl = match[0].startsWith('new')
    if (!isUrl || (specifier.startsWith('.') && SOURCE_ENDING.test(specifier)))
      found.push({ specifier, line: lineAt(text, match.index) })
  }
  return found
}

function resolveImport(
  { files, manifests }: Pick<Tree, 'files' | 'manifests'>,
  importer: string,
  specifier: string,
): string | undefined {
  if (specifier.startsWith('.')) {
    const path = posix.join(posix.dirname(importer), specifier)
    return files.has(path) ? path : undefined
  }
  for (const [folder, manifest] of manifests) {
    if (manifest.name === undefined || !specifier.startsWith(`${manifest.name}/`)) continue
    const rest = specifier.slice(manifest.name.length + 1)
    const path = [`${folder}/src/${rest}.ts`, `${folder}/src/${rest}`, `${folder}/${rest}`].find(
      (each) => files.has(each),
    )
    if (path !== undefined) return path
  }
  return undefined
}
