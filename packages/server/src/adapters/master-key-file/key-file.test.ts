import { afterEach, beforeEach, expect, test } from 'bun:test'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadKeyFile, replaceKeyFile } from './key-file.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockgate-key-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const neverMade = () => {
  throw new Error('a key was made where one is')
}

test('the first load makes file and directory for the owner only, with no draft left', () => {
  const path = join(folder, 'data', 'master.key')
  const made = loadKeyFile(path, () => 'text of the key\n')
  expect(made).toEqual({ ok: true, value: { text: 'text of the key\n', isNew: true } })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700)
  expect(readdirSync(join(folder, 'data'))).toEqual(['master.key'])
})

test('later loads read the file and make nothing', () => {
  const path = join(folder, 'master.key')
  loadKeyFile(path, () => 'text of the key\n')
  const loaded = loadKeyFile(path, neverMade)
  expect(loaded).toEqual({ ok: true, value: { text: 'text of the key\n', isNew: false } })
})

test.each([0o640, 0o604, 0o620, 0o602, 0o666])('a file of mode %o is refused, unread', (mode) => {
  const path = join(folder, 'master.key')
  writeFileSync(path, 'SECRET')
  chmodSync(path, mode)
  const refused = loadKeyFile(path, neverMade)
  expect(refused).toMatchObject({ ok: false, refusal: 'exposed' })
  expect(JSON.stringify(refused)).toContain('chmod 600')
  expect(JSON.stringify(refused)).not.toContain('SECRET')
})

test('a file another process makes meanwhile is read and never overwritten', () => {
  const path = join(folder, 'master.key')
  const loaded = loadKeyFile(path, () => {
    writeFileSync(path, 'theirs', { mode: 0o600 })
    return 'ours'
  })
  expect(loaded).toEqual({ ok: true, value: { text: 'theirs', isNew: false } })
  expect(readFileSync(path, 'utf8')).toBe('theirs')
  expect(readdirSync(folder)).toEqual(['master.key'])
})

test.each<[string, (path: string) => void]>([
  ['a directory', (path) => mkdirSync(path)],
  ['a huge file', (path) => writeFileSync(path, 'x'.repeat(70_000), { mode: 0o600 })],
  ['a dangling link', (path) => symlinkSync(join(folder, 'nowhere'), path)],
  ['a ring of links', (path) => symlinkSync(path, path)],
])('%s in its place is refused with the path', (_, prepare) => {
  const path = join(folder, 'master.key')
  prepare(path)
  const refused = loadKeyFile(path, () => 'text')
  expect(refused).toMatchObject({ ok: false, refusal: 'unusable' })
  expect(JSON.stringify(refused)).toContain(path)
})

test('a directory that cannot be made is refused with the path', () => {
  writeFileSync(join(folder, 'file'), '')
  const path = join(folder, 'file', 'data', 'master.key')
  const refused = loadKeyFile(path, () => 'text')
  expect(refused).toMatchObject({ ok: false, refusal: 'unusable' })
  expect(JSON.stringify(refused)).toContain(path)
})

test('processes that start at once agree on one key', async () => {
  const path = join(folder, 'data', 'master.key')
  const module = JSON.stringify(join(import.meta.dirname, 'key-file.ts'))
  const script = `
    import { loadKeyFile } from ${module}
    const loaded = loadKeyFile(${JSON.stringify(path)}, () => crypto.randomUUID())
    process.stdout.write(loaded.value.text + (loaded.value.isNew ? ' new' : ' found'))`
  const children = Array.from({ length: 4 }, () =>
    Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', stderr: 'inherit' }),
  )
  const answers = await Promise.all(children.map((child) => child.stdout.text()))
  expect(new Set(answers.map((answer) => answer.split(' ')[0])).size).toBe(1)
  expect(answers.filter((answer) => answer.endsWith(' new'))).toHaveLength(1)
})

test('a replaced file holds the new text, for the owner only, with no draft left', () => {
  const path = join(folder, 'master.key')
  writeFileSync(path, 'old', { mode: 0o400 })
  expect(replaceKeyFile(path, { before: 'old', after: 'new' })).toMatchObject({ ok: true })
  expect(readFileSync(path, 'utf8')).toBe('new')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['master.key'])
})

test('a replaced file keeps its owner', () => {
  const path = join(folder, 'master.key')
  writeFileSync(path, 'old', { mode: 0o600 })
  const isRoot = process.getuid?.() === 0
  const owner = isRoot ? 12_345 : statSync(path).uid
  if (isRoot) chownSync(path, owner, owner)
  expect(replaceKeyFile(path, { before: 'old', after: 'new' })).toMatchObject({ ok: true })
  expect(statSync(path).uid).toBe(owner)
})

test('a link to the file stays one', () => {
  const path = join(folder, 'link')
  writeFileSync(join(folder, 'master.key'), 'old', { mode: 0o600 })
  symlinkSync('master.key', path)
  expect(replaceKeyFile(path, { before: 'old', after: 'new' })).toMatchObject({ ok: true })
  expect(lstatSync(path).isSymbolicLink()).toBe(true)
  expect(readFileSync(join(folder, 'master.key'), 'utf8')).toBe('new')
})

test.each<[string, string, (path: string) => void]>([
  ['changed', 'holds something else by now', (path) => writeFileSync(path, 'OTHER')],
  ['unusable', 'is gone', (path) => rmSync(path)],
  ['exposed', 'can be read by others', (path) => chmodSync(path, 0o644)],
])('it is refused as %s where the file %s, and nothing is touched', (refusal, _, prepare) => {
  const path = join(folder, 'master.key')
  writeFileSync(path, 'OLD', { mode: 0o600 })
  prepare(path)
  const before = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
  const refused = replaceKeyFile(path, { before: 'OLD', after: 'NEW' })
  expect(refused).toMatchObject({ ok: false, refusal })
  expect(JSON.stringify(refused)).not.toMatch(/OLD|NEW|OTHER/)
  const after = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
  expect(after).toEqual(before)
})

test('a reader at any moment of many replacements sees one whole text', async () => {
  const path = join(folder, 'master.key')
  const text = (round: number) => `${round} `.repeat(2_000)
  writeFileSync(path, text(0), { mode: 0o600 })
  const module = JSON.stringify(join(import.meta.dirname, 'key-file.ts'))
  const script = `
    import { replaceKeyFile } from ${module}
    const text = (round) => (round + ' ').repeat(2_000)
    for (let round = 0; round < 200; round++) {
      const change = { before: text(round), after: text(round + 1) }
      const replaced = replaceKeyFile(${JSON.stringify(path)}, change)
      if (!replaced.ok) throw new Error(replaced.detail)
    }`
  const child = Bun.spawn([process.execPath, '-e', script], { stderr: 'inherit' })
  while (child.exitCode === null) {
    const found = readFileSync(path, 'utf8')
    expect(found).toBe(text(Number.parseInt(found, 10)))
    await Bun.sleep(0) // lets the end of the child be seen
  }
  expect(child.exitCode).toBe(0)
  expect(readFileSync(path, 'utf8')).toBe(text(200))
})
