import { afterAll, describe, expect, test } from 'bun:test'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { version } from '../../package.json'

const BIN = resolve(import.meta.dir, '../../bin/lockgate.js')
const NODE = process.env['npm_node_execpath'] ?? 'node'
const MASTER_KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='
const SECRET = 'q8Zr2LmW0xT5vKc7'

const folder = mkdtempSync(join(tmpdir(), 'lockgate-cli-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const YAML = `mode: production
dataDir: ./data
masterKeyFile: ./master
tenants:
  - id: 3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111
    shortId: org_k7xm4pqr2n5t
    name: Acme
    apps:
      - { id: 8d1f02, name: chat, key: pk-9f2e61, secret: ${SECRET},
          allowedOrigins: ["https://app.example.com"] }
`

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Nothing that configures the process of the tests gets into the programs they start. */
const CLEAN = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('LOCKGATE_')),
)

/** Runs the real command as a user does. */
function lockgate(args: string[], environment: Record<string, string> = {}): Promise<Ended> {
  const env = { ...CLEAN, ...environment }
  return new Promise((done, failed) => {
    const child = spawn(NODE, [BIN, ...args], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended: Ended = { code: null, stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (ended.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (ended.stderr += text))
    child.on('error', failed)
    child.on('close', (code) => done({ ...ended, code }))
  })
}

test.each(['completion bash', 'rules --help', 'keys generate --type sk'])(
  '%s ends without a word when nobody reads on',
  (words) => {
    const piped = `{ '${NODE}' '${BIN}' ${words}; echo "code $?" >&2; } | true`
    const { stdout, stderr } = spawnSync('bash', ['-c', piped], { env: CLEAN, encoding: 'utf8' })
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: 'code 1\n' })
  },
)

describe('check-config', () => {
  write('master', `${MASTER_KEY}\n`)
  const yaml = write('lockgate.yaml', YAML)

  test('prints the effective configuration of a YAML file, secrets as `***`', async () => {
    const { code, stdout, stderr } = await lockgate(['check-config', '--config', yaml])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('http: 127.0.0.1:8080')
    expect(stdout).toContain(`dataDir: ${join(folder, 'data')}`)
    expect(stdout).toContain(`masterKeyFile: ${join(folder, 'master')}`)
    expect(stdout).toContain('secret: "***"')
    expect(stdout).not.toContain(SECRET)
    expect(stdout).not.toContain(MASTER_KEY)
  })

  test('reads JSON, flags and the file of LOCKGATE_CONFIG, and prints JSON', async () => {
    write('lockgate.json', '{ "drainMs": 1, "listen": { "http": "0.0.0.0:0" } }')
    const args = ['check-config', '--json', '--drain-ms', '3', '--no-demo']
    const environment = { LOCKGATE_CONFIG: 'lockgate.json', LOCKGATE_LISTEN_OPS: '127.0.0.1:0' }
    const { code, stdout } = await lockgate(args, environment)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      config: {
        drainMs: 3,
        demo: false,
        listen: { http: '0.0.0.0:0', ops: '127.0.0.1:0' },
        dataDir: join(folder, 'data'),
      },
    })
  })

  test('the variables of the commands that call a server do not stop one from starting', async () => {
    const environment = {
      LOCKGATE_URL: 'http://127.0.0.1:8080',
      LOCKGATE_OPERATOR_KEY: 'op_not_shown',
      LOCKGATE_OPERATOR_KEY_FILE: 'operator.key',
    }
    const { code, stdout, stderr } = await lockgate(['check-config'], environment)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).not.toContain('op_not_shown')
  })

  test('every secret can come from a file that a variable names', async () => {
    const text = YAML.replace(/masterKeyFile.*\n/, '').replace(` secret: ${SECRET},`, '')
    const path = write('no-secrets.yaml', text)
    write('signing', SECRET)
    const environment = {
      LOCKGATE_MASTER_KEY_FILE: 'master',
      LOCKGATE_KEY_PK_9F2E61_SECRET_FILE: 'signing',
    }
    expect(await lockgate(['check-config', '--config', path], environment)).toMatchObject({
      code: 0,
      stderr: '',
    })
    const without = await lockgate(['check-config', '--config', path])
    expect(without.code).toBe(2)
    expect(without.stderr).toContain('LOCKGATE_KEY_PK_9F2E61_SECRET_FILE')
  })

  test('all problems are on standard error at once, with exit code 2 and no secret', async () => {
    const text = YAML.replace('dataDir: ./data', 'dataDri: ./data\ndrainMs: 99999999')
      .replace('id: 8d1f02', 'id: app-id')
      .replace('allowedOrigins: ["https://app.example.com"]', 'allowedOrigins: []')
    const path = write('wrong.yaml', text)
    const args = ['check-config', '--config', path, '--log-level', 'loud']
    const { code, stdout, stderr } = await lockgate(args, { LOCKGATE_MODES: 'x' })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    for (const where of [
      `${path}:2 dataDri: `,
      `${path}:3 drainMs: `,
      'LOCKGATE_MODES: ',
      '--log-level: ',
      'tenants[0].apps[0].id: production',
      'tenants[0].apps[0].allowedOrigins: production',
    ]) {
      expect(stderr).toContain(where)
    }
    expect(stderr).toContain('the configuration has 6 problems')
    expect(stderr).not.toContain(SECRET)
  })

  test('with --json the problems are an object on standard output', async () => {
    const { code, stdout, stderr } = await lockgate(['check-config', '--json', '--mode', 'x'])
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' })
    const [problem] = JSON.parse(stdout).problems
    expect(problem).toEqual({
      where: '--mode',
      what: 'this choice is not known',
      next: 'use `development` or `production`',
    })
  })

  test('a file that cannot be read is said plainly', async () => {
    writeFileSync(join(folder, 'latin1.yaml'), Buffer.from([0x61, 0x3a, 0xff]))
    mkdirSync(join(folder, 'directory'))
    const cases = [
      ['absent.yaml', 'does not exist'],
      ['directory', 'is a directory'],
      ['latin1.yaml', 'cannot be read as UTF-8'],
      ['', 'does not exist'],
    ] as const
    for (const [name, what] of cases) {
      const { code, stderr } = await lockgate(['check-config', '--config', name])
      expect(code).toBe(2)
      expect(stderr).toContain(what)
    }
  })
})

describe('serve', () => {
  test('does not start with a wrong configuration: exit code 2, nothing made', async () => {
    const path = write('app-key.yaml', YAML.replace('pk-9f2e61', 'app-key'))
    const { code, stdout, stderr } = await lockgate(['serve', '--config', path])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('production does not take a well-known id or key')
  })

  test('runs until a signal, and ends with 0; launcher and server may both get it', async () => {
    const args = [
      BIN,
      'serve',
      '--data-dir',
      join(folder, 'served'),
      '--drain-ms',
      '0',
      '--no-demo',
    ]
    const ports = ['--listen-http', '--listen-mqtt', '--listen-ops']
    const listen = ports.flatMap((flag) => [flag, '127.0.0.1:0'])
    const child = spawn(NODE, [...args, ...listen], {
      cwd: folder,
      env: CLEAN,
      detached: true,
    })
    const group = -(child.pid ?? 0)
    let output = ''
    const code = await new Promise<number | null>((done) => {
      child.stderr.on('data', (text) => (output += String(text)))
      child.stdout.on('data', (text) => {
        const isNew = !output.includes('Lockgate is running')
        output += String(text)
        if (isNew && output.includes('Lockgate is running')) process.kill(group, 'SIGINT')
      })
      child.on('close', done)
    })
    expect({ code, output }).toMatchObject({ code: 0 })
  })

  test('an address in use is one plain line and exit code 1', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const others = ['--listen-mqtt', '127.0.0.1:0', '--listen-ops', '127.0.0.1:0']
    const listen = ['--listen-http', `127.0.0.1:${port}`, ...others]
    const { code, stderr } = await lockgate(['serve', '--store', 'memory', '--no-demo', ...listen])
    taken.close()
    expect(code).toBe(1)
    expect(stderr).toContain(`127.0.0.1:${port}`)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })
})

describe('the command line', () => {
  test.each([
    [[], 'Usage: lockgate'],
    [['serv'], 'Did you mean serve?'],
    [['serve', '--listen-htp', 'x'], 'Did you mean --listen-http?'],
    [['serve', '--drain-ms'], 'argument missing'],
    [['serve', 'now'], 'too many arguments'],
    [['completion'], "missing required argument 'shell'"],
    [['completion', 'tcsh'], 'use bash, zsh, fish'],
  ])('%j is a usage error: exit code 2', async (args, text) => {
    const { code, stdout, stderr } = await lockgate(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(text)
  })

  test('prints its version', async () => {
    expect(await lockgate(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
    expect((await lockgate(['version'])).stdout).toStartWith(`lockgate ${version} (Bun `)
  })

  test.each([
    [['--help'], 'Exit codes:'],
    [['help', 'serve'], '--listen-http <host:port>'],
    [['serve', '--help'], '[LOCKGATE_LISTEN_HTTP]'],
    [['check-config', '--help'], 'Examples:'],
    [['completion', '--help'], 'Examples:'],
  ])('%j explains, with examples', async (args, text) => {
    const { code, stdout } = await lockgate(args)
    expect(code).toBe(0)
    expect(stdout).toContain(text)
  })
})

describe('completion', () => {
  /** What bash offers for a line, with the script of the program. */
  function bashOffers(script: string, line: string): string[] {
    const words = line.split(' ')
    const shell = `${script}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length - 1}
_lockgate
printf '%s\\n' "\${COMPREPLY[@]}"`
    // Not with -c: Linux takes arguments of 128 KiB at most, and the script is longer.
    const read = { cwd: folder, input: shell, encoding: 'utf8' } as const
    const { stdout } = spawnSync('bash', ['--norc', '-s'], read)
    return stdout.split('\n').filter((each) => each !== '')
  }

  test('bash reads the script, and it completes commands, flags, values and files', async () => {
    const { code, stdout } = await lockgate(['completion', 'bash'])
    expect(code).toBe(0)
    const check = spawnSync('bash', ['-n'], { input: stdout, encoding: 'utf8' })
    expect({ status: check.status, stderr: check.stderr }).toEqual({ status: 0, stderr: '' })
    expect(bashOffers(stdout, 'lockgate ch')).toEqual(['check-config'])
    expect(bashOffers(stdout, 'lockgate serve --listen-h')).toEqual([
      '--listen-http',
      '--listen-https',
    ])
    expect(bashOffers(stdout, 'lockgate serve --mode p')).toEqual(['production'])
    expect(bashOffers(stdout, 'lockgate serve --demo ')).toEqual(['true', 'false'])
    expect(bashOffers(stdout, 'lockgate serve --demo --no-')).toEqual([
      '--no-demo',
      '--no-load-shedding',
    ])
    expect(bashOffers(stdout, 'lockgate check-config --js')).toEqual(['--json'])
    expect(bashOffers(stdout, 'lockgate completion f')).toEqual(['fish'])
    expect(bashOffers(stdout, 'lockgate serve --config maste')).toEqual(['master'])
  })

  test('bash completes commands of commands, wherever flags stand between', async () => {
    const { stdout } = await lockgate(['completion', 'bash'])
    expect(bashOffers(stdout, 'lockgate master')).toEqual(['master-key'])
    expect(bashOffers(stdout, 'lockgate secrets ro')).toEqual(['rotate', 'rollback'])
    expect(bashOffers(stdout, 'lockgate secrets rotate cred_1 --over')).toEqual(['--overlap'])
    expect(bashOffers(stdout, 'lockgate secrets --url x rotate --over')).toEqual(['--overlap'])
    expect(bashOffers(stdout, 'lockgate secrets create a --kind jwt')).toEqual(['jwt_secret'])
    expect(bashOffers(stdout, 'lockgate secrets create a --value-file maste')).toEqual(['master'])
    expect(bashOffers(stdout, 'lockgate keys ge')).toEqual(['generate'])
    expect(bashOffers(stdout, 'lockgate keys generate --ty')).toEqual(['--type'])
    expect(bashOffers(stdout, 'lockgate rotate cred_1 --js')).toEqual(['--json'])
    expect(bashOffers(stdout, 'lockgate help se')).toEqual(['serve', 'secrets'])
  })

  test.each(['zsh', 'fish'])('%s gets every command and flag', async (shell) => {
    const { code, stdout } = await lockgate(['completion', shell])
    expect(code).toBe(0)
    const dashes = shell === 'zsh' ? '--' : '-l '
    for (const name of ['listen-http', 'master-key-file', 'no-demo', 'json', 'overlap']) {
      expect(stdout).toContain(`${dashes}${name}`)
    }
    for (const name of [
      'serve',
      'check-config',
      'completion',
      'help',
      'secrets rotate',
      'rewrap',
    ]) {
      expect(stdout).toContain(name)
    }
    expect(stdout).not.toContain('--master-key[')
  })
})

describe('the launcher', () => {
  /** A package of the same shape, with a program and a runtime package made for the test. */
  function packageWith(name: string, parts: { main: string; install?: string }): string {
    const root = join(folder, name)
    for (const each of ['bin', 'src', 'node_modules/bun/bin']) {
      mkdirSync(join(root, each), { recursive: true })
    }
    writeFileSync(join(root, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(root, 'src/main.ts'), parts.main)
    writeFileSync(join(root, 'node_modules/bun/package.json'), '{ "name": "bun" }')
    writeFileSync(join(root, 'node_modules/bun/bin/bun.exe'), 'placeholder')
    chmodSync(join(root, 'node_modules/bun/bin/bun.exe'), 0o755)
    const link = `const { rmSync, symlinkSync } = require('node:fs')
rmSync('bin/bun.exe')
symlinkSync(${JSON.stringify(process.execPath)}, 'bin/bun.exe')`
    writeFileSync(join(root, 'node_modules/bun/install.js'), parts.install ?? link)
    spawnSync('cp', [BIN, join(root, 'bin/lockgate.js')])
    return root
  }

  const launch = (root: string, args: string[] = []) =>
    spawn(NODE, ['bin/lockgate.js', ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })

  function watch(child: ReturnType<typeof launch>): {
    ended: Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }>
    ready: Promise<void>
  } {
    let stdout = ''
    let stderr = ''
    child.stderr?.on('data', (text) => (stderr += String(text)))
    const ready = new Promise<void>((done) => {
      child.stdout?.on('data', (text) => {
        stdout += String(text)
        if (stdout.includes('ready')) done()
      })
    })
    const ended = new Promise<Awaited<ReturnType<typeof watch>['ended']>>((done) => {
      child.on('close', (code, signal) => done({ code, signal, stdout, stderr }))
    })
    return { ended, ready }
  }

  test('finishes an installation whose install step was left out, once', async () => {
    const root = packageWith('unfinished', {
      main: 'console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 7',
    })
    const first = await watch(launch(root, ['a b', '--c'])).ended
    expect(first).toMatchObject({ code: 7, stdout: '["a b","--c"]\n' })
    expect(first.stderr).toContain('finishing the installation')
    const second = await watch(launch(root)).ended
    expect(second).toMatchObject({ code: 7, stderr: '' })
  })

  test('says what to do when that does not work', async () => {
    const install = 'console.error("no network"); process.exit(1)'
    const root = packageWith('broken', { main: '', install })
    const { code, stderr } = await watch(launch(root)).ended
    expect(code).toBe(1)
    expect(stderr).toContain('npm rebuild bun')
    expect(stderr).toContain('no network')
  })

  test('hands signals on, and ends as the program ended', async () => {
    const root = packageWith('signals', {
      main: `process.on('SIGTERM', () => process.exit(9))
console.log('ready')
setInterval(() => {}, 1000)`,
    })
    const stopped = launch(root)
    const first = watch(stopped)
    await first.ready
    stopped.kill('SIGTERM')
    expect(await first.ended).toMatchObject({ code: 9, signal: null })
    const killed = launch(root)
    const second = watch(killed)
    await second.ready
    killed.kill('SIGINT')
    expect(await second.ended).toMatchObject({ code: null, signal: 'SIGINT' })
  })

  test('lets the folder it is started in add neither variables nor code', async () => {
    const root = packageWith('isolated', {
      main: 'console.log(process.env.FROM_DOTENV ?? "clean")',
    })
    writeFileSync(join(root, '.env'), 'FROM_DOTENV=read')
    writeFileSync(join(root, 'bunfig.toml'), 'preload = ["./preload.ts"]')
    writeFileSync(join(root, 'preload.ts'), 'console.log("preloaded")')
    expect(await watch(launch(root)).ended).toMatchObject({ code: 0, stdout: 'clean\n' })
  })

  test('tells the program who started it', async () => {
    const main = 'console.log(process.env.LOCKGATE_LAUNCHER_PID === String(process.ppid))'
    const root = packageWith('parent', { main })
    expect(await watch(launch(root)).ended).toMatchObject({ code: 0, stdout: 'true\n' })
  })
})
