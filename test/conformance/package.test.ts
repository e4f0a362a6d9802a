/** What npm would publish is whole: the program starts from it alone, and nothing else is in it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from '../support/test.ts'

const ROOT = process.cwd()

test('the packed packages run `lockgate` in a folder of their own', () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-pack-'))
  try {
    for (const [folder, name] of [
      ['protocol', '@lockgate/protocol'],
      ['admin-api', '@lockgate/admin-api'],
      ['server', 'lockgate'],
    ] as const) {
      const target = join(home, 'node_modules', name)
      run('npm', ['pack', '--pack-destination', home], join(ROOT, 'packages', folder))
      mkdirSync(target, { recursive: true })
      const archive = readdirSync(home).find((file) => file.endsWith('.tgz')) ?? ''
      const packed = run('tar', ['-tzf', archive], home).split('\n')
      assert.deepEqual(
        packed.filter((file) => /\.test\.ts$|\.db$|\.key$/.test(file)),
        [],
      )
      run('tar', ['-xzf', archive, '--strip-components=1', '-C', target], home)
      rmSync(join(home, archive))
    }
    for (const dependency of readdirSync(join(ROOT, 'node_modules'))) {
      if (dependency === '@lockgate' || dependency === 'lockgate') continue
      if (dependency.startsWith('.') && dependency !== '.bin') continue
      symlinkSync(join(ROOT, 'node_modules', dependency), join(home, 'node_modules', dependency))
    }
    const bin = join(home, 'node_modules', 'lockgate', 'bin', 'lockgate.js')
    assert.match(run(process.execPath, [bin, 'version'], home), /^(lockgate )?\d+\.\d+\.\d+/)
    assert.match(run(process.execPath, [bin, 'serve', '--help'], home), /--listen-http/)
    // The commands of the administration come from a package of their own.
    assert.match(run(process.execPath, [bin, 'rotate', '--help'], home), /--overlap/)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${error?.message ?? ''}${stderr}${stdout}`)
  return stdout
}
