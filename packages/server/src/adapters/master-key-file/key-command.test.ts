import { afterEach, beforeEach, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../../../../../test/support/wait.ts'
import { runMasterKeyCommand } from './key-command.ts'

const SECRET = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='
/** Longer than any of these programs needs on a busy machine. */
const AMPLE = { timeMsMax: 60_000, outputBytesMax: 1_000 }

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockgate-command-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A program of its own, so that no shell is needed to write one. */
function program(source: string, ...words: readonly string[]): string[] {
  const path = join(folder, 'program.js')
  writeFileSync(path, source)
  return [process.execPath, path, ...words]
}

test.each([
  ['a line', `${SECRET}\n`, SECRET],
  ['a line of another system', `${SECRET}\r\n`, SECRET],
  ['no line end', SECRET, SECRET],
  ['several lines', `one\ntwo\n`, 'one\ntwo'],
])('the output is the key: %s', async (_, output, key) => {
  const command = program(`process.stdout.write(${JSON.stringify(output)})`)
  expect(await runMasterKeyCommand(command, AMPLE)).toEqual({ ok: true, value: key })
})

test('arguments arrive as they are, past no shell', async () => {
  const words = ['a b', '$HOME', '; echo x', '*', '"', '']
  const command = program('process.stdout.write(JSON.stringify(process.argv.slice(2)))', ...words)
  const result = await runMasterKeyCommand(command, AMPLE)
  expect(result).toEqual({ ok: true, value: JSON.stringify(words) })
})

test('a program that reads its input finds the end of it', async () => {
  const command = program(`for await (const _ of process.stdin); process.stdout.write('end')`)
  expect(await runMasterKeyCommand(command, AMPLE)).toEqual({ ok: true, value: 'end' })
})

const LEAK = `process.stderr.write('${SECRET}'); process.stdout.write('${SECRET}');`

test.each([
  ['failed', `${LEAK} process.exitCode = 3`],
  ['failed', `${LEAK} process.kill(process.pid, 'SIGTERM'); await new Promise(() => {})`],
  ['failed', `throw new Error('${SECRET}')`],
  ['too_long', `process.stdout.write('${SECRET}'.repeat(10_000))`],
  ['empty', `process.stderr.write('${SECRET}')`],
  ['empty', `process.stdout.write(' \\n')`],
] as const)(
  'it is refused as %s, without what it printed or was given',
  async (refusal, source) => {
    const refused = await runMasterKeyCommand(program(source, SECRET), AMPLE)
    expect(refused).toMatchObject({ ok: false, refusal })
    expect(JSON.stringify(refused)).not.toContain(SECRET)
    expect(JSON.stringify(refused)).toContain('masterKeyCommand')
  },
)

test.each([
  ['that is not there', 'absent'],
  ['that may not be executed', 'program.js'],
  ['that is a directory', '.'],
])('a program %s is refused, not thrown', async (_, name) => {
  program('')
  const refused = await runMasterKeyCommand([join(folder, name), SECRET], AMPLE)
  expect(refused).toMatchObject({ ok: false, refusal: 'not_started' })
  expect(JSON.stringify(refused)).not.toContain(SECRET)
})

test('a program that never ends is stopped, together with its hold on the start', async () => {
  const child = `require('node:child_process').spawn(process.execPath, ['-e', CODE], OPTIONS)`
  const source = `
    const CODE = 'setTimeout(() => {}, 20_000)'
    const OPTIONS = { stdio: ['ignore', 'inherit', 'inherit'] }
    require('node:fs').writeFileSync(${JSON.stringify(join(folder, 'pids'))},
      process.pid + ' ' + ${child}.pid)
    process.stdout.write('${SECRET}')
    setInterval(() => {}, 1_000)`
  const bounds = { ...AMPLE, timeMsMax: 3_000 }
  const refused = await runMasterKeyCommand(program(source), bounds)
  expect(refused).toMatchObject({ ok: false, refusal: 'too_slow' })
  expect(JSON.stringify(refused)).not.toContain(SECRET)
  expect(existsSync(join(folder, 'pids'))).toBe(true)
  const [own = 0, grandchild = 0] = readFileSync(join(folder, 'pids'), 'utf8')
    .split(' ')
    .map(Number)
  expect(isAlive(grandchild)).toBe(true)
  process.kill(grandchild, 'SIGKILL')
  await until('the program is gone', () => !isAlive(own))
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
