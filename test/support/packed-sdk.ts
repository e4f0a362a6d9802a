/** An SDK of ours as npm would publish it, unpacked into a project of its own. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { repositoryRoot } from './server.ts'

/**
 * Packs the SDK, unpacks it below `home`, and puts the packages it depends on beside it.
 * @returns the files of the archive.
 */
export function packedSdk(home: string, name: 'server-sdk' | 'client' = 'server-sdk'): string[] {
  const root = repositoryRoot()
  const source = join(root, 'packages', name)
  mkdirSync(home, { recursive: true })
  run('npm', ['pack', '--pack-destination', home], source)
  const archive = readdirSync(home).find((file) => file.endsWith('.tgz')) ?? ''
  const target = join(home, 'node_modules/@lockgate', name)
  mkdirSync(target, { recursive: true })
  run('tar', ['-xzf', archive, '--strip-components=1', '-C', target], home)
  const manifest = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>
  }
  for (const each of Object.keys(manifest.dependencies ?? {})) addPackage(home, each)
  return run('tar', ['-tzf', archive], home).trim().split('\n')
}

/** Makes a package of the checkout one of the project below `home`. */
export function addPackage(home: string, name: string): void {
  const place = join(home, 'node_modules', name)
  mkdirSync(dirname(place), { recursive: true })
  symlinkSync(join(repositoryRoot(), 'node_modules', name), place)
}

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${error?.message ?? ''}${stderr}${stdout}`)
  return stdout
}
