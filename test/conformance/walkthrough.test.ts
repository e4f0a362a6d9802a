/** The commands of docs/walkthrough.md, run as they are written, against a server as it starts. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const RUN_MS_MAX = 150_000

/** What the session shows, in this order; anything may stand between. */
const SHOWN = [
  /^local +This machine/m,
  /^access_denied$/m, // no plan, no token
  /^plan +free$/m,
  /maxConnections: 40,\s+maxDocuments: 10,\s+maxUsersPerDoc: 3,\s+opsPerMinute: 500/,
  /^\{\}invalid_client$/m, // a publish by token; then the old secret
  /^invalid_grant$/m, // and its refresh token
  /^Bearer$/m,
  /^Bearer\nBearer$/m, // the old and the new value
  /^false$/m,
  /127\.0\.0\.1 \(curl.*used version 2 over oauth 2 times/,
  /^Closed 1 connection on 1 node in \d+ ms\.$/m,
  /^connected\nclosed with 4009$/m,
  /app\.created/,
  /auth\.retired_version/,
  /secret\.revoked .*found in a public repository/,
  /^Sound: /m,
]

test('the walk through the credentials goes as its page says', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-walk-'))
  const dataDir = join(home, 'data')
  const server = await startServer({ dataDir })
  try {
    const page = readFileSync(join(repositoryRoot(), 'docs/walkthrough.md'), 'utf8')
    const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, commands = '']) => commands)
    const script = blocks.join('\n').replace('http://127.0.0.1:8080', server.http)
    const { code, stdout, stderr } = await run(script, {
      LOCKGATE_URL: server.http,
      LOCKGATE_OPERATOR_KEY_FILE: join(dataDir, 'operator.key'),
    })
    assert.equal(code, 0, stderr)
    let rest = stdout
    for (const shown of SHOWN) {
      const found = shown.exec(rest)
      assert.ok(found !== null, `${shown} does not follow in: ${rest}`)
      rest = rest.slice(found.index + found[0].length)
    }
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})

async function run(script: string, environment: Readonly<Record<string, string>>) {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: repositoryRoot(),
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_MS_MAX,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, stdout, stderr }
}
