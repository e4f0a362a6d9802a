/**
 * A log of two runs of a server with a database per region, and copies of its directory that were
 * tampered with while no server ran. For the attack tests.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Administration, ownerKey } from './administration.ts'
import { repositoryRoot, startServer } from './server.ts'

const ROOT = repositoryRoot()
const BUN = join(ROOT, 'node_modules/bun/bin/bun.exe')
const BIN = join(ROOT, 'packages/server/bin/lockgate.js')
const REGIONS = ['local', 'eu'].map((code) => ({ code, label: code, dbCode: code }))
const KEYS_PER_RUN = ['first', 'second', 'third']

export interface Fault {
  readonly tenantId: string
  readonly database: string
  readonly seq: number
  readonly throughSeq?: number
  readonly code: string
}

export interface Verified {
  readonly status: number | null
  readonly faults: readonly Fault[]
}

export const SOUND: Verified = { status: 0, faults: [] }

/** What was found: one fault in the chain of the tenant in `eu`. */
export type FoundInEu = Pick<Fault, 'seq' | 'code'> & Partial<Pick<Fault, 'throughSeq'>>

export class AttackedLog {
  readonly home = mkdtempSync(join(tmpdir(), 'lockgate-attack-'))
  readonly whole = join(this.home, 'whole')
  /** A copy from between the two runs. */
  readonly earlier = join(this.home, 'earlier')
  readonly witness = join(this.home, 'witness')
  readonly publicKey = join(this.home, 'key.json')
  tenant = ''
  /** The last row of the tenant in `eu` that the checkpoint of the first run has signed. */
  signedSeq = 0
  /** Of the second run. */
  lastSeq = 0

  async write(): Promise<void> {
    const appId = await this.serve(this.whole, async (admin) => {
      const { body } = await admin.call('audit.public-key')
      writeFileSync(this.publicKey, JSON.stringify(body))
      this.tenant = (await admin.done('tenants.create', { body: { name: 'Acme' } })).id
      const plan = { plan: 'unlimited', type: 'confidential' }
      const app = { tenantId: this.tenant, name: 'chat', region: 'eu', ...plan }
      const { id } = (await admin.done('apps.create', { body: app })).app
      await makeKeys(admin, id)
      const parameters = { tenantId: this.tenant, database: 'eu' }
      this.signedSeq = (await admin.done('audit.list', { parameters })).items.length
      this.lastSeq = this.signedSeq + KEYS_PER_RUN.length
      return id
    })
    cpSync(this.whole, this.earlier, { recursive: true })
    await this.serve(this.whole, (admin) => makeKeys(admin, appId))
  }

  remove(): void {
    rmSync(this.home, { recursive: true, force: true })
  }

  /** Runs a server on a directory for as long as `work` takes; its end signs a checkpoint. */
  async serve<T>(
    dataDir: string,
    work: (admin: Administration, url: string) => Promise<T>,
  ): Promise<T> {
    const audit = dataDir === this.whole ? { witnessFile: this.witness } : {}
    const server = await startServer({ dataDir, config: { regions: REGIONS, audit } })
    try {
      const admin = new Administration(
        () => server,
        () => ownerKey(dataDir),
      )
      return await work(admin, server.http)
    } finally {
      await server.stop()
    }
  }

  /** @returns a copy of the whole directory. */
  copy(name: string): string {
    const dataDir = join(this.home, name)
    cpSync(this.whole, dataDir, { recursive: true })
    return dataDir
  }

  /** @returns a copy of the whole directory that was attacked at a row of the tenant in `eu`. */
  attacked(attack: string, seq: number): string {
    const dataDir = this.copy(attack)
    const script = join(ROOT, 'test/support/audit-attacks.ts')
    const args = [script, dataDir, attack, this.tenant, String(seq)]
    const ran = spawnSync(BUN, args, { encoding: 'utf8' })
    assert.equal(ran.status, 0, ran.stderr)
    return dataDir
  }

  run(args: readonly string[]) {
    return spawnSync(process.execPath, [BIN, 'audit', 'verify', ...args], {
      encoding: 'utf8',
      cwd: this.home,
      env: { PATH: process.env['PATH'], HOME: this.home },
    })
  }

  offline(dataDir: string, ...more: readonly string[]): Verified {
    return this.#verify(['--offline', '--data-dir', dataDir, ...more])
  }

  /** Starts a server on the directory and asks it. */
  online(dataDir: string, ...more: readonly string[]): Promise<Verified> {
    return this.serve(dataDir, async (_admin, url) =>
      this.#verify(['--url', url, '--data-dir', dataDir, ...more]),
    )
  }

  get withWitness(): readonly string[] {
    return ['--witness', this.witness, '--public-key', this.publicKey]
  }

  found(fault: FoundInEu): Verified {
    return { status: 1, faults: [{ tenantId: this.tenant, database: 'eu', ...fault }] }
  }

  #verify(args: readonly string[]): Verified {
    const { stdout, stderr, status } = this.run(['--json', ...args])
    const lines = stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
    assert.ok(lines.at(-1)?.kind.endsWith('verdict'), stderr)
    for (const { isSound, faultCount, kind } of lines) {
      if (kind === 'verdict') assert.equal(isSound, faultCount === 0)
    }
    return { status, faults: lines.filter(({ kind }) => kind === 'fault').map(faultOf) }
  }
}

async function makeKeys(admin: Administration, appId: string): Promise<void> {
  for (const name of KEYS_PER_RUN) {
    const body = { kind: 'api_key', name }
    await admin.done('credentials.create', { parameters: { appId }, body })
  }
}

function faultOf({ tenantId, database, seq, throughSeq, code }: Fault): Fault {
  return { tenantId, database, seq, ...(throughSeq === undefined ? {} : { throughSeq }), code }
}
