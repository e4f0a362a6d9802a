/** The log of a data directory without its server, and the keys it can be verified with. */
import { type AuditFiles, openAuditFiles } from '../../adapters/store-sqlite/audit-files.ts'
import { CONTROL_DATABASE_FILE } from '../../adapters/store-sqlite/file-names.ts'
import { runMasterKeyCommand } from '../../adapters/master-key-file/key-command.ts'
import { loadKeyFile, replaceKeyFile } from '../../adapters/master-key-file/key-file.ts'
import { systemRandom } from '../../adapters/system/random.ts'
import { masterKeySource } from '../../assembly/master-key.ts'
import type { Config } from '../../config/config.ts'
import { publicJwkOf } from '../../credentials/audit/checkpoint-body.ts'
import type { AuditKeys } from '../../credentials/audit/verification.ts'
import { openAuditKeys } from '../../credentials/installation-keys.ts'
import { parseMasterKey } from '../../credentials/master-key.ts'
import { StartProblem } from '../../ports/start-problem.ts'

export interface OfflineLog {
  readonly files: AuditFiles
  readonly keys: AuditKeys
  /** Why there are no keys; then hashes and what is given otherwise is all that is looked at. */
  readonly keyProblem: string | undefined
}

const NO_KEYS: AuditKeys = { seal: undefined, checkpoint: undefined }

/** @throws Outage when the files cannot be read. */
export async function openOffline(config: Config): Promise<OfflineLog> {
  const files = openAuditFiles(config.dataDir)
  const text = await readMasterKey(config)
  if (text.problem !== undefined) return { files, keys: NO_KEYS, keyProblem: text.problem }
  const masterKey = parseMasterKey(text.value)
  const opened = masterKey.ok ? openAuditKeys(files.installationKeys, masterKey.value) : masterKey
  if (!opened.ok) {
    return { files, keys: NO_KEYS, keyProblem: opened.detail ?? 'the master key does not fit' }
  }
  const { seal, publicKey } = opened.value
  const checkpoint = publicKey && { publicKey, keyId: publicJwkOf(publicKey).kid }
  const isWhole = seal !== undefined && checkpoint !== undefined
  const keyProblem = isWhole ? undefined : 'the keys of the audit are not in the database'
  return { files, keys: { seal, checkpoint }, keyProblem }
}

type KeyText =
  | { readonly value: string; readonly problem: undefined }
  | { readonly problem: string }

/** Nothing is made: with a control database beside it a missing key is a problem. */
async function readMasterKey(config: Config): Promise<KeyText> {
  const source = masterKeySource(config, {
    random: systemRandom,
    controlDatabaseFile: CONTROL_DATABASE_FILE,
    loadFile: loadKeyFile,
    replaceFile: replaceKeyFile,
    runCommand: runMasterKeyCommand,
  })
  try {
    return { value: await source.read(), problem: undefined }
  } catch (error) {
    if (error instanceof StartProblem) return { problem: error.problem }
    throw error
  }
}
