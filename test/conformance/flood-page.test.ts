/** The run of docs/flood.md: its configuration, its programs and its commands, as they are written. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { ownerKey } from '../support/administration.ts'
import { freePort } from '../support/free-port.ts'
import { type LiveServer, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const BIN = join(repositoryRoot(), 'packages/server/bin/lockgate.js')
const PAGE = readFileSync(join(repositoryRoot(), 'docs/flood.md'), 'utf8')
const RUN_MS_MAX = 180_000

/** What the run shows; `seen` and the programs print side by side, so in any order. */
const SHOWN = [
  /^told: 4301, publish\.user, tier user, used 20, free in \d+ ms$/m,
  /^neighbours: [\d.]+ ms before, [\d.]+ ms during the flood$/m,
  /^still connected: connected$/m,
  /^alert\.raised limit-saturation: old secret true, new secret true$/m,
  /^ +(?:[2-9]|\d\d+) "type":"rate_limit\.exceeded"$/m,
  /^ +1 "type":"alert\.raised"$/m,
  /^limit-saturation +limit_saturation +active/m,
]

test('a flood is refused, shown and alerted as its page says, and the neighbours go on', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-flood-'))
  const dataDir = join(home, 'data')
  const [yaml = ''] = blocks('yaml')
  const server = await startServer({ dataDir, config: parse(yaml) as Record<string, unknown> })
  const receiverPort = await freePort()
  symlinkSync(join(repositoryRoot(), 'node_modules'), join(home, 'node_modules'))
  for (const program of blocks('js')) {
    const name = /^\/\/ (\S+)/.exec(program)?.[1] ?? assert.fail('a program without a name')
    writeFileSync(join(home, name), program.replaceAll('4000', String(receiverPort)))
  }
  try {
    // The first block starts the server; the rest is what people type in the second terminal.
    const commands = blocks('sh').slice(1).join('\n').replaceAll('4000', String(receiverPort))
    const script = `npx() { shift; '${process.execPath}' '${BIN}' "$@"; }\n${commands}`
    const { code, output } = await run(script.replace('flood.mjs', `flood.mjs ${server.http}`), {
      home,
      server,
      dataDir,
    })
    assert.equal(code, 0, output)
    for (const shown of SHOWN) assert.match(output, shown)
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})

function blocks(language: string): readonly string[] {
  const found = PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))
  return Array.from(found, ([, text = '']) => text)
}

async function run(
  script: string,
  { home, server, dataDir }: { home: string; server: LiveServer; dataDir: string },
) {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: home,
    env: {
      PATH: process.env['PATH'],
      LOCKGATE_URL: server.http,
      LOCKGATE_OPERATOR_KEY: ownerKey(dataDir),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_MS_MAX,
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, output }
}
