import { afterEach, beforeEach, expect, test } from 'bun:test'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Outage } from '../../ports/outage.ts'
import { openFileWitness } from './witness-file.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockgate-witness-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const checkpointOf = (seq: number) => {
  return { tenantId: 't', seq, atMs: seq, body: `{"seq":${seq}}`, signature: 's', keyId: 'k' }
}
const linesOf = (path: string) => readFileSync(path, 'utf8').split('\n')

test('one line for each checkpoint is appended to a file of the owner alone', async () => {
  const path = join(folder, 'witness')
  const witness = openFileWitness(path)
  await witness.attest([checkpointOf(1), checkpointOf(2)])
  await witness.attest([checkpointOf(3)])
  const lines = linesOf(path)
  expect(lines.pop()).toBe('')
  expect(lines.map((line) => JSON.parse(line))).toEqual([1, 2, 3].map(checkpointOf))
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('a line that was cut off spoils no later one', async () => {
  const path = join(folder, 'witness')
  const witness = openFileWitness(path)
  await witness.attest([checkpointOf(1)])
  appendFileSync(path, '{"tenantId":"t","se')
  await witness.attest([checkpointOf(2)])
  expect(JSON.parse(linesOf(path)[2] ?? '')).toEqual(checkpointOf(2))
})

test('what was moved away is begun anew', async () => {
  const path = join(folder, 'witness')
  const witness = openFileWitness(path)
  await witness.attest([checkpointOf(1)])
  rmSync(path)
  await witness.attest([checkpointOf(2)])
  expect(linesOf(path)).toHaveLength(2)
})

test('what cannot be written is an outage that names the setting, and works again later', async () => {
  const path = join(folder, 'in', 'witness')
  const witness = openFileWitness(path)
  const outage: unknown = await witness.attest([checkpointOf(1)]).catch((error: unknown) => error)
  expect(outage).toBeInstanceOf(Outage)
  expect(String(outage)).toContain('audit.witnessFile')
  writeFileSync(join(folder, 'other'), '')
  const there = openFileWitness(join(folder, 'other'))
  await there.attest([checkpointOf(1)])
  expect(linesOf(join(folder, 'other'))).toHaveLength(2)
})
