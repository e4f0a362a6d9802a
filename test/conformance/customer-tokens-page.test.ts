/** What docs/customer-tokens.md tells a backend to do, run as it is written. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import { Administration, ownerKey } from '../support/administration.ts'
import { send } from '../support/http.ts'
import { app, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const RUN_MS_MAX = 60_000
const BIN = join(repositoryRoot(), 'packages/server/bin/lockgate.js')
const PAGE = readFileSync(join(repositoryRoot(), 'docs/customer-tokens.md'), 'utf8')

function blocks(language: string): readonly string[] {
  const found = PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))
  return Array.from(found, ([, text = '']) => text)
}

test('a backend that does what the page says is let in where the page says', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-page-'))
  const dataDir = join(home, 'data')
  const server = await startServer({ apps: [app('chat')], dataDir })
  const administration = new Administration(
    () => server,
    () => ownerKey(dataDir),
  )
  try {
    const [make = '', register = ''] = blocks('sh')
    const [mint = ''] = blocks('js')
    writeFileSync(join(home, 'mint.mjs'), mint)
    const { publicKey } = await generateKeyPair('ES256', { extractable: true })
    writeFileSync(join(home, 'public.jwk.json'), JSON.stringify(await exportJWK(publicKey)))
    // `npx lockgate` is the bin of this checkout, and jose is looked for where it is installed.
    const script = [
      `npx() { shift; '${process.execPath}' '${BIN}' "$@"; }`,
      make,
      `(cd '${repositoryRoot()}' && '${process.execPath}' --input-type=module) < mint.mjs`,
      register,
    ].join('\n')
    const ran = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: home,
      encoding: 'utf8',
      timeout: RUN_MS_MAX,
      env: {
        ...process.env,
        LOCKGATE_URL: server.http,
        LOCKGATE_OPERATOR_KEY_FILE: join(dataDir, 'operator.key'),
      },
    })
    assert.equal(ran.status, 0, ran.stderr)
    const [token = ''] = ran.stdout.split('\n')
    assert.match(token, /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/)
    const publish = async (channel: string) => {
      const answer = await send(server.http, {
        method: 'POST',
        target: '/apps/chat/events',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'said', channel, data: 'hello' }),
      })
      return answer.status
    }
    assert.equal(await publish('room-1'), 200)
    assert.equal(await publish('news'), 403)
    const made = await administration.done('credentials.list', { parameters: { appId: 'chat' } })
    const names = made.items.filter(({ kind }) => kind === 'jwt_secret').map(({ name }) => name)
    assert.deepEqual(names.toSorted(), ['backend', 'backend-key', 'login'])
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})

test('what the page declares is taken by the configuration', async () => {
  const [yaml = ''] = blocks('yaml')
  const home = mkdtempSync(join(tmpdir(), 'lockgate-page-'))
  try {
    writeFileSync(join(home, 'jwt'), 'Zr8-declared-secret-of-a-backend-0123456789\n')
    const id = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
    const declared = yaml
      .replace('/run/secrets/jwt', join(home, 'jwt'))
      .replace(
        '- id: chat',
        '- id: chat\n    name: chat\n    key: chat-key\n    secret: chat-secret',
      )
      .replaceAll(/^/gm, '    ')
    const tenant = `tenants:\n  - id: ${id}\n    shortId: org_k7xm4pqr2n5t\n    name: Acme\n${declared}`
    writeFileSync(join(home, 'lockgate.yaml'), tenant)
    const ran = spawnSync(process.execPath, [BIN, 'check-config', '--config', 'lockgate.yaml'], {
      cwd: home,
      encoding: 'utf8',
      timeout: RUN_MS_MAX,
    })
    assert.equal(ran.status, 0, ran.stderr + tenant)
    assert.ok(!ran.stdout.includes('Zr8-declared'))
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})
