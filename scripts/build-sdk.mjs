/**
 * Builds an SDK of ours for runtimes that do not read TypeScript: plain ESM and declarations
 * in `dist`, with the modules it uses of the other packages beside its own, so that the packed
 * archive stands alone. npm runs this before it packs a package.
 * Usage: node scripts/build-sdk.mjs client|server-sdk
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { Obstacle, ROOT, run } from './run/process.mjs'

const [, , PACKAGE = 'server-sdk'] = process.argv
const SDK = join(ROOT, 'packages', PACKAGE)
const DIST = join(SDK, 'dist')
/** The names of our packages in an import or a type: `'@lockgate/protocol/bytes'`. */
const OWN_MODULE = /(['"])@lockgate\/(protocol|admin-api)\/([\w./-]+)\1/g

rmSync(DIST, { recursive: true, force: true })
const { code, output } = await run(
  process.execPath,
  [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', join(SDK, 'tsconfig.build.json')],
  { quiet: true },
)
if (code !== 0) throw new Obstacle(`The types of ${PACKAGE} do not build.\n${output.trim()}`)
for (const file of filesBelow(DIST)) {
  const [start = '', ...rest] = readFileSync(file, 'utf8').split(OWN_MODULE)
  let text = start
  // The pattern has three groups, so a name is three pieces and what follows it the fourth.
  for (let at = 0; at < rest.length; at += 4) {
    const [quote = '', name = '', module = '', after = ''] = rest.slice(at, at + 4)
    const path = relative(dirname(file), join(DIST, name, 'src', `${module}.js`))
    const specifier = path.split(sep).join('/')
    text += `${quote}${specifier.startsWith('.') ? specifier : `./${specifier}`}${quote}${after}`
  }
  writeFileSync(file, text)
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
}
