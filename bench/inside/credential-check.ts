/**
 * What it costs to know who a credential belongs to, inside the process, over a store that counts
 * every call: none is allowed.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore } from '../../packages/server/src/adapters/store-sqlite/store.ts'
import { BASE62 } from '../../packages/server/src/credentials/identifiers.ts'
import { parseKey } from '../../packages/server/src/credentials/key-format.ts'
import { REGIONS } from '../../test/contract/records.ts'
import { CALLER } from '../../test/support/credential-core.ts'
import { credentialsForm, openTokenWorld, TENANT_ID } from '../../test/support/token-world.ts'
import { countingStore } from './counting-store.ts'
import { print, secondsAsked, timeCalls } from './stopwatch.ts'

const SOURCE = { ip: '192.0.2.1', agent: 'bench', protocol: 'http' }
/** Tokens that are used once each, so that none is remembered. */
const TOKEN_COUNT = 5_000
/** Of the secret in a generated key (`credentials/key-format.ts`). */
const KEY_SECRET_LENGTH = 43

const folder = mkdtempSync(join(tmpdir(), 'lockgate-bench-'))
const opened = await openSqliteStore({ dataDir: folder, regions: REGIONS })
const { store, calls } = countingStore(opened)
const world = await openTokenWorld({ kept: { store } })
const { bearers } = world.oauth
const made = await world.core.changes.create(
  {
    kind: 'api_key',
    name: 'bench',
    tenantId: TENANT_ID,
    appId: 'app',
    attributes: { prefix: 'sk' },
  },
  CALLER,
)
if (!made.ok || made.value.value === undefined) throw new Error('no API key was made')
const key = made.value.value

async function accessTokens(count: number): Promise<string[]> {
  const form = credentialsForm('app', { scope: 'WireSocket.API' })
  const tokens: string[] = []
  while (tokens.length < count) {
    const { text } = await world.call('/connect/token', { form })
    tokens.push((JSON.parse(text) as { access_token: string }).access_token)
  }
  return tokens
}

async function expect(token: string, isOk: boolean): Promise<void> {
  const { ok } = await bearers.authenticate(token, SOURCE)
  if (ok !== isOk) throw new Error(`a credential was ${ok ? 'taken' : 'refused'}`)
}

/** The same key id, another secret, and the checksum that fits: only the fingerprint tells. */
function withAnotherSecret(value: string): string {
  const at = value.lastIndexOf('_') + 1
  const covered = value.slice(0, at) + 'a'.repeat(KEY_SECRET_LENGTH)
  let rest = Bun.hash.crc32(covered)
  let checksum = ''
  while (covered.length + checksum.length < value.length) {
    checksum = BASE62.charAt(rest % BASE62.length) + checksum
    rest = Math.floor(rest / BASE62.length)
  }
  return covered + checksum
}

/** Each token once, so that none was seen before. @returns microseconds for one. */
async function timeTokens(tokens: readonly string[]): Promise<number> {
  const startMs = performance.now()
  for (const token of tokens) await bearers.authenticate(token, SOURCE)
  return ((performance.now() - startMs) * 1000) / tokens.length
}

/** The same length and another character; the checksum no longer fits. */
const mistyped = `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`
const wrongSecret = withAnotherSecret(key)
if (!parseKey(wrongSecret).ok) throw new Error('the wrong secret has a wrong checksum')
const seconds = secondsAsked() / 6
const fresh = await accessTokens(TOKEN_COUNT)
await expect(key, true)
await expect(mistyped, false)
await expect(wrongSecret, false)
const before = calls()
const ask = (token: string) => () => bearers.authenticate(token, SOURCE)
const known = await timeCalls(seconds, ask(key))
const checksum = await timeCalls(seconds, ask(mistyped))
const checksumCalls = calls() - before
const wrong = await timeCalls(seconds, ask(wrongSecret))
const first = await timeTokens(fresh)
const cached = fresh.at(-1) ?? ''
await expect(cached, true)
const again = await timeCalls(seconds, ask(cached))
const storeCalls = calls() - before
await store.close()
rmSync(folder, { recursive: true })
print({
  keyUs: known.wallUs,
  checksumUs: checksum.wallUs,
  wrongUs: wrong.wallUs,
  tokenUs: first,
  cachedUs: again.wallUs,
  checksumCalls,
  storeCalls,
})
