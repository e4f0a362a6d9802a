import { describe, expect, test } from 'bun:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { systemRandom } from '../adapters/system/random.ts'
import {
  createMasterKeyFile,
  parseMasterKey,
  parseMasterKeyFile,
  retireMasterKeyVersions,
  rotateMasterKeyFile,
} from './master-key.ts'

const KEY = Buffer.alloc(32, 7).toString('base64')
const OTHER = Buffer.alloc(32, 8).toString('base64')
const file = (...lines: readonly string[]) => ['lockgate-master-key 1', ...lines, ''].join('\n')

test('base64 of 32 bytes is version 1, blanks around it are allowed', () => {
  const parsed = parseMasterKey(`${KEY}\n`)
  if (!parsed.ok) throw new Error('refused')
  expect(parsed.value.currentVersion).toBe(1)
  expect(parsed.value.versions.get(1)?.export()).toEqual(Buffer.alloc(32, 7))
})

test.each([
  ['nothing', ''],
  ['31 bytes', Buffer.alloc(31, 7).toString('base64')],
  ['33 bytes', Buffer.alloc(33, 7).toString('base64')],
  ['no padding', KEY.slice(0, -1)],
  ['base64url', Buffer.alloc(32, 0xff).toString('base64url')],
  ['hex', Buffer.alloc(32, 7).toString('hex')],
])('%s is refused without quoting it', (_, text) => {
  const refused = parseMasterKey(text)
  expect(refused).toMatchObject({ ok: false, refusal: 'malformed' })
  if (text !== '') expect(JSON.stringify(refused)).not.toContain(text)
})

test('a new file reads back, and two files hold two keys', () => {
  const texts = [createMasterKeyFile(systemRandom), createMasterKeyFile(systemRandom)]
  expect(texts[0]).not.toBe(texts[1])
  for (const text of texts) expect(parseMasterKeyFile(text)).toMatchObject({ ok: true })
})

test('a file with several versions seals with the highest and opens with all', () => {
  const parsed = parseMasterKeyFile(file('# first', `1 ${KEY}`, '', `3 ${OTHER}`))
  if (!parsed.ok) throw new Error('refused')
  expect(parsed.value.currentVersion).toBe(3)
  expect([...parsed.value.versions.keys()]).toEqual([1, 3])
})

describe('a master key file is refused without quoting it when it', () => {
  test.each([
    ['is empty', ''],
    ['has no header', `1 ${KEY}\n`],
    ['is of a later format', `lockgate-master-key 2\n1 ${KEY}\n`],
    ['holds no version', file()],
    ['was cut', file(`1 ${KEY}`).slice(0, -3)],
    ['has version 0', file(`0 ${KEY}`)],
    ['has a version that is no number', file(`one ${KEY}`)],
    ['has a version beyond four bytes', file(`4294967296 ${KEY}`)],
    ['names a version twice', file(`1 ${KEY}`, `1 ${OTHER}`)],
    ['has falling versions', file(`2 ${KEY}`, `1 ${OTHER}`)],
    ['has more on a line', file(`1 ${KEY} more`)],
    ['has a short key', file(`1 ${KEY.slice(4)}`)],
  ])('%s', (_, text) => {
    const refused = parseMasterKeyFile(text)
    expect(refused).toMatchObject({ ok: false, refusal: 'malformed' })
    expect(JSON.stringify(refused)).not.toContain(KEY.slice(8, 16))
  })

  test('is any other text, and nothing throws', () => {
    fc.assert(fc.property(fc.string(), (text) => !parseMasterKeyFile(file(text)).ok))
    fc.assert(fc.property(fc.string(), (text) => !parseMasterKeyFile(text).ok))
  })
})

test('a key of the configuration may be the text of a file', () => {
  const text = file('# first', `1 ${KEY}`, `3 ${OTHER}`)
  for (const given of [text, text.trimEnd(), text.replaceAll('\n', '\r\n'), `# top\n${text}`]) {
    const parsed = parseMasterKey(given)
    expect(parsed.ok && [...parsed.value.versions.keys()]).toEqual([1, 3])
  }
})

function mustBe(result: { ok: true; value: string } | { ok: false; refusal: string }): string {
  if (!result.ok) throw new Error(result.refusal)
  return result.value
}

describe('a rotation', () => {
  test.each([
    ['a file', file('# first', `1 ${KEY}`, '', `3 ${OTHER}`)],
    ['a file without its last line end', file(`1 ${KEY}`, `3 ${OTHER}`).trimEnd()],
    ['a file of another system', file(`1 ${KEY}`, `3 ${OTHER}`).replaceAll('\n', '\r\n')],
  ])('of %s keeps every line and seals with one more', (_, text) => {
    const rotated = mustBe(rotateMasterKeyFile(text, systemRandom))
    expect(rotated).toStartWith(text)
    const parsed = parseMasterKeyFile(rotated)
    if (!parsed.ok) throw new Error('refused')
    expect([...parsed.value.versions.keys()]).toEqual([1, 3, 4])
    expect(parsed.value.currentVersion).toBe(4)
    expect(parsed.value.versions.get(1)?.export()).toEqual(Buffer.alloc(32, 7))
    expect(parsed.value.versions.get(4)?.export()).not.toEqual(Buffer.alloc(32, 8))
  })

  test('of a single key keeps it as version 1 of a file', () => {
    const parsed = parseMasterKeyFile(mustBe(rotateMasterKeyFile(`${KEY}\n`, systemRandom)))
    if (!parsed.ok) throw new Error('refused')
    expect(parsed.value.currentVersion).toBe(2)
    expect(parsed.value.versions.get(1)?.export()).toEqual(Buffer.alloc(32, 7))
  })

  test('any number of times, with old ones retired, always reads back', () => {
    let text = createMasterKeyFile(systemRandom)
    for (let version = 2; version <= 200; version++) {
      text = mustBe(rotateMasterKeyFile(text, systemRandom))
      text = mustBe(retireMasterKeyVersions(text, Math.max(1, version - 2)))
    }
    const parsed = parseMasterKeyFile(text)
    expect(parsed.ok && [...parsed.value.versions.keys()]).toEqual([198, 199, 200])
  })

  test('is refused where the file is full or not readable', () => {
    const lines = Array.from({ length: 64 }, (_, index) => `${index + 1} ${KEY}`)
    const full = rotateMasterKeyFile(file(...lines), systemRandom)
    expect(full).toMatchObject({ ok: false, refusal: 'too_many_versions' })
    const last = rotateMasterKeyFile(file(`4294967295 ${KEY}`), systemRandom)
    expect(last).toMatchObject({ ok: false, refusal: 'too_many_versions' })
    const cut = rotateMasterKeyFile(file(`1 ${KEY}`).slice(0, -3), systemRandom)
    expect(cut).toMatchObject({ ok: false, refusal: 'malformed' })
    expect(JSON.stringify([full, last, cut])).not.toContain(KEY.slice(8, 16))
  })
})

describe('retiring', () => {
  const text = file('# first', `1 ${KEY}`, '# second', `3 ${OTHER}`, `12 ${KEY}`)

  test('takes out the versions before the one to keep, and no other line', () => {
    expect(retireMasterKeyVersions(text, 1)).toEqual({ ok: true, value: text })
    const without = file('# first', '# second', `3 ${OTHER}`, `12 ${KEY}`)
    expect(retireMasterKeyVersions(text, 3)).toEqual({ ok: true, value: without })
    const lastOnly = file('# first', '# second', `12 ${KEY}`)
    expect(retireMasterKeyVersions(text, 12)).toEqual({ ok: true, value: lastOnly })
    expect(retireMasterKeyVersions(KEY, 1)).toEqual({ ok: true, value: KEY })
  })

  test.each([0, 2, 13, -1, 1.5, Number.NaN])('refuses version %p, which is not there', (keep) => {
    expect(retireMasterKeyVersions(text, keep)).toMatchObject({ refusal: 'unknown_version' })
    expect(retireMasterKeyVersions(KEY, keep)).toMatchObject({ refusal: 'unknown_version' })
  })
})

test('a printed master key shows no key', () => {
  const parsed = parseMasterKey(KEY)
  expect(`${JSON.stringify(parsed)}${inspect(parsed, { depth: 9 })}`).not.toContain(KEY)
})
