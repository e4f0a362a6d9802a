/** The commands of docs/oauth.md, run as they are written. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { app, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const RUN_MS_MAX = 60_000
const CLIENT = { clientId: 'page-client', clientSecret: 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGa' }

test('the commands of the page about tokens get tokens and refresh them', async () => {
  const page = readFileSync(join(repositoryRoot(), 'docs/oauth.md'), 'utf8')
  const [buying = '', refreshing = ''] = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(
    ([, commands = '']) => commands,
  )
  const server = await startServer({ apps: [app('page', CLIENT)] })
  const run = (commands: string, environment: Readonly<Record<string, string>>) => {
    const env = { PATH: process.env['PATH'], CLIENT_ID: CLIENT.clientId, ...environment }
    const options = { encoding: 'utf8', timeout: RUN_MS_MAX, env } as const
    const ran = spawnSync('bash', ['-euo', 'pipefail', '-c', commands], options)
    assert.equal(ran.status, 0, ran.stderr)
    return JSON.parse(ran.stdout) as Record<string, unknown>
  }
  try {
    const here = (commands: string) => commands.replace('http://127.0.0.1:8080', server.http)
    assert.notEqual(here(buying), buying)
    const bought = run(here(buying), { CLIENT_SECRET: CLIENT.clientSecret })
    assert.equal(bought['token_type'], 'Bearer')
    const token = String(bought['refresh_token'])
    const refreshed = run(refreshing, { REFRESH: token, API: server.http })
    assert.match(String(refreshed['refresh_token']), /^rt_/)
    assert.notEqual(refreshed['refresh_token'], token)
  } finally {
    await server.stop()
  }
})
