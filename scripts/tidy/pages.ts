/**
 * Every relative link of every Markdown page leads to a file, and to a heading where it names one.
 */
import { posix } from 'node:path'
import type { Finding } from './finding.ts'
import { lineAt, type Page, type Tree } from './tree.ts'

const LINK = /\[[^\]\n]*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\[[^\]\n]+\]:\s*(\S+)/gm
const CODE = /^(```|~~~)[\s\S]*?^\1|`[^`\n]*`/gm
const OUTSIDE = /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i

/** @returns one finding per link that leads nowhere inside the checkout. */
export function checkPages(tree: Tree): Finding[] {
  const folders = new Set<string>()
  for (const file of tree.files) {
    for (let at = posix.dirname(file); at !== '.'; at = posix.dirname(at)) folders.add(at)
  }
  const headings = new Map(tree.pages.map((page) => [page.path, headingsOf(page)]))
  return tree.pages.flatMap((page) => {
    const prose = page.text.replace(CODE, (code) => code.replace(/[^\n]/g, ' '))
    return [...prose.matchAll(LINK)].flatMap((match) => {
      const link = match[1] ?? match[2] ?? ''
      const problem = OUTSIDE.test(link) ? undefined : check(link)
      if (problem === undefined) return []
      return [{ file: page.path, line: lineAt(prose, match.index), ...problem }]
    })

    function check(link: string): Pick<Finding, 'what' | 'why' | 'remedy'> | undefined {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page.path : posix.join(posix.dirname(page.path), decode(path))
      const folder = target.replace(/\/$/, '')
      if (!tree.files.has(target) && !folders.has(folder) && folder !== '.') {
        return {
          what: `link to '${link}' leads nowhere`,
          why: `there is no ${target}`,
          remedy: 'correct the path or write the page',
        }
      }
      if (anchor === undefined || headings.get(target)?.has(anchor) !== false) return undefined
      return {
        what: `link to '${link}' names a heading that is not there`,
        why: `${target} has no heading with that anchor`,
        remedy: 'correct the anchor',
      }
    }
  })
}

/**
 * Anchors as code hosts make them: lower case, spaces to dashes, other signs dropped, repeats
 * numbered.
 */
function headingsOf({ text }: Page): Set<string> {
  const anchors = new Set<string>()
  const withoutFences = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '')
  for (const [, heading = ''] of withoutFences.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const anchor = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-')
    let unique = anchor
    for (let count = 1; anchors.has(unique); count += 1) unique = `${anchor}-${count}`
    anchors.add(unique)
  }
  return anchors
}

/** A malformed escape is left as it is; the link then leads nowhere and is reported. */
function decode(path: string): string {
  return /%(?![0-9a-fA-F]{2})/.test(path) ? path : decodeURIComponent(path)
}
