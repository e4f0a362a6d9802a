/**
 * The configuration file as a tree with line numbers. YAML 1.2 and JSON; duplicate keys, tags and
 * several documents are refused; size, depth, node and alias counts are bounded (our bounds).
 * Pure. The parser is loaded only when there is a file, which keeps the start without one quick.
 */
import type { Alias, Document, LineCounter, YAMLMap } from 'yaml'
import { type Objection, type Review, showName } from './problem.ts'
import { CONFIG_FILE_BYTES_MAX } from './schema.ts'

export type DocumentNode = { readonly line: number } & (
  | { readonly kind: 'map'; readonly entries: ReadonlyMap<string, DocumentNode> }
  | { readonly kind: 'list'; readonly items: readonly DocumentNode[] }
  | { readonly kind: 'scalar'; readonly value: unknown }
)

export interface ConfigFile {
  /** As the person wrote it; shown in problems. Relative paths in it start at its folder. */
  readonly name: string
  readonly text: string
}

const DEPTH_MAX = 20
const NODE_COUNT_MAX = 100_000
const ALIAS_COUNT_MAX = 100
/** After the first few, a parser's errors follow from each other. */
const SYNTAX_FAULTS_MAX = 5

/** What a parser error means; its own message may quote the file, so it is never shown. */
const SYNTAX: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias cannot have a tag or an anchor',
  BAD_INDENT: 'the indentation does not fit',
  BAD_SCALAR_START: 'a text starts with a character that needs quotes around the text',
  BLOCK_IN_FLOW: 'an indented block stands inside brackets',
  MISSING_CHAR: 'a bracket, quote, comma or colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a colon is missing after the key, or a quote is not closed',
  MULTIPLE_DOCS: 'there is a second document after `---`',
  RESOURCE_EXHAUSTION: 'this is nested too deeply',
  TAB_AS_INDENT: 'a tab is used for indentation; use spaces',
  TAG_RESOLVE_FAILED: 'a tag (`!name`) is used; only plain values are understood',
}

/** @returns the tree; undefined when the file is empty, or refused with the reasons in `review`. */
export async function readDocument(
  file: ConfigFile,
  review: Review,
): Promise<DocumentNode | undefined> {
  if (Buffer.byteLength(file.text) > CONFIG_FILE_BYTES_MAX) {
    const what = `the file is larger than ${CONFIG_FILE_BYTES_MAX} bytes`
    review.report({ where: file.name, what, next: 'check that it is the right file' })
    return undefined
  }
  const yaml = await import('yaml')
  const lines = new yaml.LineCounter()
  // The parser compares each key with every other one; `#entries` finds repeated keys quicker.
  const options = { lineCounter: lines, prettyErrors: false, uniqueKeys: false } as const
  try {
    const document = yaml.parseDocument(file.text, options)
    if (!isWellFormed({ document, lines, file }, review)) return undefined
    if (document.contents === null) return undefined
    const converter = new Converter(yaml, document, lines)
    const root = converter.convert()
    for (const { line, what, next } of converter.faults) {
      review.report({ where: `${file.name}:${line}`, what, next })
    }
    return root
  } catch (error) {
    if (error instanceof TreeRefused) {
      review.report({ where: `${file.name}:${error.line}`, what: error.message, next: error.next })
      return undefined
    }
    // The parser is recursive; only its stack can run out on text of a bounded size.
    if (!(error instanceof RangeError)) throw error
    const next = 'check that it is the right file'
    review.report({ where: file.name, what: 'the file is nested too deeply', next })
    return undefined
  }
}

function isWellFormed(
  { document, lines, file }: { document: Document; lines: LineCounter; file: ConfigFile },
  review: Review,
): boolean {
  const faults = [...document.errors, ...document.warnings]
  for (const fault of faults.slice(0, SYNTAX_FAULTS_MAX)) {
    const line = lines.linePos(fault.pos[0]).line
    const what = SYNTAX[fault.code] ?? `the syntax is wrong (${fault.code})`
    review.report({ where: `${file.name}:${line}`, what, next: 'correct this line' })
  }
  if (faults.length > 0) return false
  if (!isMeantAsJson(file) || parsesAsJson(file.text)) return true
  const next = 'correct it (no comments, no comma at the end), or name the file `.yaml`'
  review.report({ where: file.name, what: 'this is not valid JSON', next })
  return false
}

function isMeantAsJson({ name, text }: ConfigFile): boolean {
  if (/\.json$/i.test(name)) return true
  return !/\.ya?ml$/i.test(name) && text.trimStart().startsWith('{')
}

function parsesAsJson(text: string): boolean {
  try {
    JSON.parse(text.replace(/^\uFEFF/, ''))
    return true
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return false
    throw error
  }
}

class TreeRefused extends Error {
  readonly line: number
  readonly next: string

  constructor(line: number, what: string, next: string) {
    super(what)
    this.line = line
    this.next = next
  }
}

/** Turns the parser's tree into ours, following aliases within the bounds. */
class Converter {
  readonly #yaml: typeof import('yaml')
  readonly #document: Document
  readonly #lines: LineCounter
  /** What is wrong without making the tree useless: keys given twice; the first one counts. */
  readonly faults: (Objection & { readonly line: number })[] = []
  #nodeCount = 0
  #aliasCount = 0

  constructor(yaml: typeof import('yaml'), document: Document, lines: LineCounter) {
    this.#yaml = yaml
    this.#document = document
    this.#lines = lines
  }

  convert(): DocumentNode {
    return this.#node(this.#document.contents, 1, 0)
  }

  #node(node: unknown, fallbackLine: number, depth: number): DocumentNode {
    const line = this.#lineOf(node) ?? fallbackLine
    if (depth > DEPTH_MAX || ++this.#nodeCount > NODE_COUNT_MAX) {
      const what = depth > DEPTH_MAX ? 'this is nested too deeply' : 'there are too many values'
      throw new TreeRefused(line, what, 'check that it is the right file')
    }
    const { isAlias, isMap, isScalar, isSeq } = this.#yaml
    if (isAlias(node)) return { ...this.#node(this.#target(node, line), line, depth + 1), line }
    if (isMap(node)) return { kind: 'map', line, entries: this.#entries(node, line, depth) }
    if (isSeq(node)) {
      const items = node.items.map((item) => this.#node(item, line, depth + 1))
      return { kind: 'list', line, items }
    }
    return { kind: 'scalar', line, value: isScalar(node) ? node.value : null }
  }

  #entries(map: YAMLMap, mapLine: number, depth: number): ReadonlyMap<string, DocumentNode> {
    const entries = new Map<string, DocumentNode>()
    for (const { key, value } of map.items) {
      const line = this.#lineOf(key) ?? mapLine
      if (!this.#yaml.isScalar(key) || typeof key.value !== 'string') {
        throw new TreeRefused(line, 'a key is not text', 'put the key in quotes')
      }
      const node = { ...this.#node(value, line, depth + 1), line }
      if (!entries.has(key.value)) entries.set(key.value, node)
      else {
        const what = `the key \`${showName(key.value)}\` is given twice`
        this.faults.push({ line, what, next: 'remove one of them' })
      }
    }
    return entries
  }

  #target(alias: Alias, line: number): unknown {
    if (++this.#aliasCount > ALIAS_COUNT_MAX) {
      throw new TreeRefused(line, 'there are too many aliases', 'write the values out')
    }
    const target = alias.resolve(this.#document)
    if (target !== undefined) return target
    throw new TreeRefused(line, 'an alias names no anchor', 'define the anchor before its use')
  }

  #lineOf(node: unknown): number | undefined {
    if (!this.#yaml.isNode(node) || !node.range) return undefined
    return this.#lines.linePos(node.range[0]).line
  }
}

/** @returns the value as the validator of one setting takes it: a map becomes `{}`. */
export function plainOf(node: DocumentNode): unknown {
  if (node.kind === 'scalar') return node.value
  return node.kind === 'list' ? node.items.map(plainOf) : {}
}
