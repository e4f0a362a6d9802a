/**
 * `lockgate audit verify`: asks the running server, or reads its files without it; and compares the
 * rows with what a witness has, with a key that was kept away from the server.
 */
import { type AdminClient, createAdminClient, valueOrThrow } from '@lockgate/admin-api/client'
import { AdminProblem, AdminUnreachable } from '@lockgate/admin-api/problem'
import { version } from '../../../package.json'
import {
  type CheckpointKey,
  parseBody,
  readCheckpointKey,
} from '../../credentials/audit/checkpoint-body.ts'
import { verifyAudit } from '../../credentials/audit/verification.ts'
import { checkWitness } from '../../credentials/audit/witness-check.ts'
import type { AuditSource } from '../../ports/audit-log.ts'
import { Outage } from '../../ports/outage.ts'
import { type ConnectionFlags, findConnection } from '../admin/connection.ts'
import { formatProblems, loadFromProcess } from '../configuration.ts'
import { EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_OK } from '../exit.ts'
import { type Finding, findingOf, sentenceOf } from './findings.ts'
import { openOffline } from './offline.ts'
import { remoteSource } from './remote-source.ts'
import { countUnreadable, readPublicKeyFile, readWitnessFile } from './witness-file.ts'

export interface VerifyFlags extends ConnectionFlags {
  readonly tenantId?: string
  readonly json?: boolean
  readonly offline?: boolean
  readonly witness?: string
  readonly publicKey?: string
}

/** A reason to stop that is not a finding. */
class Refusal extends Error {
  readonly exitCode: number

  constructor(text: string, exitCode: number = EXIT_CONFIGURATION) {
    super(text)
    this.exitCode = exitCode
  }
}

/** @returns 0 when all that was looked at is sound, 1 when something is not. */
export async function runAuditVerify(flags: VerifyFlags): Promise<number> {
  let isSound = true
  const show = (finding: Finding) => {
    if (!finding.isSound) isSound = false
    const text = flags.json === true ? JSON.stringify(finding) : sentenceOf(finding)
    process.stdout.write(`${text}\n`)
  }
  try {
    const key = flags.publicKey === undefined ? undefined : publicKeyOf(flags.publicKey)
    await (flags.offline === true ? verifyOffline : verifyOnline)({ flags, key, show })
    return isSound ? EXIT_OK : EXIT_FAILURE
  } catch (error) {
    const text = refusalText(error)
    if (text === undefined) throw error
    process.stderr.write(`lockgate: ${text}\n`)
    return error instanceof Refusal ? error.exitCode : EXIT_FAILURE
  }
}

interface Task {
  readonly flags: VerifyFlags
  readonly key: CheckpointKey | undefined
  readonly show: (finding: Finding) => void
}

async function verifyOffline({ flags, key, show }: Task): Promise<void> {
  const { config: configPath, dataDir, tenantId, witness } = flags
  const given = dataDir === undefined ? {} : { 'data-dir': dataDir }
  const loaded = await loadFromProcess({ configPath, flags: given })
  if (!loaded.ok) throw new Refusal(formatProblems(loaded.problems).replace(/^lockgate: /, ''))
  const { files, keys: own, keyProblem } = await openOffline(loaded.config)
  const keys = { ...own, checkpoint: key ?? own.checkpoint }
  if (keyProblem !== undefined) {
    process.stderr.write(`lockgate: seals are not looked at: ${keyProblem}\n`)
  }
  try {
    const scope = tenantId === undefined ? undefined : { tenantId }
    for await (const finding of verifyAudit(files.source, keys, scope)) {
      if (finding.kind === 'fault') show(findingOf(finding.fault))
      if (finding.kind === 'verdict') show({ kind: 'verdict', ...finding.verdict })
    }
    if (witness === undefined) return
    if (keys.checkpoint === undefined) throw new Refusal('a witness needs --public-key')
    if (key === undefined) process.stderr.write(OWN_KEY_TEXT)
    await compare({ path: witness, source: files.source, key: keys.checkpoint, show })
  } finally {
    files.close()
  }
}

async function verifyOnline({ flags, key, show }: Task): Promise<void> {
  const connection = await findConnection(flags, process.env)
  if (!connection.ok) {
    throw new Refusal(connection.text.replace(/^lockgate: /, '').trimEnd(), connection.exitCode)
  }
  const { url, key: operatorKey } = connection
  const client = createAdminClient({ url, key: operatorKey, agent: `lockgate-cli/${version}` })
  const { tenantId, witness } = flags
  const parameters = tenantId === undefined ? {} : { tenantId }
  let isWhole = false
  for await (const line of client.lines('audit.verify', { parameters })) {
    isWhole = line.kind === 'verdict'
    show(line)
  }
  if (!isWhole) throw new Refusal('the server ended before its verdict: try again', EXIT_FAILURE)
  if (witness === undefined) return
  if (key === undefined) process.stderr.write(OWN_KEY_TEXT)
  const checked = key ?? (await keyOfServer(client))
  const codes = await witnessedCodes(witness)
  await compare({ path: witness, source: remoteSource(client, codes), key: checked, show })
}

const OWN_KEY_TEXT =
  'lockgate: the public key comes from the server itself; keep it elsewhere and give --public-key\n'

async function compare({
  path,
  source,
  key,
  show,
}: {
  readonly path: string
  readonly source: AuditSource
  readonly key: CheckpointKey
  readonly show: (finding: Finding) => void
}): Promise<void> {
  const unreadableCount = await countUnreadable(path)
  for await (const finding of checkWitness(source, () => readWitnessFile(path), key)) {
    if (finding.kind === 'fault') show(findingOf(finding.fault))
    if (finding.kind !== 'verdict') continue
    show({ kind: 'witness_verdict', ...finding.verdict, unreadableCount })
  }
}

async function witnessedCodes(path: string): Promise<ReadonlySet<string>> {
  const codes = new Set<string>()
  for await (const { body } of readWitnessFile(path)) {
    for (const code of Object.keys(parseBody(body)?.heads ?? {})) codes.add(code)
  }
  return codes
}

async function keyOfServer(client: AdminClient): Promise<CheckpointKey> {
  const key = readCheckpointKey(valueOrThrow(await client.call('audit.public-key')))
  if (key === undefined) throw new Refusal('the server gives no Ed25519 key', EXIT_FAILURE)
  return key
}

function publicKeyOf(path: string): CheckpointKey {
  const key = readPublicKeyFile(path)
  if (key === undefined) throw new Refusal(`${path} holds no Ed25519 public key as a JWK`)
  return key
}

/** @returns undefined for a bug. */
function refusalText(error: unknown): string | undefined {
  if (error instanceof Refusal) return error.message
  if (error instanceof Outage) return `${error.message} (${error.code})`
  if (error instanceof AdminProblem) return `${error.detail ?? error.title} (${error.code})`
  if (error instanceof AdminUnreachable) return `no whole answer from ${error.url}`
  // Of the files that were named.
  const isOfFile = error instanceof Error && 'code' in error && 'path' in error
  return isOfFile ? error.message : undefined
}
