/** The commands over the administration: the real program, as a person runs it, on a live server. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { OPERATIONS } from '../../packages/admin-api/src/operations.ts'
import { argumentsOf, type Ended, lockgate, startCommand } from '../support/command.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const home = mkdtempSync(join(tmpdir(), 'lockgate-cli-'))
after(() => rmSync(home, { recursive: true, force: true }))
const dataDir = join(home, 'data')
const keyFile = join(dataDir, 'operator.key')
const CHAT = app('chat')
const running = serving({ apps: [CHAT, app('shop')], dataDir })

/** Runs a command with the address and the key of the server in the environment. */
function run(...args: string[]): Promise<Ended> {
  const environment = {
    LOCKGATE_URL: running.server.http,
    LOCKGATE_OPERATOR_KEY_FILE: keyFile,
  }
  return lockgate(args, { environment, workingDir: home })
}

async function json(...args: string[]) {
  const { code, stdout, stderr } = await run(...args, '--json')
  assert.deepEqual([code, stderr], [0, ''], args.join(' '))
  return JSON.parse(stdout)
}

async function publishWith(value: string): Promise<number> {
  const { status } = await fetch(`${running.server.http}/apps/${CHAT.id}/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${value}`, 'content-type': 'application/json' },
    body: '{"name":"n","channel":"news","data":"d"}',
  })
  return status
}

test('whoami speaks as the key of the data directory, to the address that is named', async () => {
  const args = ['whoami', '--url', running.server.http, '--data-dir', dataDir]
  const { code, stdout, stderr } = await lockgate(args, { workingDir: home })
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^role +owner$/m)
  assert.equal((await json('whoami')).role, 'owner')
})

test('a key is made, rotated with an overlap, watched and revoked, each in one command', async () => {
  const made = await run('keys', 'create', CHAT.id, '--name', 'backend')
  assert.equal(made.code, 0)
  const first = /^value:\n(sk_\S+)$/m.exec(made.stdout)?.[1] ?? ''
  assert.match(made.stderr, /shown above, this once/)
  assert.ok(!made.stderr.includes(first), 'the value is on standard output only')
  const id = /^id +(cred_\S+)$/m.exec(made.stdout)?.[1] ?? ''
  assert.equal(await publishWith(first), 200)

  const rotated = await run('rotate', id, '--overlap', '1h', '--quiet')
  const second = rotated.stdout.trim()
  assert.match(second, /^sk_\S+$/, 'with --quiet the value is all there is')
  for (const value of [first, second]) assert.equal(await publishWith(value), 200)

  const readiness = await until('the use to be counted', async () => {
    const { stdout } = await run('secrets', 'readiness', id)
    return /blockers +127\.0\.0\.1 .*used version 1 over http/.test(stdout) && stdout
  })
  assert.match(readiness, /^can disable +no$/m)

  const revoked = await run('keys', 'revoke', id, '--reason', 'found in a repository')
  assert.match(revoked.stdout, /^Closed 0 connections on 1 node in [\d.]+ ms\.$/m)
  for (const value of [first, second]) assert.equal(await publishWith(value), 401)
})

test('revoking closes live connections, and the sentence says how many', async () => {
  const client = await running.clients.connected(CHAT)
  const { code, stdout } = await run(
    'revoke',
    '--kind',
    'app',
    '--app-id',
    CHAT.id,
    '--reason',
    'x',
  )
  assert.deepEqual([code, stdout.split(' on ')[0]], [0, 'Closed 1 connection'])
  await until('pusher-js to notice', () => client.connection.state !== 'connected')
})

test('--json prints the answer in the shape of the table, and nothing else', async () => {
  const made = OPERATIONS['credentials.create'].result.parse(
    await json(
      'secrets',
      'create',
      'shop',
      '--kind',
      'api_key',
      '--name',
      'b',
      '--scope',
      'publish',
    ),
  )
  assert.deepEqual(made.credential.scopes, ['publish'])
  const { id } = made.credential
  const cases = [
    ['tenants.list', 'tenants', 'list'],
    ['apps.list', 'apps', 'list'],
    ['credentials.list', 'keys', 'list', 'shop'],
    ['credentials.get', 'secrets', 'get', id],
    ['credentials.rotate', 'secrets', 'rotate', id, '--overlap', '30m'],
    ['credentials.revoke', 'revoke', id, '--reason', 'x'],
    ['audit.list', 'audit', 'list', '--limit', '3'],
    ['master-key.status', 'master-key', 'status'],
    ['master-key.rewrap', 'master-key', 'rewrap'],
  ] as const
  for (const [name, ...args] of cases) {
    const answer = OPERATIONS[name].result.safeParse(await json(...args))
    assert.ok(answer.success, `${args.join(' ')}: ${answer.error?.message}`)
  }
  const { items } = await json('keys', 'list', 'shop')
  assert.deepEqual(
    items.map((item: { kind: string }) => item.kind),
    ['api_key'],
    'keys are API keys only',
  )
})

test('lists are tables for people and ids for scripts', async () => {
  const { stdout } = await run('apps', 'list')
  const [head = '', ...rows] = stdout.trim().split('\n')
  assert.match(head, /^ID +.*NAME +.*REGION/)
  assert.deepEqual(
    rows.map((row) => row.split(' ')[0]),
    ['chat', 'shop'],
  )
  assert.equal((await run('apps', 'list', '-q')).stdout, 'chat\nshop\n')
  assert.match((await run('plans', 'list', '-q')).stdout, /^free$/m)
  const audit = await run('audit', 'list')
  assert.match(audit.stdout, /^SEQ +AT +ACTION +ACTOR +TARGET +OUTCOME/)
})

test('neither the operator key nor a value of your own can be seen in the process list', async () => {
  const value = 'a-value-of-my-own-8f3kq0dx7w2p5m6n1c4v9b'
  const args = ['secrets', 'create', 'shop', '--kind', 'jwt_secret', '--name', 'own']
  const environment = { LOCKGATE_URL: running.server.http, LOCKGATE_OPERATOR_KEY_FILE: keyFile }
  const command = startCommand([...args, '--value-file', '-', '--json'], {
    environment,
    workingDir: home,
  })
  command.write(value)
  // It waits for the end of standard input with the value half read.
  const seen = await until('the program to run', () => {
    const all = argumentsOf(command.pid)
    return all.length > 1 && all
  })
  for (const line of seen) {
    assert.ok(!line.includes(value) && !line.includes('op_'), 'a secret is in the arguments')
  }
  command.write('\n')
  command.end()
  const { code, stdout, stderr } = await command.ended
  assert.deepEqual([code, stderr], [0, ''])
  assert.equal(JSON.parse(stdout).credential.versions[0].origin, 'custom')
})

test('a key file that other users can read is not used', async () => {
  const path = join(home, 'open.key')
  writeFileSync(path, readFileSync(keyFile))
  chmodSync(path, 0o644)
  const { code, stdout, stderr } = await run('whoami', '--operator-key-file', path)
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /other users .*open\.key: chmod 600/)
})

test('a wrong key, a refusal and a wrong field are one line each, with exit code 1', async () => {
  const wrong = join(home, 'wrong.key')
  writeFileSync(wrong, 'op_0123456789_wrong\n', { mode: 0o600 })
  const cases = [
    [/\(credential_invalid\)\n$/, 'whoami', '--operator-key-file', wrong],
    [
      /nothing of this id here\. Look at the id.* \(not_found\)\n$/,
      'secrets',
      'get',
      'cred_absent',
    ],
    [/--limit: .* \(input_invalid\)\n$/, 'audit', 'list', '--limit', '100000'],
  ] as const
  for (const [pattern, ...args] of cases) {
    const { code, stdout, stderr } = await run(...args)
    assert.deepEqual([code, stdout], [1, ''], args.join(' '))
    assert.match(stderr, pattern)
    assert.equal(stderr.trim().split('\n').length, 1)
    assert.ok(!stderr.includes('op_'))
  }
})

test('a wrong command line is exit code 2, and the value of a misplaced secret is not repeated', async () => {
  for (const args of [
    ['secrets', 'rotat'],
    ['secrets', 'rotate'],
    ['secrets', 'rotate', 'cred_1', '--value', 'sk_misplaced'],
    ['secrets', 'create', 'shop', '--name', 'x', '--kind', 'sk_misplaced'],
    ['keys', 'create', 'shop', '--name', 'x', '--value-file', 'sk_misplaced'],
    ['audit', 'list', '--limit', 'sk_misplaced'],
  ]) {
    const { code, stdout, stderr } = await run(...args)
    assert.deepEqual([code, stdout], [2, ''], args.join(' '))
    assert.ok(stderr.startsWith('error: ') && !stderr.includes('sk_misplaced'), stderr)
  }
})

test('tenants, plans, apps and members are made and changed from a shell', async () => {
  const tenant = await json('tenants', 'create', '--name', 'Acme')
  const limits = ['--max-connections', '5', '--max-documents', '6', '--max-users-per-doc', '7']
  const plan = await json('plans', 'save', 'team', ...limits, '--ops-per-minute', '8')
  assert.deepEqual(plan.limits, {
    maxConnections: 5,
    maxDocuments: 6,
    maxUsersPerDoc: 7,
    opsPerMinute: 8,
  })
  const settings = ['--settings-client-messages', '--settings-cache-ttl', '10m']
  const domains = ['--allowed-domain', 'a.example', '--allowed-domain', 'b.example']
  const name = ['--name', 'editor', '--plan', 'team']
  const owner = ['--tenant-id', tenant.id]
  const made = await json('apps', 'create', ...owner, ...name, ...domains, ...settings)
  const { app: editor, signingSecret, clientSecret } = made
  assert.ok(signingSecret !== undefined && clientSecret !== undefined)
  assert.deepEqual(editor.allowedDomains, ['a.example', 'b.example'])
  assert.deepEqual(
    [editor.settings.clientMessages, editor.settings.cacheTtlMs, editor.plan],
    [true, 600_000, 'team'],
  )
  const changed = await json('apps', 'update', editor.id, '--no-allowed-domain')
  assert.deepEqual(changed.allowedDomains, [])
  const off = await json('apps', 'update', editor.id, '--no-settings-client-messages')
  assert.equal(off.settings.clientMessages, false)
  const person = ['--email', 'ada@acme.example', '--name', 'Ada', '--role', 'developer']
  await json('members', 'add', tenant.id, ...person)
  assert.match(
    (await run('members', 'list', tenant.id)).stdout,
    /ada@acme\.example +Ada +developer/,
  )
  const suspended = await run('tenants', 'suspend', tenant.id, '--reason', 'unpaid')
  assert.match(suspended.stdout, /^state +suspended$/m)
  assert.match(suspended.stdout, /^Closed 0 connections/m)
})

test('a list of several pages says how to go on, and --all goes on', async () => {
  const { stdout, stderr } = await run('plans', 'list', '--limit', '1')
  assert.equal(stdout.trim().split('\n').length, 2)
  const [, cursor = ''] = /^There is more: --all, or --cursor (\S+)\n$/.exec(stderr) ?? []
  const next = await json('plans', 'list', '--limit', '1', '--cursor', cursor)
  assert.notEqual(next.items[0].name, stdout.split('\n')[1]?.split(' ')[0])
  const whole = await json('plans', 'list')
  assert.ok(whole.items.length > 1)
  assert.deepEqual(await json('plans', 'list', '--limit', '1', '--all'), whole)
})

test('the audit log is verified in a sentence, and exported line by line', async () => {
  const verified = await run('audit', 'verify')
  assert.deepEqual([verified.code, verified.stderr], [0, ''])
  assert.match(
    verified.stdout,
    /^Sound: \d+ tenants?, \d+ chains?, \d+ rows?, \d+ checkpoints?\.\n$/,
  )
  const { code, stdout } = await run('audit', 'export')
  assert.equal(code, 0)
  const lines = stdout.trim().split('\n')
  assert.ok(lines.length > 3)
  for (const line of lines) assert.equal(typeof JSON.parse(line).class_uid, 'number')
})

test('a reader that leaves ends the command, which does not stay behind', async () => {
  const environment = { LOCKGATE_URL: running.server.http, LOCKGATE_OPERATOR_KEY_FILE: keyFile }
  const command = startCommand(['audit', 'export'], { environment, workingDir: home })
  command.closeOutput()
  const { code, stderr } = await command.ended
  assert.deepEqual([code, stderr], [1, ''])
})

test('a server that is not there is named, with how to start it', async () => {
  const { code, stdout, stderr } = await run('whoami', '--url', 'http://127.0.0.1:9')
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /^lockgate: nothing answers at http:\/\/127\.0\.0\.1:9: .*lockgate serve/)
})

test('the address and the key come from the configuration of the server, too', async () => {
  const config = join(home, 'client.yaml')
  const { port } = running.server
  writeFileSync(config, JSON.stringify({ dataDir, listen: { http: `0.0.0.0:${port}` } }))
  const { code, stderr } = await lockgate(['whoami', '--config', config], { workingDir: home })
  assert.deepEqual([code, stderr], [0, ''])
})

test('keys are generated offline, without a server and without a key', async () => {
  const { code, stdout, stderr } = await lockgate(['keys', 'generate', '--type', 'sk'])
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^sk_\S+\n$/)
})
