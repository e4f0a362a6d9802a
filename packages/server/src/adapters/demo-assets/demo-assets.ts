/**
 * The files of the front page, read once: the page's own and pusher-js from its package, no CDN.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Asset } from '../../ports/asset.ts'

const OWN = new URL('../../../assets/demo/', import.meta.url)
const SCRIPT = 'text/javascript; charset=utf-8'

/** @returns the assets by request path. @throws when the package is incomplete. */
export async function loadDemoAssets(): Promise<ReadonlyMap<string, Asset>> {
  const files: readonly (readonly [path: string, contentType: string, file: string])[] = [
    ['/', 'text/html; charset=utf-8', own('page.html')],
    ['/demo/page.css', 'text/css; charset=utf-8', own('page.css')],
    ['/demo/page.js', SCRIPT, own('page.js')],
    ['/demo/icon.svg', 'image/svg+xml', own('icon.svg')],
    [
      '/demo/pusher.js',
      SCRIPT,
      fileURLToPath(import.meta.resolve('pusher-js/dist/web/pusher.min.js')),
    ],
  ]
  const loaded = files.map(
    async ([path, contentType, file]) =>
      [path, { contentType, bytes: await readFile(file) }] as const,
  )
  return new Map(await Promise.all(loaded))
}

function own(name: string): string {
  return fileURLToPath(new URL(name, OWN))
}
