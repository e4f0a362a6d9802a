/** The commands of a page of the documentation, run as they are written. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from './server.ts'

const RUN_MS_MAX = 60_000

/** @param path of the page, below the checkout. */
export function commandsOf(path: string) {
  const page = readFileSync(join(repositoryRoot(), path), 'utf8')
  return { run, text: page, blockWith: (mark: string) => blockWith(page, mark) }
}

/** @returns the commands of the page among which is `mark`. */
function blockWith(page: string, mark: string): string {
  const blocks = Array.from(page.matchAll(/```sh\n([\s\S]*?)```/g), ([, text = '']) => text)
  const found = blocks.find((text) => text.includes(mark))
  assert.ok(found !== undefined, `the page has a block with ${mark}`)
  return found
}

/** @returns what a shell prints in the folder that `data` is in. */
function run(cwd: string, commands: string, url: string): string {
  const bin = join(repositoryRoot(), 'packages/server/bin/lockgate.js')
  const program = `lockgate() { '${process.execPath}' '${bin}' "$@"; }\n`
  const script = program + commands.replaceAll('npx lockgate', 'lockgate')
  const ran = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
    cwd,
    env: { PATH: process.env['PATH'], LOCKGATE_URL: url },
    encoding: 'utf8',
    timeout: RUN_MS_MAX,
  })
  assert.equal(ran.status, 0, ran.stderr)
  return ran.stdout
}
