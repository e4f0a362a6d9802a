/**
 * The project's own checks, those no general tool knows: the layering rule, banned ambient calls,
 * swallowed errors, sizes, leftovers, dead files and links of pages. Prints `file:line: what, why,
 * what to do`. Usage: bun scripts/tidy.ts [root]
 */
import { resolve } from 'node:path'
import { checkAmbientCalls } from './tidy/ambient.ts'
import { type Finding, formatFinding } from './tidy/finding.ts'
import { checkLayers } from './tidy/layers.ts'
import { checkPages } from './tidy/pages.ts'
import { checkShape } from './tidy/shape.ts'
import { readTree } from './tidy/tree.ts'

/** @returns every finding below `root`, by file and line. */
export function tidy(root: string): Finding[] {
  const tree = readTree(root)
  const findings = [checkLayers, checkAmbientCalls, checkShape, checkPages].flatMap((rule) =>
    rule(tree),
  )
  return findings.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1))
}

if (import.meta.main) {
  const root = resolve(process.argv[2] ?? resolve(import.meta.dirname, '..'))
  const findings = tidy(root)
  for (const finding of findings) console.log(formatFinding(finding))
  const summary = `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`
  console.log(findings.length === 0 ? 'tidy' : summary)
  process.exitCode = findings.length === 0 ? 0 : 1
}
