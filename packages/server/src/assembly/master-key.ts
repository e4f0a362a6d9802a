/** Where the master key of this start comes from, and how it can be changed later. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Result } from '@lockgate/protocol/result'
import type { Config } from '../config/config.ts'
import { createMasterKeyFile } from '../credentials/master-key.ts'
import type { MasterKeySource } from '../ports/master-key-source.ts'
import type { Random } from '../ports/random.ts'
import { StartProblem } from '../ports/start-problem.ts'
import { orStop } from './or-stop.ts'

/** The adapters that hold keys, as `compose.ts` chose them. */
export interface KeyAdapters {
  readonly random: Random
  /** Named to tell whether there is data that an absent key would open. */
  readonly controlDatabaseFile: string
  loadFile(path: string, makeText: () => string): Result<{ readonly text: string }, string>
  replaceFile(
    path: string,
    change: { readonly before: string; readonly after: string },
  ): Result<undefined, string>
  runCommand(argv: readonly string[]): Promise<Result<string, string>>
}

export function masterKeySource(config: Config, adapters: KeyAdapters): MasterKeySource {
  const { masterKey, masterKeyFile, masterKeyCommand, dataDir } = config
  if (masterKeyCommand !== undefined) {
    const read = async () => orStop(await adapters.runCommand(masterKeyCommand))
    return { kind: 'command', read, write: undefined }
  }
  if (masterKeyFile !== undefined) return fileSource(masterKeyFile, neverMade, adapters)
  if (masterKey !== undefined) {
    return { kind: 'value', read: async () => masterKey, write: undefined }
  }
  if (config.store === 'memory') return memorySource(adapters.random)
  const path = join(dataDir, 'master.key')
  const make = () => makeMasterKey(path, config, adapters)
  return fileSource(path, make, adapters)
}

function fileSource(path: string, make: () => string, adapters: KeyAdapters): MasterKeySource {
  const read = async () => orStop(adapters.loadFile(path, make)).text
  return {
    kind: 'file',
    read,
    async write(after) {
      orStop(adapters.replaceFile(path, { before: await read(), after }))
    },
  }
}

/** What is sealed in memory ends with the process, and so may its key. */
function memorySource(random: Random): MasterKeySource {
  let text = createMasterKeyFile(random)
  const write = async (after: string) => {
    text = after
  }
  return { kind: 'memory', read: async () => text, write }
}

function neverMade(): never {
  throw new StartProblem('the configured masterKeyFile is gone: put it back from your backup')
}

/** A new key beside old data would open nothing of it, so a lost key is said before one is made. */
function makeMasterKey(path: string, { dataDir }: Config, adapters: KeyAdapters): string {
  if (existsSync(join(dataDir, adapters.controlDatabaseFile))) {
    throw new StartProblem(
      `${path} is missing, and the secrets in ${dataDir} open with nothing else. Put it back ` +
        'from your backup or give it as masterKey; to begin anew, move the data directory away.',
    )
  }
  return createMasterKeyFile(adapters.random)
}
