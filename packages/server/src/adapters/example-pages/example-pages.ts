/**
 * The example pages of a checkout, bundled when somebody asks for the first one: their editor is
 * half a megabyte that no server needs. A published package has none.
 */
import { readFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Asset, AssetSource } from '../../ports/asset.ts'

const FOLDER = fileURLToPath(new URL('../../../../../examples/', import.meta.url))
const NAMES = ['chat', 'editor']
const HTML = 'text/html; charset=utf-8'
const CSS = 'text/css; charset=utf-8'
const SCRIPT = 'text/javascript; charset=utf-8'

/** @returns undefined where there are no examples. */
export function openExamplePages(): AssetSource | undefined {
  if (!NAMES.every((name) => existsSync(`${FOLDER}${name}/page.html`))) return undefined
  const known = new Map<string, Promise<Asset>>()
  const read = new Map<string, () => Promise<Asset>>([
    ['/examples', () => file('page.html', HTML)],
    ['/examples/page.css', () => file('page.css', CSS)],
    ...NAMES.flatMap((name): [string, () => Promise<Asset>][] => [
      [`/examples/${name}`, () => file(`${name}/page.html`, HTML)],
      [`/examples/${name}/page.js`, () => bundled(name)],
    ]),
  ])
  return {
    find(path) {
      const asset = known.get(path) ?? read.get(path)?.()
      if (asset !== undefined) known.set(path, asset)
      // What could not be read is tried again.
      asset?.catch(() => known.delete(path))
      return asset
    },
  }
}

async function file(name: string, contentType: string): Promise<Asset> {
  return { contentType, bytes: await readFile(`${FOLDER}${name}`) }
}

/** @throws when a package that the page imports is not installed. */
async function bundled(name: string): Promise<Asset> {
  const { outputs } = await Bun.build({
    entrypoints: [`${FOLDER}${name}/page.ts`],
    target: 'browser',
    minify: true,
  })
  const [script] = outputs
  if (script === undefined) throw new Error(`the example ${name} makes no script`)
  return { contentType: SCRIPT, bytes: new Uint8Array(await script.arrayBuffer()) }
}
