import { afterAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionFlags, findConnection } from './connection.ts'

const folder = mkdtempSync(join(tmpdir(), 'lockgate-connection-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

const url = 'https://rt.example.com/lockgate'
const flagged = write('flagged.key', 'op_flagged\n')
const named = write('named.key', 'op_named\n')
write('data/operator.key', 'op_data\n')
const dataDir = join(folder, 'data')
const config = (more: Readonly<Record<string, unknown>>): string => {
  return write('lockgate.yaml', JSON.stringify({ dataDir, ...more }), 0o644)
}

async function find(flags: ConnectionFlags, environment: Readonly<Record<string, string>> = {}) {
  return findConnection(flags, environment)
}

describe('the operator key', () => {
  const variables = {
    LOCKGATE_URL: url,
    LOCKGATE_OPERATOR_KEY_FILE: named,
    LOCKGATE_OPERATOR_KEY: 'op_variable',
  }

  test('of a flag wins over variables, those over the data directory', async () => {
    const keys = await Promise.all([
      find({ operatorKeyFile: flagged, dataDir }, variables),
      find({ dataDir }, variables),
      find({}, variables),
      find({}, { ...variables, LOCKGATE_OPERATOR_KEY_FILE: '' }),
      find({ config: config({}) }, { LOCKGATE_URL: url }),
    ])
    expect(keys.map((each) => each.ok && each.key)).toEqual([
      'op_flagged',
      'op_data',
      'op_named',
      'op_variable',
      'op_data',
    ])
  })

  test('that others can read is refused, and not shown', async () => {
    for (const mode of [0o640, 0o604, 0o666]) {
      const path = write('open.key', 'op_open_to_all\n', mode)
      const found = await find({ url, operatorKeyFile: path })
      expect(found).toMatchObject({ ok: false, exitCode: 1 })
      const text = found.ok ? '' : found.text
      expect(text).toContain('chmod 600')
      expect(text).not.toContain('op_open_to_all')
    }
  })

  test.each([
    ['no key', 'not-a-key\n', 'one begins with op_'],
    ['two lines', 'op_one\nop_two\n', 'one begins with op_'],
    ['a whole page', 'op_'.padEnd(2_000, 'x'), 'is not an operator key file'],
  ])('is one line of its shape: %s', async (_name, text, why) => {
    const path = write('wrong.key', text)
    const found = await find({ url, operatorKeyFile: path })
    expect(found.ok ? '' : found.text).toContain(why)
    expect(found.ok ? '' : found.text).not.toContain(text.trim())
  })

  test('that is nowhere is asked for by name', async () => {
    const found = await find({ url, operatorKeyFile: join(folder, 'absent') })
    expect(found.ok ? '' : found.text).toContain('--operator-key-file')
  })
})

describe('the address', () => {
  const urlOf = async (flags: ConnectionFlags, environment: Record<string, string> = {}) => {
    const found = await find({ operatorKeyFile: flagged, ...flags }, environment)
    return found.ok ? found.url : found.text
  }

  test('of the flag wins over the variable, that over the configuration', async () => {
    const other = { LOCKGATE_URL: 'http://other.example' }
    expect(await urlOf({ url }, other)).toBe(url)
    expect(await urlOf({ config: config({}) }, other)).toBe('http://other.example')
  })

  test.each([
    [{}, 'http://127.0.0.1:8080'],
    [{ listen: { http: '0.0.0.0:9000' } }, 'http://127.0.0.1:9000'],
    [{ listen: { http: '[::]:9000' } }, 'http://[::1]:9000'],
    [{ listen: { http: '[::1]:9000' }, pathPrefix: '/rt' }, 'http://[::1]:9000/rt'],
    [{ listen: { http: '127.0.0.1:0' } }, 'give --url'],
  ])('of %j is where this machine reaches it', async (settings, expected) => {
    expect(await urlOf({ config: config(settings) })).toContain(expected)
  })

  test('that is none is a wrong command line, and is not repeated', async () => {
    const found = await find({ url: 'ftp://user:pass-word@host', operatorKeyFile: flagged })
    expect(found).toMatchObject({ ok: false, exitCode: 2 })
    expect(found.ok ? '' : found.text).not.toContain('pass-word')
  })

  test('cannot be read from a configuration that is wrong: what to do without is said', async () => {
    const found = await find({ config: config({ listn: {} }) })
    expect(found).toMatchObject({ ok: false, exitCode: 2 })
    expect(found.ok ? '' : found.text).toContain('Give --url and --operator-key-file')
  })
})
